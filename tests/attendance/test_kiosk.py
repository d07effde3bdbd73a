from concurrent.futures import Future

import pytest

from attendance.clock import zone_named
from attendance.clocking import ClockingRules, DirectionMode
from attendance.config import default_settings
from attendance.errors import StorageError
from attendance.kiosk import (
    AlreadyStored,
    DirectionAsked,
    KioskEvent,
    KioskService,
    NotStored,
    PunchStored,
    Refused,
)
from attendance.policy import KioskPolicy
from attendance.types import Accepted, AlreadyClocked, Clocked, Direction, Person, Reason
from tests.attendance.builders import MODEL_ID, make_match, make_punch, make_result, make_tracked

ADA = Person("7", "Ada")


class FakeRecorder:
    def __init__(self) -> None:
        self.asked: list[tuple[Accepted, Direction | None]] = []
        self.futures: list[Future[Clocked]] = []

    def record(
        self, accepted: Accepted, *, rules: ClockingRules, direction: Direction | None = None
    ) -> Future[Clocked]:
        self.asked.append((accepted, direction))
        future: Future[Clocked] = Future()
        self.futures.append(future)
        return future


class Kiosk:
    """A service with a recorder whose futures the test completes by hand."""

    def __init__(
        self, *, mode: DirectionMode = DirectionMode.ALTERNATE, asks: bool = False
    ) -> None:
        self.events: list[KioskEvent] = []
        self.recorder = FakeRecorder()
        self.people = {"7": ADA}
        self.service = KioskService(
            policy=KioskPolicy(default_settings().recognition, model_id=MODEL_ID),
            recorder=self.recorder,
            rules=ClockingRules(zone_named("Europe/Berlin"), "device", mode=mode),
            people=self.people.get,
            on_event=self.events.append,
            asks=asks,
        )

    def show(self, person_id: str | None, *, start_s: float = 0.0, track_id: int = 1) -> None:
        for i in range(25):
            similarity = 0.7 if person_id else 0.1
            face = make_tracked(track_id, make_match(person_id, similarity=similarity))
            self.service.observe(make_result(start_s + i * 0.1, face))


def test_no_punch_is_announced_before_it_is_committed() -> None:
    kiosk = Kiosk()
    kiosk.show("7")
    assert len(kiosk.recorder.asked) == 1
    assert kiosk.events == []
    kiosk.recorder.futures[0].set_result(make_punch())
    assert [type(event) for event in kiosk.events] == [PunchStored]


def test_a_failed_commit_is_said_and_never_announced_as_a_punch() -> None:
    kiosk = Kiosk()
    kiosk.show("7")
    kiosk.recorder.futures[0].set_exception(StorageError("The disk is full."))
    event = kiosk.events[0]
    assert isinstance(event, NotStored)
    assert "disk is full" in str(event.error)


def test_a_bug_in_the_recorder_becomes_a_sentence_without_a_traceback() -> None:
    kiosk = Kiosk()
    kiosk.show("7")
    kiosk.recorder.futures[0].set_exception(RuntimeError("boom"))
    event = kiosk.events[0]
    assert isinstance(event, NotStored)
    assert "boom" not in str(event.error)


def test_a_second_punch_within_the_cooldown_names_the_one_that_stands() -> None:
    kiosk = Kiosk()
    kiosk.show("7")
    kiosk.recorder.futures[0].set_result(AlreadyClocked(make_punch()))
    assert isinstance(kiosk.events[0], AlreadyStored)


def test_a_face_that_flickers_right_after_its_punch_is_not_answered_twice() -> None:
    kiosk = Kiosk()
    kiosk.show("7")
    kiosk.recorder.futures[0].set_result(make_punch())
    kiosk.show("7", start_s=2.6, track_id=2)
    assert len(kiosk.recorder.asked) == 1
    kiosk.show("7", start_s=30.0, track_id=3)
    assert len(kiosk.recorder.asked) == 2


def test_nobody_is_punched_while_the_service_is_paused() -> None:
    kiosk = Kiosk()
    kiosk.service.paused = True
    kiosk.show("7")
    assert kiosk.recorder.asked == []
    kiosk.service.paused = False
    kiosk.show("7", start_s=10.0)
    assert len(kiosk.recorder.asked) == 1


def test_somebody_erased_a_moment_ago_is_not_recorded() -> None:
    kiosk = Kiosk()
    kiosk.people.clear()
    kiosk.show("7")
    assert kiosk.recorder.asked == []
    assert kiosk.events == []


def test_an_unknown_face_is_refused_without_any_name() -> None:
    kiosk = Kiosk()
    kiosk.show(None)
    event = kiosk.events[0]
    assert isinstance(event, Refused)
    assert event.rejected.reason is Reason.UNKNOWN


@pytest.mark.parametrize("answer", [Direction.IN, Direction.OUT])
def test_a_kiosk_that_asks_records_the_answer(answer: Direction) -> None:
    kiosk = Kiosk(mode=DirectionMode.ASK, asks=True)
    kiosk.show("7")
    event = kiosk.events[0]
    assert isinstance(event, DirectionAsked)
    assert kiosk.recorder.asked == []
    kiosk.service.answer_direction(event.accepted.track_id, answer)
    kiosk.service.answer_direction(event.accepted.track_id, answer)
    assert [direction for _, direction in kiosk.recorder.asked] == [answer]


def test_a_question_without_an_answer_records_nothing() -> None:
    kiosk = Kiosk(mode=DirectionMode.ASK, asks=True)
    kiosk.show("7")
    kiosk.service.answer_direction(1, None)
    kiosk.service.answer_direction(1, Direction.IN)
    assert kiosk.recorder.asked == []


def test_without_a_screen_a_kiosk_that_asks_alternates() -> None:
    kiosk = Kiosk(mode=DirectionMode.ASK, asks=False)
    kiosk.show("7")
    assert [direction for _, direction in kiosk.recorder.asked] == [None]
