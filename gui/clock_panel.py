"""The right side of the kiosk: date, time, how the kiosk is doing, the last punches, the desk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from PySide6.QtCore import QDate, QLocale, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from attendance.types import Direction, Punch
from gui.theme import TOUCH_PX
from gui.widgets import Button, Card, ElidedText, Rule, Symbol, Text

MOST_ROWS = 8


class NamedPunch(Protocol):
    """A punch with the name of whoever made it (storage.PunchRow)."""

    @property
    def punch(self) -> Punch: ...
    @property
    def name(self) -> str: ...


def long_date(local: datetime) -> str:
    """Return the date in the user's language, weekday first: «Tuesday 24 November»."""
    date = QDate(local.year, local.month, local.day)
    locale = QLocale()
    order = "d MMMM" if locale.dateFormat().find("d") <= locale.dateFormat().find("M") else "MMMM d"
    return locale.toString(date, f"dddd {order}")


class PunchLine(QWidget):
    """One of the last punches: symbol, name, time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.symbol = Symbol("arrow-in", 24, tint="success")
        self.name = ElidedText(type_name="large")
        self.time = Text(type_name="large", tone="muted", figures=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.symbol)
        row.addWidget(self.name, 1)
        row.addWidget(self.time)

    def show_punch(self, row: NamedPunch, *, zone: ZoneInfo) -> None:
        came = row.punch.direction is Direction.IN
        self.symbol.set_symbol(
            "arrow-in" if came else "arrow-out", tint="success" if came else "accent"
        )
        self.name.set_text(row.name)
        self.time.setText(f"{row.punch.at_utc.astimezone(zone):%H:%M}")
        words = self.tr("in") if came else self.tr("out")
        self.symbol.setToolTip(words)
        self.setAccessibleName(f"{row.name}, {words}, {self.time.text()}")


@dataclass(frozen=True, slots=True)
class KioskState:
    """The small line under the clock. tone: a tone of gui.widgets.Text."""

    symbol: str
    tone: str
    words: str


class ClockPanel(Card):
    """desk_requested: somebody pressed the button of the desk."""

    desk_requested = Signal()

    def __init__(self, *, zone: ZoneInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._zone = zone
        self._rows: tuple[NamedPunch, ...] = ()
        self._line_px = 40
        self.date = ElidedText(type_name="large", tone="muted")
        self.time = Text(type_name="clock", figures=True)
        self.seconds = Text(type_name="title", tone="muted", figures=True)
        self.state_symbol = Symbol("hourglass", 20, tint="muted")
        self.state = ElidedText()
        self.heading = Text(self.tr("Last punches"), "small", tone="muted", strong=True)
        self.empty = Text(self.tr("Nobody has clocked in yet."), tone="muted", wrap=True)
        self._lines = [PunchLine() for _ in range(MOST_ROWS)]
        self.desk_button = Button(self.tr("Desk"), symbol="lock")
        self.desk_button.setMinimumHeight(TOUCH_PX)
        self.desk_button.clicked.connect(self.desk_requested)
        clock = QHBoxLayout()
        clock.setSpacing(8)
        clock.addWidget(self.time)
        clock.addWidget(self.seconds, 0, Qt.AlignmentFlag.AlignBottom)
        clock.addStretch(1)
        state = QHBoxLayout()
        state.setSpacing(8)
        state.addWidget(self.state_symbol)
        state.addWidget(self.state, 1)
        self._column = QVBoxLayout(self)
        self._column.addWidget(self.date)
        self._column.addLayout(clock)
        self._column.addLayout(state)
        self._column.addSpacing(8)
        self._column.addWidget(Rule())
        self._column.addSpacing(8)
        self._column.addWidget(self.heading)
        self._column.addWidget(self.empty)
        self._list = QVBoxLayout()
        for line in self._lines:
            line.hide()
            self._list.addWidget(line)
        self._column.addLayout(self._list)
        self._column.addStretch(1)
        self._column.addWidget(self.desk_button)
        self.set_scale(1.0)

    @property
    def shown_punches(self) -> tuple[NamedPunch, ...]:
        return self._rows[: sum(not line.isHidden() for line in self._lines)]

    def set_scale(self, scale: float) -> None:
        margin = round(24 * scale)
        self._column.setContentsMargins(margin, margin, margin, margin)
        self._column.setSpacing(round(8 * scale))
        self._list.setSpacing(round(12 * scale))
        self._line_px = round(40 * scale)
        self.state_symbol.set_size(round(20 * scale))
        self.seconds.setContentsMargins(0, 0, 0, round(14 * scale))
        for line in self._lines:
            line.symbol.set_size(round(24 * scale))
        self._show_rows()

    def show_time(self, local: datetime) -> None:
        """Show this moment; called about once a second."""
        self.date.set_text(long_date(local))
        self.time.setText(f"{local:%H:%M}")
        self.seconds.setText(f"{local:%S}")

    def show_state(self, kiosk_name: str, state: KioskState) -> None:
        self.state_symbol.set_symbol(state.symbol, tint=state.tone)
        self.state.set_text(f"{kiosk_name} · {state.words}" if kiosk_name else state.words)

    def show_punches(self, rows: Sequence[NamedPunch]) -> None:
        """Show the newest punches, newest first; as many as there is room for."""
        self._rows = tuple(rows[:MOST_ROWS])
        self._show_rows()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_rows()

    def _show_rows(self) -> None:
        # What stands above and below the list, from the layout itself, without the lines.
        fixed_px = self._column.minimumSize().height() - self._list.minimumSize().height()
        room = max(1, (self.height() - fixed_px) // max(1, self._line_px))
        for index, line in enumerate(self._lines):
            visible = index < min(room, len(self._rows))
            if visible:
                line.show_punch(self._rows[index], zone=self._zone)
            line.setVisible(visible)
        self.empty.setVisible(not self._rows)
