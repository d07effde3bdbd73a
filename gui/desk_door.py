"""The way to the desk: one dialogue at a time, the PIN, then the desk's window."""

from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QDialog, QWidget

from attendance.errors import KnownError
from gui.bridge import on_done
from gui.pin_dialog import AskPinDialog, SetPinDialog
from gui.services import Services

OpenDesk = Callable[[Services, QWidget], QWidget]


def open_desk_window(services: Services, parent: QWidget) -> QWidget:
    """Open the desk; its modules are loaded only now, so that the kiosk starts fast."""
    from gui.desk import DeskWindow

    return DeskWindow(services, parent)


class OneDialog(QObject):
    """Shows one dialogue at a time over the kiosk. opened: one has come up."""

    opened = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._current: QDialog | None = None

    @property
    def current(self) -> QDialog | None:
        """The dialogue that is open, if any."""
        return self._current

    def show(self, dialog: QDialog, *, then: Callable[[int], None]) -> None:
        """Show this dialogue and call back with its result; only while none is open."""
        self._current = dialog

        def left(result: int) -> None:
            self._current = None
            dialog.deleteLater()
            then(result)

        dialog.finished.connect(left)
        self.opened.emit()
        dialog.open()


class DeskDoor(QObject):
    """Lets an operator into the desk.

    closed: the desk was left. failed: the store could not be asked, with the KnownError.
    """

    closed = Signal()
    failed = Signal(object)

    def __init__(
        self, services: Services, window: QWidget, *, dialogs: OneDialog, open_desk: OpenDesk
    ) -> None:
        super().__init__(window)
        self._services = services
        self._window = window
        self._dialogs = dialogs
        self._open_desk = open_desk
        self._desk: QWidget | None = None

    @property
    def desk(self) -> QWidget | None:
        """The desk's window while it is open."""
        return self._desk

    def ask_at_first_start(self, *, then: Callable[[], None]) -> None:
        """Ask for a new PIN if there is none yet; then goes on either way."""

        def known(is_set: bool) -> None:  # noqa: FBT001 - what the future carries
            if is_set or self._dialogs.current is not None:
                then()
                return
            dialog = SetPinDialog(self._services.store, parent=self._window)
            self._dialogs.show(dialog, then=lambda _result: then())

        on_done(self._services.store.operator_pin_is_set(), known, self._on_failed, owner=self)

    def knock(self) -> None:
        """Ask for the PIN, then open the desk; an open desk comes to the front."""
        if self._desk is not None and shiboken6.isValid(self._desk):
            self._desk.raise_()
            self._desk.activateWindow()
        elif self._dialogs.current is None:
            on_done(
                self._services.store.operator_pin_is_set(),
                self._on_pin_known,
                self._on_failed,
                owner=self,
            )

    def _on_pin_known(self, is_set: bool) -> None:  # noqa: FBT001 - what the future carries
        if self._dialogs.current is not None:
            return
        store = self._services.store
        dialog = (
            AskPinDialog(store, parent=self._window)
            if is_set
            else SetPinDialog(store, parent=self._window)
        )
        self._dialogs.show(dialog, then=self._on_pin_dialog_left)

    def _on_pin_dialog_left(self, result: int) -> None:
        if result != QDialog.DialogCode.Accepted:
            return
        self._desk = self._open_desk(self._services, self._window)
        self._desk.destroyed.connect(self._on_desk_gone)
        self._desk.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk.show()

    def _on_desk_gone(self, _object: QObject | None = None) -> None:
        self._desk = None
        self.closed.emit()

    def _on_failed(self, error: KnownError) -> None:
        self.failed.emit(error)
