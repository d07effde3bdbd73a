"""The punches page on a real store."""

import csv
import io
from concurrent.futures import Future
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from attendance.errors import StorageError
from attendance.types import Direction, Person
from gui.desk.moments import Days, to_qdate
from gui.desk.punches_page import PunchesPage
from tests.gui.desk.hands import click
from tests.gui.desk.scene import Scene
from tests.gui.fakes import failed, stored_event

TODAY = date(2026, 11, 24)


class Chooser:
    """Answers the question for a path."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.names: list[str] = []

    def __call__(self, _parent: object, name: str) -> Path | None:
        self.names.append(name)
        return self.path


@pytest.fixture
def chooser(tmp_path: Path) -> Chooser:
    return Chooser(tmp_path / "out.csv")


@pytest.fixture
def page(qtbot: QtBot, staffed: Scene, chooser: Chooser) -> PunchesPage:
    made = PunchesPage(staffed.fakes.services, choose_path=chooser)
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.show()
    made.enter()
    qtbot.waitUntil(lambda: made.area.state is None and made.count.text() != "")
    return made


def counted(page: PunchesPage) -> str:
    return page.count.text()


def test_this_month_is_shown_first_newest_on_top(page: PunchesPage) -> None:
    assert page.days.days == Days(date(2026, 11, 1), TODAY)
    times = [row.punch.at_utc for row in page.model._rows]
    assert times == sorted(times, reverse=True)
    assert counted(page) == f"{len(times)} punches"


def test_today_shows_only_today(qtbot: QtBot, page: PunchesPage, staffed: Scene) -> None:
    page.days.chips["today"].click()
    zone = staffed.fakes.services.zone
    qtbot.waitUntil(
        lambda: {r.punch.at_utc.astimezone(zone).date() for r in page.model._rows} == {TODAY}
    )


def test_the_last_day_is_included(qtbot: QtBot, page: PunchesPage) -> None:
    yesterday = date(2026, 11, 23)
    page.days.last.setDate(to_qdate(yesterday))
    page.days.first.setDate(to_qdate(yesterday))
    qtbot.waitUntil(lambda: counted(page) == "24 punches")
    assert page.query().to_date == TODAY


def test_a_first_day_after_the_last_one_moves_the_last_one(page: PunchesPage) -> None:
    page.days.first.setDate(to_qdate(date(2026, 12, 5)))
    assert page.days.days == Days(date(2026, 12, 5), date(2026, 12, 5))


def test_chips_show_which_range_is_chosen(page: PunchesPage) -> None:
    assert page.days.chips["month"].isChecked()
    page.days.first.setDate(to_qdate(date(2026, 11, 7)))
    assert not any(chip.isChecked() for chip in page.days.chips.values())
    page.days.chips["last-month"].click()
    assert page.days.days == Days(date(2026, 10, 1), date(2026, 10, 31))


def test_a_person_is_searched_for(qtbot: QtBot, page: PunchesPage) -> None:
    page.search.insert("zoe")
    qtbot.waitUntil(lambda: {row.punch.person_id for row in page.model._rows} == {"B-13"})


def test_a_department_is_filtered_for(qtbot: QtBot, page: PunchesPage) -> None:
    qtbot.waitUntil(lambda: page.department.findData("Kitchen") > 0)
    page.department.setCurrentIndex(page.department.findData("Kitchen"))
    qtbot.waitUntil(lambda: {row.punch.person_id for row in page.model._rows} == {"B-14", "C-23"})
    with qtbot.waitSignal(page.model.first_page_came):
        page.enter()
    assert page.department.currentData() == "Kitchen"


def test_days_without_punches_say_so(qtbot: QtBot, page: PunchesPage) -> None:
    page.days.chips["last-month"].click()
    qtbot.waitUntil(lambda: page.area.state is not None)
    assert page.area.state is not None
    assert page.area.state.title.text() == "No punches on these days"


def test_filters_without_a_hit_offer_to_be_taken_away(qtbot: QtBot, page: PunchesPage) -> None:
    page.search.insert("nobody")
    qtbot.waitUntil(lambda: page.area.state is not None)
    assert page.area.state is not None
    assert page.area.state.title.text() == "No punches found"
    page._on_show_everybody()
    qtbot.waitUntil(lambda: page.area.state is None)


def test_a_new_punch_appears_by_itself(qtbot: QtBot, page: PunchesPage, staffed: Scene) -> None:
    with qtbot.waitSignal(page.model.first_page_came):
        staffed.fakes.services.bridge.post_event(
            stored_event(Person("A-01", "Eileen Collins"), Direction.IN)
        )


def click_export(qtbot: QtBot, page: PunchesPage) -> None:
    click(page.export_button)


def test_the_chosen_days_are_exported_and_the_file_is_named(
    qtbot: QtBot, page: PunchesPage, chooser: Chooser
) -> None:
    page.days.last.setDate(to_qdate(date(2026, 11, 23)))
    page.days.first.setDate(to_qdate(date(2026, 11, 23)))
    click_export(qtbot, page)
    assert not page.export_button.isEnabled()
    qtbot.waitUntil(page.message.isVisible)
    assert chooser.names == ["punches-2026-11-23.csv"]
    assert "24 punches are exported" in page.message.title.text()
    assert page.message.sentence.text() == str(chooser.path)
    assert page.export_button.isEnabled()
    assert chooser.path is not None
    text = chooser.path.read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 24
    assert {row["date"] for row in rows} == {"2026-11-23"}


def test_what_is_filtered_out_is_not_exported(
    qtbot: QtBot, page: PunchesPage, chooser: Chooser
) -> None:
    page.search.insert("zoe")
    qtbot.waitUntil(lambda: {row.punch.person_id for row in page.model._rows} == {"B-13"})
    click_export(qtbot, page)
    qtbot.waitUntil(page.message.isVisible)
    assert chooser.path is not None
    text = chooser.path.read_bytes().decode("utf-8-sig")
    names = {row["name"] for row in csv.DictReader(io.StringIO(text))}
    assert names == {"Zoë Åström"}


def test_leaving_the_question_for_a_file_exports_nothing(
    qtbot: QtBot, page: PunchesPage, chooser: Chooser
) -> None:
    chooser.path = None
    click_export(qtbot, page)
    assert page.export_button.isEnabled()
    assert not page.message.isVisible()


def test_an_export_that_fails_says_why(
    qtbot: QtBot, page: PunchesPage, staffed: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> "Future[Any]":
        return failed(StorageError("The disk is full.", action="Free some space."))

    monkeypatch.setattr(staffed.store, "export_csv", full)
    click_export(qtbot, page)
    qtbot.waitUntil(lambda: "disk is full" in page.message.sentence.text())
    assert page.export_button.isEnabled()
