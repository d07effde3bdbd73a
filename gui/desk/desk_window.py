"""The desk: navigation on the left, one page on the right."""

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeyEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from attendance.config import Settings
from gui.desk.desk_page import DeskPage
from gui.desk.people_page import PeoplePage
from gui.desk.punches_page import PunchesPage
from gui.desk.settings_page import SettingsPage
from gui.services import Services
from gui.widgets import Button, ElidedText, Text

NAVIGATION_PX = 208
LOCK_AFTER_MS = 10 * 60_000
"""An unattended desk on a public screen closes itself; the kiosk asks for the PIN again."""

_ACTIVITY = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseMove,
        QEvent.Type.Wheel,
        QEvent.Type.TouchBegin,
    }
)


class DeskWindow(QMainWindow):
    """For the operator, after the PIN. While it is open the kiosk punches nobody.

    Owned by the GUI thread. Ctrl+1 … Ctrl+3 change the page, Ctrl+F searches, Ctrl+N enrols.
    """

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._was_paused: bool | None = None
        self.setWindowTitle(self.tr("Desk"))
        self.setMinimumSize(960, 560)
        self.people = PeoplePage(services)
        self.punches = PunchesPage(services)
        self.settings = SettingsPage(services)
        self.pages: tuple[DeskPage, ...] = (self.people, self.punches, self.settings)
        self.navigation = (
            Button(self.tr("People"), kind="navigation", symbol="people"),
            Button(self.tr("Punches"), kind="navigation", symbol="clock"),
            Button(self.tr("Settings"), kind="navigation", symbol="settings"),
        )
        self.close_button = Button(self.tr("Close the desk"), symbol="left")
        self.company = ElidedText("", "small", tone="muted")
        self._stack = QStackedWidget()
        self._build()
        self._make_shortcuts()
        services.bridge.settings_changed.connect(self._on_settings_changed)
        self._on_settings_changed(services.settings)
        self._lock_timer = QTimer(self)
        self._lock_timer.setInterval(LOCK_AFTER_MS)
        self._lock_timer.timeout.connect(self._on_unattended)
        if parent is not None:
            self.resize(parent.size())
            if parent.isFullScreen():
                self.setWindowState(Qt.WindowState.WindowFullScreen)
        else:
            self.resize(QSize(1280, 800))
        self.show_page(0)

    def show_page(self, number: int) -> None:
        """Show a page and bring it up to date."""
        self.navigation[number].setChecked(True)
        self._stack.setCurrentIndex(number)
        self.pages[number].enter()

    def showEvent(self, event: QShowEvent) -> None:
        if self._was_paused is None:
            self._was_paused = self._services.kiosk.paused
            self._services.kiosk.paused = True
            self._lock_timer.start()
            # The window's handle and not the application: only what a person does passes there.
            self.windowHandle().installEventFilter(self)
        super().showEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._was_paused is not None:
            self._services.kiosk.paused = self._was_paused
            self._was_paused = None
        self._lock_timer.stop()
        super().closeEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _ACTIVITY:
            self._lock_timer.start()
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_F11:
            if self.isFullScreen():
                self.showNormal()
            else:
                self.showFullScreen()
            return
        super().keyPressEvent(event)

    def _build(self) -> None:
        side = QFrame()
        side.setProperty("card", "true")
        side.setFixedWidth(NAVIGATION_PX)
        column = QVBoxLayout(side)
        column.setContentsMargins(12, 20, 12, 20)
        column.setSpacing(4)
        heading = Text(self.tr("Desk"), "title")
        heading.setContentsMargins(12, 0, 0, 0)
        self.company.setContentsMargins(12, 0, 0, 0)
        column.addWidget(heading)
        column.addWidget(self.company)
        column.addSpacing(16)
        group = QButtonGroup(self)
        group.setExclusive(True)
        for number, button in enumerate(self.navigation):
            button.setCheckable(True)
            button.setMinimumHeight(44)
            group.addButton(button)
            button.clicked.connect(lambda _checked, number=number: self.show_page(number))
            column.addWidget(button)
        column.addStretch(1)
        note = Text(
            self.tr("Nobody can clock in while the desk is open."), "small", tone="muted", wrap=True
        )
        note.setContentsMargins(12, 0, 0, 8)
        column.addWidget(note)
        column.addWidget(self.close_button)
        self.close_button.clicked.connect(self.close)
        for page in self.pages:
            self._stack.addWidget(page)
        centre = QWidget()
        centre.setProperty("page", "true")
        centre.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(centre)
        row.setContentsMargins(12, 12, 0, 12)
        row.setSpacing(0)
        row.addWidget(side)
        row.addWidget(self._stack, 1)
        self.setCentralWidget(centre)

    def _make_shortcuts(self) -> None:
        for number in range(len(self.pages)):
            shortcut = QShortcut(QKeySequence(f"Ctrl+{number + 1}"), self)
            shortcut.activated.connect(lambda number=number: self.show_page(number))
        QShortcut(QKeySequence.StandardKey.Find, self).activated.connect(self._on_find)
        QShortcut(QKeySequence.StandardKey.New, self).activated.connect(self._on_new)

    def _on_find(self) -> None:
        page = self._stack.currentWidget()
        if isinstance(page, PeoplePage | PunchesPage):
            page.search.setFocus()
            page.search.selectAll()

    def _on_new(self) -> None:
        if self._stack.currentWidget() is self.people:
            self.people.enrol()

    def _on_settings_changed(self, settings: Settings) -> None:
        words = [settings.kiosk.company, settings.kiosk.name]
        self.company.set_text(" · ".join(word for word in words if word))

    def _on_unattended(self) -> None:
        if QApplication.activeModalWidget() is None:
            self.close()
