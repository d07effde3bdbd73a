"""A labelled field whose sentence below it says the rule, or what is wrong."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.widgets import Text, restyle


class FormField(QWidget):
    """Label above, editor, sentence below. The sentence is help until a problem is set."""

    def __init__(
        self, label: str, editor: QWidget, *, help_text: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.editor = editor
        self._help = help_text
        self._problem = ""
        self.label = Text(label, strong=True)
        self.label.setBuddy(editor)
        self.sentence = Text(help_text, "small", tone="muted", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.label)
        column.addWidget(editor)
        column.addWidget(self.sentence)
        editor.setAccessibleName(label)
        self._show()

    @property
    def problem(self) -> str:
        return self._problem

    def set_problem(self, problem: str) -> None:
        """Mark the field with what is wrong and what to do; empty takes the mark away."""
        if problem != self._problem:
            self._problem = problem
            restyle(self.editor, invalid="true" if problem else "false")
        self._show()

    def set_help(self, help_text: str, *, tone: str = "muted") -> None:
        """Show another help sentence; a problem goes before it."""
        self._help = help_text
        self._show(tone)

    def _show(self, tone: str = "muted") -> None:
        shown = self._problem or self._help
        self.sentence.setText(shown)
        self.sentence.setVisible(bool(shown))
        restyle(self.sentence, tone="danger" if self._problem else tone)
        self.editor.setAccessibleDescription(shown)
