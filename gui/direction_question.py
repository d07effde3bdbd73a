"""In or out? Two large buttons over the picture, for a kiosk that asks."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout

from attendance.types import Direction
from gui.messages import isolated
from gui.widgets import Button, Card, Text

ANSWER_WITHIN_MS = 15_000


class DirectionQuestion(Card):
    """Asks one person at a time.

    answered: (track_id, Direction) or (track_id, None) when nobody chose within 15 s or the
    person cancelled.
    """

    answered = Signal(int, object)

    def __init__(self, parent: Card | None = None) -> None:
        super().__init__(parent)
        self._track_id: int | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(ANSWER_WITHIN_MS)
        self._timer.timeout.connect(self._on_cancelled)
        self.title = Text(type_name="display", wrap=True)
        self.title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence = Text(
            self.tr("Are you coming or leaving?"), "large", tone="muted", wrap=True
        )
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.in_button = Button(self.tr("In"), kind="big-in", symbol="arrow-in", symbol_px=40)
        self.out_button = Button(self.tr("Out"), kind="big-out", symbol="arrow-out", symbol_px=40)
        self.cancel_button = Button(self.tr("Cancel"), kind="plain", symbol="close")
        row = QHBoxLayout()
        row.setSpacing(24)
        for button in (self.in_button, self.out_button):
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
            button.setMinimumHeight(112)
            button.setMaximumHeight(200)
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(32, 24, 32, 24)
        column.setSpacing(16)
        column.addStretch(1)
        column.addWidget(self.title)
        column.addWidget(self.sentence)
        column.addSpacing(8)
        column.addLayout(row, 2)
        column.addWidget(self.cancel_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self.in_button.clicked.connect(self._on_in)
        self.out_button.clicked.connect(self._on_out)
        self.cancel_button.clicked.connect(self._on_cancelled)
        self.hide()

    @property
    def is_asking(self) -> bool:
        return self._track_id is not None

    def ask(self, track_id: int, name: str) -> None:
        """Ask this person; whoever was asked before has not answered."""
        if self.is_asking:
            self._answer(None)
        self._track_id = track_id
        self.title.setText(self.tr("{name}, in or out?").format(name=isolated(name)))
        self.show()
        self.raise_()
        self.in_button.setFocus()
        self._timer.start()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._on_cancelled()
            return
        super().keyPressEvent(event)

    def _on_in(self) -> None:
        self._answer(Direction.IN)

    def _on_out(self) -> None:
        self._answer(Direction.OUT)

    def _on_cancelled(self) -> None:
        self._answer(None)

    def _answer(self, direction: Direction | None) -> None:
        self._timer.stop()
        self.hide()
        track_id, self._track_id = self._track_id, None
        if track_id is not None:
            self.answered.emit(track_id, direction)
