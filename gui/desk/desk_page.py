"""What every page of the desk shares: title and main action, a message strip, the body."""

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from attendance.errors import KnownError
from gui.services import Services
from gui.widgets import Banner, Text

MESSAGE_MS = 8_000


class DeskPage(QWidget):
    """Owned by the GUI thread. `enter` is called each time the page is shown."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.services = services
        self.message = Banner()
        self.body = QVBoxLayout()
        self.body.setSpacing(12)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(24, 20, 24, 20)
        self._column.setSpacing(16)
        self._column.addWidget(self.message)
        self._column.addLayout(self.body, 1)
        self._message_timer = QTimer(self)
        self._message_timer.setSingleShot(True)
        self._message_timer.setInterval(MESSAGE_MS)
        self._message_timer.timeout.connect(self.message.hide)

    def set_title(self, title: str, *actions: QPushButton) -> None:
        """Put the title at the top, the main action last in its row."""
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(Text(title, "title"), 1)
        for action in actions:
            row.addWidget(action)
        self._column.insertLayout(0, row)

    def enter(self) -> None:
        """The page is shown: bring it up to date."""

    def tell(self, title: str, sentence: str = "", *, stays: bool = False) -> None:
        """Say that something was done; for a few seconds unless it stays."""
        self.message.show_message(title, sentence, level="success", symbol="check")
        if stays:
            self._message_timer.stop()
        else:
            self._message_timer.start()

    def tell_error(self, title: str, error: KnownError) -> None:
        """Say what did not work; stays until the next message."""
        self._message_timer.stop()
        self.message.show_message(title, str(error), level="danger", symbol="warning")
