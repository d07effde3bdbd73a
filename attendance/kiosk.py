"""The kiosk between the pipeline and the store: decisions become punches, punches become events.

A `PunchStored` is sent after COMMIT and never before; the screen turns green on nothing else.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from attendance.clocking import ClockingRules, DirectionMode
from attendance.errors import KnownError, StorageError
from attendance.policy import NS, KioskPolicy
from attendance.ports import Recorder
from attendance.types import (
    Accepted,
    AlreadyClocked,
    Clocked,
    Direction,
    FrameResult,
    Person,
    Punch,
    Rejected,
)

logger = logging.getLogger(__name__)

# Who has just been answered and is seen again on a new track is not answered once more.
QUIET_S = 6.0


@dataclass(frozen=True, slots=True)
class PunchStored:
    """The punch is in the database, committed."""

    punch: Punch
    person: Person
    accepted: Accepted


@dataclass(frozen=True, slots=True)
class AlreadyStored:
    """A second punch within the cooldown; punch is the one that stands."""

    punch: Punch
    person: Person
    accepted: Accepted


@dataclass(frozen=True, slots=True)
class Refused:
    """A track was not accepted, and why."""

    rejected: Rejected


@dataclass(frozen=True, slots=True)
class NotStored:
    """The person was recognised, but nothing was stored."""

    accepted: Accepted
    person: Person
    error: KnownError


@dataclass(frozen=True, slots=True)
class DirectionAsked:
    """The kiosk wants to know: in or out? Answered with `KioskService.answer_direction`."""

    accepted: Accepted
    person: Person


KioskEvent = PunchStored | AlreadyStored | Refused | NotStored | DirectionAsked


class KioskService:
    """Runs the policy on each frame's result and has accepted people recorded.

    `observe` belongs to the inference thread. `on_event` is called from the inference thread
    (Refused, DirectionAsked) or from the recorder's (all others). The other methods may be called
    from any thread.

    asks: whether somebody can answer in or out here; a kiosk in mode "ask" alternates otherwise.
    """

    def __init__(
        self,
        *,
        policy: KioskPolicy,
        recorder: Recorder,
        rules: ClockingRules,
        people: Callable[[str], Person | None],
        on_event: Callable[[KioskEvent], None],
        asks: bool = False,
    ) -> None:
        self._policy = policy
        self._recorder = recorder
        self._rules = rules
        self._people = people
        self._on_event = on_event
        self._asks = asks
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[Accepted, Person]] = {}
        self._answered_ns: dict[str, int] = {}
        self._paused = False
        self._decisions = 0

    @property
    def paused(self) -> bool:
        """While set (the wizard or the desk is open) nobody is punched."""
        return self._paused

    @paused.setter
    def paused(self, value: bool) -> None:
        self._paused = value

    @property
    def decisions(self) -> int:
        """How many decisions the policy has made."""
        return self._decisions

    @property
    def rules(self) -> ClockingRules:
        return self._rules

    def replace_rules(self, rules: ClockingRules) -> None:
        self._rules = rules

    def replace_policy(self, policy: KioskPolicy) -> None:
        self._policy = policy

    def set_listener(self, on_event: Callable[[KioskEvent], None]) -> None:
        """Send the events elsewhere from now on."""
        self._on_event = on_event

    def progress(self, track_id: int) -> float:
        """Return how far a track's decision has formed, in [0, 1]."""
        return self._policy.progress(track_id)

    def observe(self, result: FrameResult) -> None:
        """Take one frame's result; everything that follows from it is sent as an event."""
        if self._paused:
            return
        for decision in self._policy.observe(result):
            self._decisions += 1
            match decision:
                case Accepted() as accepted:
                    self._accept(accepted)
                case Rejected() as rejected:
                    self._on_event(Refused(rejected))

    def answer_direction(self, track_id: int, direction: Direction | None) -> None:
        """Record the punch that waits for a direction; None lets it go unrecorded."""
        with self._lock:
            waiting = self._waiting.pop(track_id, None)
        if waiting is not None and direction is not None:
            accepted, person = waiting
            self._record(accepted, person, direction=direction)

    def _accept(self, accepted: Accepted) -> None:
        person = self._people(accepted.person_id)
        if person is None:
            # Erased or deactivated between the gallery's last refresh and now.
            logger.info("a match with somebody who is no longer active was dropped")
            return
        if self._is_quiet(accepted):
            return
        if self._rules.mode is DirectionMode.ASK and self._asks:
            with self._lock:
                self._waiting[accepted.track_id] = (accepted, person)
            self._on_event(DirectionAsked(accepted, person))
            return
        self._record(accepted, person, direction=None)

    def _is_quiet(self, accepted: Accepted) -> bool:
        with self._lock:
            answered_ns = self._answered_ns.get(accepted.person_id)
        return answered_ns is not None and 0 <= accepted.mono_ns - answered_ns < QUIET_S * NS

    def _record(self, accepted: Accepted, person: Person, *, direction: Direction | None) -> None:
        future = self._recorder.record(accepted, rules=self._rules, direction=direction)

        def on_done(done: "Future[Clocked]") -> None:
            self._report(done, accepted=accepted, person=person)

        future.add_done_callback(on_done)

    def _report(self, done: "Future[Clocked]", *, accepted: Accepted, person: Person) -> None:
        if done.cancelled():
            error: BaseException | None = StorageError("The program is closing.")
        else:
            error = done.exception()
        if error is not None:
            if not isinstance(error, KnownError):
                logger.error("recording a punch failed", exc_info=error)
                error = StorageError("The punch could not be stored.", action="Tell HR.")
            self._on_event(NotStored(accepted, person, error))
            return
        with self._lock:
            self._answered_ns[accepted.person_id] = accepted.mono_ns
        match done.result():
            case AlreadyClocked(punch=punch):
                self._on_event(AlreadyStored(punch, person, accepted))
            case Punch() as punch:
                self._on_event(PunchStored(punch, person, accepted))
