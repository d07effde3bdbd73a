import io
import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from attendance.errors import StorageError
from attendance.event_lines import SENTENCES, EventLines
from attendance.kiosk import AlreadyStored, KioskEvent, NotStored, PunchStored, Refused
from attendance.types import Accepted, Person, Reason, Rejected
from tests.attendance.builders import START_UTC, make_punch, make_result

ADA = Person("7", "Ada «A» 王")
ACCEPTED = Accepted(1, "7", 0.7, 3, START_UTC, 0)
EVENTS: list[KioskEvent] = [
    PunchStored(make_punch(), ADA, ACCEPTED),
    AlreadyStored(make_punch(), ADA, ACCEPTED),
    Refused(Rejected(1, Reason.UNKNOWN, START_UTC, 0)),
    NotStored(ACCEPTED, ADA, StorageError("The disk is full.")),
]


def lines_of(*, as_json: bool) -> list[str]:
    stream = io.StringIO()
    lines = EventLines(stream, zone=ZoneInfo("Europe/Berlin"), as_json=as_json)
    for i in range(4):
        lines.on_result(make_result(float(i), stage_ms={"detect": 1.0 + i, "embed": 2.0}))
    for event in EVENTS:
        lines.on_event(event)
    lines.summary(decisions=4, elapsed_s=2.0)
    assert lines.not_stored == 1
    return stream.getvalue().splitlines()


def test_every_line_is_one_json_object_with_the_promised_keys() -> None:
    punch, already, unknown, failed, summary = (json.loads(t) for t in lines_of(as_json=True))
    assert punch["event"] == "punch"
    assert (punch["person_id"], punch["name"], punch["direction"]) == ("7", ADA.name, "in")
    assert punch["similarity"] == pytest.approx(0.7)
    assert punch["at"] == (START_UTC + timedelta(hours=0)).astimezone(
        ZoneInfo("Europe/Berlin")
    ).isoformat(timespec="milliseconds")
    assert (already["event"], already["reason"]) == ("rejected", "cooldown")
    assert unknown == {"event": "rejected", "reason": "unknown"}
    assert (failed["reason"], failed["message"]) == ("not-stored", "The disk is full.")
    assert summary["event"] == "summary"
    assert (summary["frames"], summary["decisions"], summary["fps"]) == (4, 4, 2.0)
    assert summary["latency_ms"] == {"p50": 4.5, "p95": 5.85, "p99": 5.97}
    assert summary["stage_ms"] == {"detect": 2.5, "embed": 2.0}


def test_in_words_every_event_is_one_line_that_says_what_happened() -> None:
    punch, already, unknown, failed, summary = lines_of(as_json=False)
    assert "Welcome" in punch
    assert ADA.name in punch
    assert "already clocked in at 09:00" in already
    assert ADA.name not in unknown
    assert "NOT stored" in failed
    assert summary.startswith("4 frames")


def test_a_run_without_frames_still_has_a_summary() -> None:
    stream = io.StringIO()
    EventLines(stream, zone=ZoneInfo("UTC"), as_json=True).summary(decisions=0, elapsed_s=0.0)
    assert json.loads(stream.getvalue())["latency_ms"] == {"p50": 0.0, "p95": 0.0, "p99": 0.0}


def test_every_reason_the_policy_gives_has_a_sentence() -> None:
    given_elsewhere = {Reason.COOLDOWN, Reason.NOT_STORED, Reason.CANCELLED}
    assert set(SENTENCES) == set(Reason) - given_elsewhere
