"""Queries that stay quick with a million punches: through an index, never through the table."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import date
from io import BytesIO
from typing import Any

import pytest
from sqlite_utils import Database

from storage import export
from storage.rows import PunchQuery
from storage.store import Store
from tests.storage.support import BERLIN, MODEL, START, accepted, clocking_rules, person

EVERYTHING = PunchQuery(zone=BERLIN)
ONE_DAY = replace(EVERYTHING, from_date=date(2026, 3, 2), to_date=date(2026, 3, 3))


def plans(store: Store, ask: Callable[[], "Future[Any]"]) -> list[str]:
    """Return the steps by which SQLite serves the SELECTs of a call."""
    seen: list[str] = []

    def trace(callback: Callable[[str], None] | None) -> None:
        store._thread.call(lambda db: db.conn.set_trace_callback(callback)).result()

    trace(seen.append)
    ask().result()
    trace(None)
    selects = [sql for sql in seen if sql.lstrip().upper().startswith("SELECT")]
    assert selects

    def explain(db: Database) -> list[str]:
        return [row[3] for sql in selects for row in db.conn.execute(f"EXPLAIN QUERY PLAN {sql}")]

    return store._thread.call(explain).result()


def walks_a_table(step: str) -> bool:
    """Tell whether punches, templates or audit are read from end to end."""
    small = ("SCAN people", "SCAN json_each", "SCAN q", "SCAN CONSTANT")
    return step.startswith("SCAN") and " USING " not in step and not step.startswith(small)


@pytest.fixture
def used(store: Store) -> Store:
    for number in range(50):
        store.enrol(person(f"{number}", name=f"Person {number}"), [], operator="t").result()
    store.record(accepted("7"), rules=clocking_rules()).result()
    return store


@pytest.mark.parametrize(
    "query",
    [
        EVERYTHING,
        ONE_DAY,
        replace(ONE_DAY, newest_first=False),
        replace(EVERYTHING, staff_id="7"),
        replace(ONE_DAY, staff_id="7"),
        replace(EVERYTHING, search="person 7"),
        replace(ONE_DAY, search="person"),
        replace(EVERYTHING, department="nowhere", search="person"),
    ],
)
def test_pages_and_counts_of_punches_go_through_an_index(used: Store, query: PunchQuery) -> None:
    for ask in (lambda: used.punches(query), lambda: used.punch_count(query)):
        steps = plans(used, ask)
        assert not [step for step in steps if walks_a_table(step)]


@pytest.mark.parametrize("query", [EVERYTHING, ONE_DAY, replace(EVERYTHING, search="person")])
def test_a_page_of_many_punches_is_found_without_sorting_all(
    used: Store, query: PunchQuery
) -> None:
    steps = plans(used, lambda: used.punches(query))
    found_by = [step for step in steps if "punches_by_time" in step]
    assert found_by
    # the one sort left is that of the page itself, after the list of its rows
    before_the_sort = steps[: next(n for n, step in enumerate(steps) if "punches_by_time" in step)]
    assert not [step for step in before_the_sort if "TEMP B-TREE" in step]


def test_few_people_are_found_by_their_own_punches(used: Store) -> None:
    steps = plans(used, lambda: used.punches(replace(ONE_DAY, staff_id="7")))
    assert [step for step in steps if "punches_by_person_and_time" in step]


def test_a_punch_is_judged_and_numbered_through_indexes(used: Store) -> None:
    later = START.replace(hour=12)
    steps = plans(used, lambda: used.record(accepted("7", at_utc=later), rules=clocking_rules()))
    assert not [step for step in steps if walks_a_table(step) or "TEMP B-TREE" in step]


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.people(search="person 7"),
        lambda store: store.last_punch("7"),
        lambda store: store.worked_today("7", rules=clocking_rules()),
        lambda store: store.templates_of("7"),
        lambda store: store.person("7"),
    ],
)
def test_lists_and_sums_read_no_table_from_end_to_end(
    used: Store, ask: Callable[[Store], "Future[Any]"]
) -> None:
    steps = plans(used, lambda: ask(used))
    assert not [step for step in steps if walks_a_table(step) and step != "SCAN p"]


def test_the_newest_rows_are_read_from_the_end(used: Store) -> None:
    for ask in (lambda: used.last_punches(5), lambda: used.audit_rows(5)):
        assert not [step for step in plans(used, ask) if "TEMP B-TREE" in step]


def test_the_export_reads_the_days_in_order_without_sorting(used: Store) -> None:
    def run(db: Database) -> int:
        return export.write_csv(db, BytesIO(), from_date=None, to_date=None, zone=BERLIN)

    steps = plans(used, lambda: used._thread.call(run))
    assert [step for step in steps if "punches_by_time" in step]
    assert not [step for step in steps if walks_a_table(step) or "TEMP B-TREE" in step]


def test_the_gallery_is_read_without_one_query_a_person(used: Store) -> None:
    seen: list[str] = []
    used._thread.call(lambda db: db.conn.set_trace_callback(seen.append)).result()
    used.gallery_rows(model_id=MODEL).result()
    used._thread.call(lambda db: db.conn.set_trace_callback(None)).result()
    assert len(seen) == 2  # the templates, and who has only those of other networks


@pytest.mark.parametrize("step", ["SCAN p", "SCAN templates", "SCAN audit", "SCAN punches"])
def test_a_walk_through_a_table_would_be_noticed(step: str) -> None:
    assert walks_a_table(step)
