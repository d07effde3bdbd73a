"""Punches of some days, of everybody or of some, and their export."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, QStandardPaths
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QWidget

from attendance.errors import KnownError
from attendance.kiosk import PunchStored
from gui.bridge import on_done
from gui.desk.day_range import DayRange
from gui.desk.desk_page import DeskPage
from gui.desk.moments import Days, today_in
from gui.desk.punches_model import PunchesModel
from gui.desk.search_field import SearchField
from gui.desk.table_area import DeskTable, TableArea
from gui.services import Services
from gui.widgets import Button, Text, primary_button
from storage.rows import PunchQuery

ROW_PX = 52

ChoosePath = Callable[[QWidget, str], Path | None]


def ask_for_path(parent: QWidget, name: str) -> Path | None:
    """Ask where the CSV file is to be written; None if the question is left."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    chosen, _ = QFileDialog.getSaveFileName(
        parent, parent.tr("Export punches"), str(Path(documents) / name), "CSV (*.csv)"
    )
    if not chosen:
        return None
    path = Path(chosen)
    return path if path.suffix else path.with_suffix(".csv")


class PunchesPage(DeskPage):
    """Owned by the GUI thread; pages of punches are fetched as the table is scrolled."""

    def __init__(self, services: Services, *, choose_path: ChoosePath = ask_for_path) -> None:
        super().__init__(services)
        self._choose_path = choose_path
        self.export_button = primary_button(self.tr("Export CSV …"), symbol="export")
        self.set_title(self.tr("Punches"), self.export_button)
        self.days = DayRange(self._today)
        self.search = SearchField(self.tr("Search name or staff id"))
        self.department = QComboBox()
        self.department.setAccessibleName(self.tr("Department"))
        self.department.setMinimumWidth(200)
        self.department.addItem(self.tr("All departments"), None)
        self.count = Text("", tone="muted", figures=True)
        self.model = PunchesModel(services.store.punches, zone=services.zone, parent=self)
        self.table = DeskTable(self.model, row_px=ROW_PX)
        self.area = TableArea(self.table)
        self._counted = 0
        self._build()
        self._connect()

    def enter(self) -> None:
        on_done(
            self.services.store.departments(),
            self._show_departments,
            lambda _error: None,
            owner=self,
        )
        self.reload()

    def query(self) -> PunchQuery:
        """What the filters ask for."""
        days = self.days.days
        return PunchQuery(
            zone=self.services.zone,
            from_date=days.first,
            to_date=days.end,
            search=self.search.search,
            department=self.department.currentData(),
        )

    def reload(self) -> None:
        query = self.query()
        self.model.show(query)
        self._counted += 1
        counted = self._counted

        def answered(count: int) -> None:
            if counted == self._counted:
                one, many = self.tr("1 punch"), self.tr("{count} punches")
                self.count.setText(one if count == 1 else many.format(count=f"{count:,}"))

        on_done(
            self.services.store.punch_count(replace(query, limit=0)),
            answered,
            lambda _error: self.count.clear(),
            owner=self,
        )

    def _build(self) -> None:
        self.body.addWidget(self.days)
        filters = QHBoxLayout()
        filters.setSpacing(8)
        filters.addWidget(self.search, 1)
        filters.addWidget(self.department)
        filters.addSpacing(8)
        filters.addWidget(self.count)
        self.body.addLayout(filters)
        self.body.addWidget(self.area, 1)
        self.table.set_shares((28, 30, 19, 13, 10))
        self.table.setAccessibleName(self.tr("Punches"))

    def _connect(self) -> None:
        self.days.days_changed.connect(lambda _days: self.reload())
        self.search.search_changed.connect(lambda _text: self.reload())
        self.department.currentIndexChanged.connect(lambda _index: self.reload())
        self.area.retry_requested.connect(self.reload)
        self.model.first_page_came.connect(self._on_first_page_came)
        self.model.failed.connect(self.area.show_error)
        self.export_button.clicked.connect(self.export)
        self.services.bridge.event_posted.connect(self._on_event)

    def _today(self) -> date:
        return today_in(self.services.zone, now_utc=self.services.clock.now_utc())

    def _on_event(self, event: object) -> None:
        at_top = self.table.verticalScrollBar().value() == 0
        if isinstance(event, PunchStored) and self.isVisible() and at_top:
            self.reload()

    def _on_first_page_came(self) -> None:
        if self.model.rowCount():
            self.area.show_table()
            self.table.scrollToTop()
            return
        filtered = bool(self.search.search or self.department.currentData())
        if filtered:
            action = Button(self.tr("Show everybody"))
            action.clicked.connect(self._on_show_everybody)
            self.area.show_empty(
                "search",
                self.tr("No punches found"),
                sentence=self.tr("Nobody who matches the filters clocked on these days."),
                action=action,
            )
            return
        self.area.show_empty(
            "clock",
            self.tr("No punches on these days"),
            sentence=self.tr("Whoever clocks in or out at the kiosk appears here at once."),
        )

    def _on_show_everybody(self) -> None:
        self.department.setCurrentIndex(0)
        self.search.clear()

    def _show_departments(self, names: tuple[str, ...]) -> None:
        chosen = self.department.currentData()
        with QSignalBlocker(self.department):
            self.department.clear()
            self.department.addItem(self.tr("All departments"), None)
            for name in names:
                self.department.addItem(name, name)
            found = self.department.findData(chosen) if chosen is not None else 0
            self.department.setCurrentIndex(max(0, found))
        if chosen is not None and found < 0:
            self.reload()

    # Export

    def export(self) -> None:
        """Ask for a file and write into it what the filters name, scrolled to or not."""
        days = self.days.days
        path = self._choose_path(self, _file_name(days))
        if path is None:
            return
        self.export_button.setEnabled(False)
        self.export_button.setText(self.tr("Exporting …"))
        future = self.services.store.export_csv(
            path,
            from_date=days.first,
            to_date=days.end,
            zone=self.services.zone,
            search=self.search.search,
            department=self.department.currentData(),
        )

        def written(rows: int) -> None:
            self._export_ended()
            one = self.tr("1 punch is exported")
            many = self.tr("{count} punches are exported").format(count=f"{rows:,}")
            self.tell(one if rows == 1 else many, str(path), stays=True)

        def failed(error: KnownError) -> None:
            self._export_ended()
            self.tell_error(self.tr("Nothing was exported"), error)

        on_done(future, written, failed, owner=self)

    def _export_ended(self) -> None:
        self.export_button.setEnabled(True)
        self.export_button.setText(self.tr("Export CSV …"))


def _file_name(days: Days) -> str:
    if days.first == days.last:
        return f"punches-{days.first}.csv"
    return f"punches-{days.first}-to-{days.last}.csv"
