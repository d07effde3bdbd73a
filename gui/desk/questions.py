"""Questions the desk asks once: they name the person and say what can be undone."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from attendance.types import Person
from gui.messages import isolated
from gui.widgets import Button, Symbol, Text

WIDTH_PX = 520
WORDS_PX = WIDTH_PX - 2 * 24 - 48 - 16


class Question(QDialog):
    """One question with a safe answer, which Return and Escape give, and the one that acts."""

    def __init__(
        self,
        title: str,
        sentences: Sequence[str],
        *,
        action: str,
        kind: str = "danger",
        symbol: str = "warning",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setModal(True)
        self.setWindowTitle(title)
        self.setFixedWidth(WIDTH_PX)
        self.title = Text(title, "large", strong=True, wrap=True)
        self.sentences = tuple(Text(sentence, wrap=True) for sentence in sentences)
        self.act_button = Button(action, kind=kind)
        self.keep_button = Button(self.tr("Cancel"))
        self.act_button.clicked.connect(self.accept)
        self.keep_button.clicked.connect(self.reject)
        self.act_button.setAutoDefault(False)
        self.keep_button.setDefault(True)
        words = QVBoxLayout()
        words.setSpacing(12)
        words.addWidget(self.title)
        for sentence in self.sentences:
            words.addWidget(sentence)
        top = QHBoxLayout()
        top.setSpacing(16)
        tints = ("on_danger", "danger_fill") if kind == "danger" else ("on_accent", "accent_fill")
        mark = Symbol(symbol, 48, tint=tints[0], disc=tints[1])
        top.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(words, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.keep_button)
        buttons.addWidget(self.act_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(24)
        column.addLayout(top)
        column.addLayout(buttons)
        self.keep_button.setFocus()

    def showEvent(self, event: QShowEvent) -> None:
        # A wrapped label in a layout only asks for the height of a guessed width.
        for label in (self.title, *self.sentences):
            label.setFixedWidth(WORDS_PX)
            label.setMinimumHeight(label.heightForWidth(WORDS_PX))
        self.adjustSize()
        super().showEvent(event)


def erase_question(person: Person, *, template_count: int, parent: QWidget) -> Question:
    """Ask whether a person's templates are to be removed for good."""
    name = isolated(person.name)
    tr = parent.tr
    if template_count == 1:
        removed = tr("The one template is removed for good, from the backups too.")
    else:
        removed = tr("All {count} templates are removed for good, from the backups too.").format(
            count=template_count
        )
    return Question(
        tr("Erase {name} ({staff_id})?").format(name=name, staff_id=person.staff_id),
        (
            removed + " " + tr("This cannot be undone."),
            tr("The name and the punches stay, because the law wants them kept."),
            tr(
                "{name} can no longer clock in, but can be enrolled again with a new consent."
            ).format(name=name),
        ),
        action=tr("Erase for good"),
        symbol="trash",
        parent=parent,
    )


def deactivate_question(person: Person, *, parent: QWidget) -> Question:
    """Ask whether a person is to be kept from clocking in."""
    name = isolated(person.name)
    tr = parent.tr
    return Question(
        tr("Deactivate {name} ({staff_id})?").format(name=name, staff_id=person.staff_id),
        (
            tr("{name} can no longer clock in. Templates and punches stay.").format(name=name),
            tr("This can be undone at any time with «Activate»."),
        ),
        action=tr("Deactivate"),
        kind="primary",
        symbol="person-off",
        parent=parent,
    )
