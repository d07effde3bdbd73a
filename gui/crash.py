"""Bugs reach the log and a dialogue, whatever thread they happen in; then the program ends.

A service manager starts Clockface again; an unattended kiosk must not wait for a click for ever.
"""

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import (
    QMessageLogContext,
    QObject,
    Qt,
    QTimer,
    QtMsgType,
    Signal,
    qInstallMessageHandler,
)
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from attendance.errors import KnownError
from gui.widgets import Button, Symbol, Text, fit_height, primary_button

logger = logging.getLogger(__name__)
qt_logger = logging.getLogger("qt")

EXIT_CRASHED = 70
CLOSES_AFTER_S = 60

_QT_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class CrashDialog(QDialog):
    """What went wrong, how to report it, and one way on: close. Closes by itself after a minute.

    A KnownError is no bug: its sentence is shown, and the program goes on.
    """

    def __init__(
        self, error: BaseException, *, log_dir: Path | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setModal(True)
        self.is_bug = not isinstance(error, KnownError)
        self.setWindowTitle(self.tr("Clockface has a problem"))
        self._left_s = CLOSES_AFTER_S
        if self.is_bug:
            title = self.tr("Clockface has to close")
            sentence = self.tr("Something went wrong in the program. No stored punch is lost.")
            if log_dir is not None:
                sentence += " " + self.tr("The log is in {folder}.").format(folder=log_dir)
        else:
            title, sentence = self.tr("That did not work"), str(error)
        self.title = Text(title, "title", wrap=True)
        self.sentence = Text(sentence, wrap=True)
        self.details = QPlainTextEdit("".join(traceback.format_exception(error)))
        self.details.setReadOnly(True)
        self.details.setMinimumHeight(180)
        self.details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.details.setVisible(self.is_bug)
        self.countdown = Text(tone="muted", figures=True)
        self.copy_button = Button(self.tr("Copy details"), symbol="copy")
        self.copy_button.setVisible(self.is_bug)
        words = self.tr("Close Clockface") if self.is_bug else self.tr("OK")
        self.close_button = primary_button(words)
        self.copy_button.clicked.connect(self._on_copy)
        self.close_button.clicked.connect(self.accept)
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setInterval(1_000)
        self._timer.timeout.connect(self._on_second)
        if self.is_bug:
            self._timer.start()
            self._show_countdown()

    def _lay_out(self) -> None:
        heading = QHBoxLayout()
        heading.setSpacing(16)
        tint = "danger" if self.is_bug else "warning"
        heading.addWidget(Symbol("warning", 48, tint=tint), 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.addWidget(self.title)
        words.addWidget(self.sentence)
        heading.addLayout(words, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.countdown)
        buttons.addStretch(1)
        buttons.addWidget(self.copy_button)
        buttons.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(16)
        column.addLayout(heading)
        column.addWidget(self.details, 1)
        column.addLayout(buttons)
        self.setMinimumWidth(640)
        self.resize(640, self.height())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        fit_height(self)
        self.close_button.setFocus()

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.details.toPlainText())

    def _on_second(self) -> None:
        self._left_s -= 1
        if self._left_s <= 0:
            self.accept()
            return
        self._show_countdown()

    def _show_countdown(self) -> None:
        self.countdown.setText(self.tr("Closes in {seconds} s").format(seconds=self._left_s))


class CrashGuard(QObject):
    """Takes every exception nobody caught and every message of Qt. Owned by the GUI thread.

    Only the first bug is shown: the ones after it mostly follow from it. crashed: the first bug.
    """

    crashed = Signal(object)
    _found = Signal(object)

    def __init__(
        self,
        *,
        log_dir: Path | None = None,
        end: Callable[[int], None] = QApplication.exit,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._log_dir = log_dir
        self._end = end
        self._has_bug = False
        self.dialog: CrashDialog | None = None
        self._found.connect(self._on_found, Qt.ConnectionType.QueuedConnection)
        self._before = (sys.excepthook, threading.excepthook)

    def install(self) -> None:
        """Put the hooks in place."""
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        qInstallMessageHandler(on_qt_message)

    def remove(self) -> None:
        """Put back the hooks that were there before."""
        sys.excepthook, threading.excepthook = self._before
        qInstallMessageHandler(None)

    def _on_exception(
        self,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._end(130)
            return
        self._take(error, trace=trace, where="the program")

    def _on_thread_exception(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is None or args.exc_type is SystemExit:
            return
        name = args.thread.name if args.thread is not None else "a thread"
        self._take(args.exc_value, trace=args.exc_traceback, where=name)

    def _take(self, error: BaseException, *, trace: TracebackType | None, where: str) -> None:
        if isinstance(error, KnownError):
            logger.warning("%s: %s", where, error)
        else:
            logger.critical(
                "A bug in %s", where, exc_info=(type(error), error, trace or error.__traceback__)
            )
        self._found.emit(error)

    def _on_found(self, error: BaseException) -> None:
        is_bug = not isinstance(error, KnownError)
        if self._has_bug or (self.dialog is not None and not is_bug):
            return
        self._has_bug = is_bug
        if is_bug:
            self.crashed.emit(error)
        parent = QApplication.activeWindow()
        self.dialog = CrashDialog(error, log_dir=self._log_dir, parent=parent)
        self.dialog.finished.connect(self._on_closed)
        self.dialog.open()

    def _on_closed(self, _result: int) -> None:
        dialog, self.dialog = self.dialog, None
        if dialog is not None and dialog.is_bug:
            self._end(EXIT_CRASHED)


def on_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    """Send a message of Qt to the log."""
    where = f" ({context.category})" if context.category not in (None, "default") else ""
    qt_logger.log(_QT_LEVELS.get(kind, logging.WARNING), "%s%s", message, where)
