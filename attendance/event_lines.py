"""The kiosk's events as lines of text or JSON, and the summary at the end of a run."""

import json
import logging
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import numpy as np

from attendance.kiosk import (
    AlreadyStored,
    DirectionAsked,
    KioskEvent,
    NotStored,
    PunchStored,
    Refused,
)
from attendance.types import Direction, FrameResult, Reason

logger = logging.getLogger(__name__)

# A week of frames would not fit; the newest are as good a sample as any.
MAX_LATENCIES = 100_000

SENTENCES: Mapping[Reason, str] = {
    Reason.UNKNOWN: "Not recognised. Come closer and try again, or ask HR.",
    Reason.TIE: "Not sure who this is. Come closer and look at the camera, or ask HR.",
    Reason.TOO_DARK: "Too dark. Turn towards the light.",
    Reason.TOO_BRIGHT: "Too bright. Turn away from the light.",
    Reason.COME_CLOSER: "Come closer.",
    Reason.LOOK_AT_CAMERA: "Look at the camera.",
    Reason.HOLD_STILL: "Hold still.",
    Reason.MOVE_INTO_VIEW: "Move into the picture.",
    Reason.OPEN_EYES: "Open your eyes.",
}


class EventLines:
    """Writes one line an event; lines of several threads never mix.

    as_json: one JSON object a line, otherwise a sentence. A stream that cannot be written to any
    more stops nobody from clocking in: the first failure is logged and kept in `lost`.
    """

    def __init__(self, stream: TextIO, *, zone: ZoneInfo, as_json: bool) -> None:
        self._stream = stream
        self._zone = zone
        self._as_json = as_json
        self._lock = threading.Lock()
        self._frames = 0
        self._latencies_ms: list[float] = []
        self._stage_ms: dict[str, list[float]] = {}
        self._counts: Counter[str] = Counter()
        self._lost: OSError | None = None

    @property
    def lost(self) -> OSError | None:
        """Why lines can no longer be written, if they cannot."""
        return self._lost

    @property
    def frames(self) -> int:
        """How many frames were processed."""
        return self._frames

    @property
    def not_stored(self) -> int:
        """How many accepted people could not be stored."""
        return self._counts["not-stored"]

    def on_result(self, result: FrameResult) -> None:
        """Count a processed frame (inference thread)."""
        with self._lock:
            self._frames += 1
            self._latencies_ms.append(sum(result.stage_ms.values()))
            del self._latencies_ms[:-MAX_LATENCIES]
            for stage, elapsed_ms in result.stage_ms.items():
                times = self._stage_ms.setdefault(stage, [])
                times.append(elapsed_ms)
                del times[:-MAX_LATENCIES]

    def on_event(self, event: KioskEvent) -> None:
        """Write the event (any thread)."""
        match event:
            case PunchStored(punch=punch, person=person):
                self._write(
                    "punch",
                    {
                        "person_id": punch.person_id,
                        "name": person.name,
                        "direction": punch.direction.value,
                        "similarity": _rounded(punch.similarity),
                        "at": punch.at_utc.astimezone(self._zone).isoformat(
                            timespec="milliseconds"
                        ),
                        "punch_id": punch.id,
                    },
                    f"✓ {_greeting(punch.direction)}, {person.name} · {punch.direction.value} · "
                    f"{punch.at_utc.astimezone(self._zone):%H:%M:%S}",
                )
            case AlreadyStored(punch=punch, person=person):
                local = punch.at_utc.astimezone(self._zone)
                self._write(
                    "rejected",
                    {
                        "reason": Reason.COOLDOWN.value,
                        "person_id": person.staff_id,
                        "at": local.isoformat(timespec="milliseconds"),
                    },
                    f"• {person.name}: already clocked {punch.direction.value} at {local:%H:%M}",
                )
            case Refused(rejected=rejected):
                self._write(
                    "rejected",
                    {"reason": rejected.reason.value},
                    f"✗ {SENTENCES.get(rejected.reason, rejected.reason.value)}",
                )
            case NotStored(person=person, error=error):
                self._counts["not-stored"] += 1
                self._write(
                    "rejected",
                    {
                        "reason": Reason.NOT_STORED.value,
                        "person_id": person.staff_id,
                        "message": str(error),
                    },
                    f"✗ {person.name}: the punch was NOT stored. {error}",
                )
            case DirectionAsked(person=person):
                self._write("asked", {"person_id": person.staff_id}, f"? {person.name}: in or out?")

    def summary(self, *, decisions: int, elapsed_s: float) -> None:
        """Write the last line: frames, decisions, latency and time by stage (p50), frames/s."""
        with self._lock:
            latency_ms = {
                name: _percentile(self._latencies_ms, percent)
                for name, percent in (("p50", 50), ("p95", 95), ("p99", 99))
            }
            stage_ms = {stage: _percentile(t, 50) for stage, t in self._stage_ms.items()}
            frames = self._frames
        fps = round(frames / elapsed_s, 2) if elapsed_s > 0 else 0.0
        self._write(
            "summary",
            {
                "frames": frames,
                "decisions": decisions,
                "punches": self._counts["punch"],
                "latency_ms": latency_ms,
                "stage_ms": stage_ms,
                "fps": fps,
            },
            f"{frames} frames, {decisions} decisions, {self._counts['punch']} punches; "
            f"{latency_ms['p50']} ms a frame (p95 {latency_ms['p95']} ms), {fps} frames/s",
        )

    def _write(self, event: str, fields: Mapping[str, Any], sentence: str) -> None:
        with self._lock:
            self._counts[event] += 1
            if self._as_json:
                line = json.dumps({"event": event, **fields}, ensure_ascii=False)
            else:
                line = sentence
            if self._lost is not None:
                return
            try:
                self._stream.write(line + "\n")
                self._stream.flush()
            except OSError as error:
                self._lost = error
                logger.error("No more lines can be written: %s", error)  # noqa: TRY400


def _greeting(direction: Direction) -> str:
    return "Welcome" if direction is Direction.IN else "Goodbye"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _percentile(values: Sequence[float], percent: float) -> float:
    return round(float(np.percentile(values, percent)), 3) if values else 0.0
