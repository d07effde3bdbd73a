"""A table, or what stands in its place: nothing yet, nothing found, an error."""

from PySide6.QtCore import QAbstractItemModel, QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QPushButton,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from attendance.errors import KnownError
from gui.desk.cells import CellDelegate
from gui.theme import DESK_TARGET_PX
from gui.widgets import Button, EmptyState


class DeskTable(QTableView):
    """A table of whole rows with a sticky header; Return or a double click opens a row."""

    opened = Signal(int)
    """The number of the row to open."""
    delete_pressed = Signal()
    """The Delete key, while the table has the keyboard."""

    def __init__(
        self, model: QAbstractItemModel, *, row_px: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._shares: tuple[float, ...] = ()
        self.setItemDelegate(CellDelegate(row_px, self))
        self.setModel(model)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        rows = self.verticalHeader()
        rows.setVisible(False)
        # One height for all: a million rows are not measured one by one.
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(row_px)
        columns = self.horizontalHeader()
        columns.setHighlightSections(False)
        columns.setFixedHeight(DESK_TARGET_PX + 4)
        columns.setMinimumSectionSize(56)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        columns.setStretchLastSection(True)
        self.activated.connect(lambda index: self.opened.emit(index.row()))

    def set_shares(self, shares: tuple[float, ...]) -> None:
        """Divide the width among the columns in these shares, now and after each resize."""
        self._shares = shares
        self._share_out()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete:
            self.delete_pressed.emit()
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_out()

    def _share_out(self) -> None:
        width_px, total = self.viewport().width(), sum(self._shares)
        for column, share in enumerate(self._shares):
            self.setColumnWidth(column, int(width_px * share / total))

    def select_row(self, number: int) -> None:
        index = self.model().index(number, 0)
        flags = QItemSelectionModel.SelectionFlag
        self.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self.scrollTo(index)

    def selected_row(self) -> int:
        """The number of the selected row, or -1."""
        rows = self.selectionModel().selectedRows()
        return rows[0].row() if rows else -1


class TableArea(QStackedWidget):
    """Shows one of: loading, the table, an empty state, an error with Try again."""

    retry_requested = Signal()

    def __init__(self, table: DeskTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = table
        self._place = QWidget()
        self._place_column = QVBoxLayout(self._place)
        self._place_column.setContentsMargins(24, 24, 24, 24)
        self._state: EmptyState | None = None
        self.addWidget(table)
        self.addWidget(self._place)
        self.show_loading()

    @property
    def state(self) -> EmptyState | None:
        """What stands in the table's place; None while the table is shown."""
        return self._state if self.currentWidget() is self._place else None

    def show_table(self) -> None:
        self.setCurrentWidget(self.table)

    def show_loading(self) -> None:
        self._put(EmptyState("hourglass", self.tr("Reading …")))

    def show_empty(
        self, symbol: str, title: str, *, sentence: str, action: QPushButton | None = None
    ) -> None:
        self._put(EmptyState(symbol, title, sentence=sentence, action=action))

    def show_error(self, error: KnownError) -> None:
        again = Button(self.tr("Try again"), symbol="refresh")
        again.clicked.connect(self.retry_requested)
        self._put(
            EmptyState(
                "warning",
                self.tr("This could not be read"),
                sentence=str(error),
                action=again,
            )
        )

    def _put(self, state: EmptyState) -> None:
        if self._state is not None:
            self._place_column.removeWidget(self._state)
            self._state.deleteLater()
        self._state = state
        self._place_column.addWidget(state)
        self.setCurrentWidget(self._place)
