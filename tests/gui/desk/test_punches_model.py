"""Punches that are fetched as the table is scrolled."""

from concurrent.futures import Future
from dataclasses import replace

import pytest
from PySide6.QtCore import QModelIndex
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from attendance.errors import StorageError
from gui.desk.cells import CELL_ROLE, Cell
from gui.desk.punches_model import PAGE, PunchesColumn, PunchesModel
from storage.rows import PunchQuery, PunchRow
from tests.gui.fakes import ANA, BERLIN, done, make_punch

TOP = QModelIndex()


class Shelf:
    """Answers queries from a list, at once or when it is told to."""

    def __init__(self, count: int) -> None:
        self.rows = [
            PunchRow(make_punch(sequence=n), ANA.name, ANA.department) for n in range(count, 0, -1)
        ]
        self.asked: list[PunchQuery] = []
        self.held: list[Future[tuple[PunchRow, ...]]] = []
        self.holds = False

    def read(self, query: PunchQuery) -> "Future[tuple[PunchRow, ...]]":
        self.asked.append(query)
        if self.holds:
            self.held.append(Future())
            return self.held[-1]
        return done(tuple(self.rows[query.offset : query.offset + query.limit]))


def model_on(shelf: Shelf) -> PunchesModel:
    model = PunchesModel(shelf.read, zone=BERLIN)
    model._tester = QAbstractItemModelTester(  # type: ignore[attr-defined]
        model, QAbstractItemModelTester.FailureReportingMode.Fatal
    )
    model._tester.setUseFetchMore(False)  # type: ignore[attr-defined]  # it would nest insertions
    return model


def query(**values: str) -> PunchQuery:
    return replace(PunchQuery(zone=BERLIN), **values)  # type: ignore[arg-type]


def show(qtbot: QtBot, model: PunchesModel, wanted: PunchQuery) -> None:
    with qtbot.waitSignal(model.first_page_came):
        model.show(wanted)


def test_only_what_is_scrolled_to_is_fetched(qtbot: QtBot) -> None:
    shelf = Shelf(1_000_000 // 1_000)
    model = model_on(shelf)
    show(qtbot, model, query())
    assert model.rowCount() == PAGE
    assert len(shelf.asked) == 1
    model.fetchMore(TOP)
    qtbot.waitUntil(lambda: model.rowCount() == 2 * PAGE)
    assert [asked.offset for asked in shelf.asked] == [0, PAGE]


def test_the_end_is_known(qtbot: QtBot) -> None:
    model = model_on(Shelf(PAGE + 3))
    show(qtbot, model, query())
    assert model.canFetchMore(TOP)
    model.fetchMore(TOP)
    qtbot.waitUntil(lambda: model.rowCount() == PAGE + 3)
    assert not model.canFetchMore(TOP)


def test_a_page_is_not_asked_for_twice_while_it_is_on_its_way(qtbot: QtBot) -> None:
    shelf = Shelf(3 * PAGE)
    model = model_on(shelf)
    show(qtbot, model, query())
    shelf.holds = True
    model.fetchMore(TOP)
    assert not model.canFetchMore(TOP)
    model.fetchMore(TOP)
    assert len(shelf.held) == 1


def test_the_answer_to_an_earlier_query_is_thrown_away(qtbot: QtBot) -> None:
    shelf = Shelf(3)
    shelf.holds = True
    model = model_on(shelf)
    model.show(query(search="a"))
    model.show(query(search="ab"))
    shelf.held[1].set_result(tuple(shelf.rows[:1]))
    qtbot.waitUntil(lambda: model.rowCount() == 1)
    shelf.held[0].set_result(tuple(shelf.rows))
    qtbot.wait(30)
    assert model.rowCount() == 1


def test_a_punch_stored_meanwhile_shows_nothing_twice(qtbot: QtBot) -> None:
    shelf = Shelf(2 * PAGE)
    model = model_on(shelf)
    show(qtbot, model, query())
    shelf.rows.insert(0, PunchRow(make_punch(sequence=9_999), ANA.name, ""))
    model.fetchMore(TOP)
    qtbot.waitUntil(lambda: model.rowCount() > PAGE)
    ids = [model._rows[n].punch.id for n in range(model.rowCount())]
    assert len(ids) == len(set(ids))


def test_a_page_that_cannot_be_read_is_told_and_ends_the_fetching(qtbot: QtBot) -> None:
    shelf = Shelf(2 * PAGE)
    model = model_on(shelf)
    show(qtbot, model, query())
    shelf.holds = True
    model.fetchMore(TOP)
    with qtbot.waitSignal(model.failed) as caught:
        shelf.held[0].set_exception(StorageError("The disk is gone."))
    assert "gone" in str(caught.args[0])
    assert not model.canFetchMore(TOP)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (PunchesColumn.TIME, "2026-11-24 08:57:12"),
        (PunchesColumn.PERSON, "Ana Maria Duarte, 1001"),
        (PunchesColumn.DIRECTION, "In"),
        (PunchesColumn.METHOD, "Face, 0.73"),
    ],
)
def test_a_punch_is_shown_in_the_kiosks_zone(
    qtbot: QtBot, column: PunchesColumn, words: str
) -> None:
    model = model_on(Shelf(1))
    show(qtbot, model, query())
    cell = model.index(0, column).data(CELL_ROLE)
    assert isinstance(cell, Cell)
    assert cell.words == words
