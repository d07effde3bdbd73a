"""Search as you type: one question when the typing pauses."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLineEdit, QWidget

from gui.icons import icon
from gui.theme import look

PAUSE_MS = 180


class SearchField(QLineEdit):
    """Emits the trimmed text when it changed and typing has paused, at once when it was cleared."""

    search_changed = Signal(str)

    def __init__(self, placeholder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self.setClearButtonEnabled(True)
        self.setMaxLength(200)
        self._asked = ""
        self._symbol = QAction(self)
        self.addAction(self._symbol, QLineEdit.ActionPosition.LeadingPosition)
        self._on_look_changed()
        look().changed.connect(self._on_look_changed)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._ask)
        self.textChanged.connect(self._on_text_changed)
        self.returnPressed.connect(self._ask)

    @property
    def search(self) -> str:
        return self.text().strip()

    def _on_look_changed(self) -> None:
        self._symbol.setIcon(icon("search", tint="muted"))

    def _on_text_changed(self, text: str) -> None:
        if text:
            self._timer.start()
        else:
            self._ask()

    def _ask(self) -> None:
        self._timer.stop()
        if self.search != self._asked:
            self._asked = self.search
            self.search_changed.emit(self.search)
