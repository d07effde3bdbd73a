"""Choosing days: chips for the usual ranges, two date fields for any other."""

from collections.abc import Callable
from datetime import date

from PySide6.QtCore import QDate, QSignalBlocker, Signal
from PySide6.QtWidgets import QDateEdit, QHBoxLayout, QWidget

from gui.desk.moments import (
    Days,
    from_qdate,
    just_today,
    last_month,
    last_seven,
    this_month,
    to_qdate,
)
from gui.widgets import Chip

FORMAT = "yyyy-MM-dd"


class DayRange(QWidget):
    """The days, both included. A first day after the last one moves the other end along."""

    days_changed = Signal(object)
    """The new Days."""

    def __init__(self, today: Callable[[], date], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._today = today
        self._ranges = {
            "today": just_today,
            "week": last_seven,
            "month": this_month,
            "last-month": last_month,
        }
        self.chips = {
            "today": Chip(self.tr("Today")),
            "week": Chip(self.tr("7 days")),
            "month": Chip(self.tr("This month")),
            "last-month": Chip(self.tr("Last month")),
        }
        self.first = self._date_edit(self.tr("From"))
        self.last = self._date_edit(self.tr("To, included"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for name, chip in self.chips.items():
            row.addWidget(chip)
            chip.clicked.connect(lambda _checked, name=name: self.choose(name))
        row.addStretch(1)
        row.addWidget(self.first)
        row.addWidget(self.last)
        self._set(this_month(today()))
        self.first.dateChanged.connect(lambda _day: self._on_date_changed(self.first))
        self.last.dateChanged.connect(lambda _day: self._on_date_changed(self.last))

    @property
    def days(self) -> Days:
        return Days(from_qdate(self.first.date()), from_qdate(self.last.date()))

    def choose(self, name: str) -> None:
        """Take one of the usual ranges: today, week, month, last-month."""
        days = self._ranges[name](self._today())
        changed = days != self.days
        self._set(days)
        if changed:
            self.days_changed.emit(days)

    def _date_edit(self, name: str) -> QDateEdit:
        edit = QDateEdit()
        edit.setCalendarPopup(True)
        edit.setDisplayFormat(FORMAT)
        edit.setDateRange(QDate(2000, 1, 1), QDate(2199, 12, 31))
        edit.setAccessibleName(name)
        edit.setToolTip(name)
        edit.setMinimumWidth(150)
        # One question when a date is typed, not one for each digit.
        edit.setKeyboardTracking(False)
        return edit

    def _set(self, days: Days) -> None:
        for edit, day in ((self.first, days.first), (self.last, days.last)):
            with QSignalBlocker(edit):
                edit.setDate(to_qdate(day))
        self._show_chips()

    def _show_chips(self) -> None:
        today, days = self._today(), self.days
        found = next((name for name, made in self._ranges.items() if made(today) == days), None)
        for name, chip in self.chips.items():
            chip.setChecked(name == found)

    def _on_date_changed(self, edit: QDateEdit) -> None:
        days = self.days
        if days.first > days.last:
            day = from_qdate(edit.date())
            self._set(Days(day, day))
        self._show_chips()
        self.days_changed.emit(self.days)
