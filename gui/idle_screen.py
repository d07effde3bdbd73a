"""What the kiosk shows while nobody is there: the time, the company, one line of help."""

from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.clock_panel import long_date
from gui.theme import tabular
from gui.widgets import ElidedText, Text


class IdleScreen(QWidget):
    """touched: somebody touched the screen; a face wakes it without a touch."""

    touched = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("page", "true")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.company = ElidedText(type_name="title", tone="muted")
        self.time = Text(figures=True)
        self.date = ElidedText(type_name="title")
        self.help = Text(type_name="large", tone="muted", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(32, 32, 32, 32)
        column.setSpacing(8)
        column.addStretch(2)
        for label in (self.company, self.time, self.date):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(label)
        column.addStretch(3)
        self.help.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.help)

    def show_time(self, local: datetime) -> None:
        self.time.setText(f"{local:%H:%M}")
        self.date.set_text(long_date(local))

    def set_words(self, *, company: str, help_line: str) -> None:
        self.company.set_text(company)
        self.company.setVisible(bool(company))
        self.help.setText(help_line)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        size_px = max(64, min(round(self.height() * 0.40), round(self.width() * 0.25)))
        # The clock alone is sized by its screen: the style sheet has no size for it.
        self.time.setStyleSheet(f"font-size: {size_px}px;")
        font = QFont(self.time.font())
        self.time.setFont(tabular(font))

    def mousePressEvent(self, _event: QMouseEvent) -> None:
        self.touched.emit()
