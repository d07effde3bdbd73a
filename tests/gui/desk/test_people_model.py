"""The people list as a model."""

from datetime import timedelta

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from attendance.types import Direction, Person, PersonState
from gui.desk.cells import CELL_ROLE, Cell, initials_of
from gui.desk.people_model import BATCH, PeopleColumn, PeopleModel
from storage.rows import PersonRow
from tests.gui.fakes import BERLIN, MORNING_UTC, make_punch


def row(
    staff_id: str, name: str, *, state: PersonState = PersonState.ACTIVE, hours_ago: float = -1
) -> PersonRow:
    person = Person(staff_id, name, department=f"D{staff_id[-1]}", state=state)
    punch = make_punch(person, Direction.OUT, at_utc=MORNING_UTC - timedelta(hours=hours_ago))
    return PersonRow(person, 5, punch if hours_ago >= 0 else None)


@pytest.fixture
def model() -> PeopleModel:
    made = PeopleModel(zone=BERLIN, now_utc=lambda: MORNING_UTC)
    made._tester = QAbstractItemModelTester(  # type: ignore[attr-defined]
        made, QAbstractItemModelTester.FailureReportingMode.Fatal
    )
    made._tester.setUseFetchMore(False)  # type: ignore[attr-defined]  # it would nest insertions
    return made


def cell(model: PeopleModel, number: int, column: PeopleColumn) -> Cell:
    found = model.index(number, column).data(CELL_ROLE)
    assert isinstance(found, Cell)
    return found


def names(model: PeopleModel) -> list[str]:
    return [cell(model, number, PeopleColumn.PERSON).text for number in range(model.rowCount())]


def test_five_thousand_people_are_handed_over_in_batches() -> None:
    model = PeopleModel(zone=BERLIN, now_utc=lambda: MORNING_UTC)  # the tester reads every cell
    model.set_rows(tuple(row(f"P{n:04}", f"Name {n:04}") for n in range(5_000)))
    assert model.rowCount() == BATCH
    assert model.total == 5_000
    while model.canFetchMore(QModelIndex()):
        model.fetchMore(QModelIndex())
    assert model.rowCount() == 5_000


@pytest.mark.parametrize(
    ("running", "made_by", "expected"),
    [
        ("new", {"old"}, "Not recognised"),
        ("new", {"old", "new"}, "Active"),
        ("", {"old"}, "Active"),
        ("new", set(), "Active"),
    ],
)
def test_who_was_enrolled_with_another_network_is_marked(
    running: str, made_by: set[str], expected: str
) -> None:
    model = PeopleModel(zone=BERLIN, now_utc=lambda: MORNING_UTC, model_id=lambda: running)
    model.set_rows((PersonRow(Person("1", "A"), 5, None, frozenset(made_by)),))
    assert cell(model, 0, PeopleColumn.STATE).text == expected


def test_somebody_far_down_can_be_found_again(model: PeopleModel) -> None:
    model.set_rows(tuple(row(f"P{n:04}", f"Name {n:04}") for n in range(1_000)))
    number = model.row_of("P0777")
    assert number == 777
    assert model.rowCount() > 777
    assert model.row_of("nobody") == -1


def test_sorting_ignores_case_and_accents_and_can_be_turned_round(model: PeopleModel) -> None:
    model.set_rows((row("3", "zoë"), row("1", "Émile"), row("2", "Eva")))
    model.sort(PeopleColumn.PERSON)
    assert names(model) == ["Émile", "Eva", "zoë"]
    model.sort(PeopleColumn.PERSON, Qt.SortOrder.DescendingOrder)
    assert names(model) == ["zoë", "Eva", "Émile"]


def test_whoever_never_punched_stands_before_whoever_did_long_ago(model: PeopleModel) -> None:
    model.set_rows((row("1", "A", hours_ago=1), row("2", "B"), row("3", "C", hours_ago=50)))
    model.sort(PeopleColumn.LAST_PUNCH)
    assert names(model) == ["B", "C", "A"]


def test_new_rows_keep_the_chosen_order(model: PeopleModel) -> None:
    model.sort(PeopleColumn.PERSON, Qt.SortOrder.DescendingOrder)
    model.set_rows((row("1", "A"), row("2", "B")))
    assert names(model) == ["B", "A"]


def test_a_state_has_colour_symbol_and_words(model: PeopleModel) -> None:
    model.set_rows(tuple(row(str(n), "A", state=state) for n, state in enumerate(PersonState)))
    cells = [cell(model, n, PeopleColumn.STATE) for n in range(3)]
    assert [c.text for c in cells] == ["Active", "Inactive", "Erased"]
    assert len({c.symbol for c in cells}) == 3


def test_somebody_active_without_templates_stands_out(model: PeopleModel) -> None:
    model.set_rows((PersonRow(Person("1", "A"), 0, None),))
    found = cell(model, 0, PeopleColumn.STATE)
    assert found.tone == "warning"
    assert "pictures" in found.words


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ana Maria Duarte", "AD"),
        ("zoë", "Z"),
        ("李小龍", "李"),
        ("محمد عبد الله", "م"),
        ("🌻 Eva", "E"),
        ("", "?"),
        ("... !!", "?"),
    ],
)
def test_initials_of_any_name(name: str, initials: str) -> None:
    assert initials_of(name) == initials
