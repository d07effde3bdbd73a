"""What is known of each track on the screen: how its decision forms, and whose it is."""

from collections.abc import Callable
from dataclasses import dataclass

from attendance.types import FrameResult, TrackedFace
from gui.video_view import FaceMark, MarkState

# At 30 frames a second two thirds of a second: an older box would float beside its face.
STALE_FRAMES = 20
MOST_VERDICTS = 64


@dataclass(frozen=True, slots=True)
class _Verdict:
    state: MarkState
    name: str = ""


class FaceMarks:
    """Turns results into marks. A name appears only after the track was accepted.

    progress: how far a track's decision has formed (KioskService.progress).
    """

    def __init__(self, progress: Callable[[int], float]) -> None:
        self._progress = progress
        self._verdicts: dict[int, _Verdict] = {}
        self._result: FrameResult | None = None

    def accept(self, track_id: int, name: str) -> None:
        """The person of this track has a punch that stands."""
        self._verdicts[track_id] = _Verdict(MarkState.ACCEPTED, name)

    def call_unknown(self, track_id: int) -> None:
        """The track was told that it is not recognised; it may be accepted later."""
        self._verdicts[track_id] = _Verdict(MarkState.UNKNOWN)

    def observe(self, result: FrameResult) -> None:
        """Take the newest result and forget the tracks that have ended."""
        self._result = result
        for track_id in result.lost_tracks:
            self._verdicts.pop(track_id, None)
        # The screen skips results, and with them some that named a lost track.
        if len(self._verdicts) > MOST_VERDICTS:
            seen = {face.track_id for face in result.faces}
            self._verdicts = {k: v for k, v in self._verdicts.items() if k in seen}

    def forget_all(self) -> None:
        """Another source: its tracks have nothing to do with these."""
        self._verdicts.clear()
        self._result = None

    def face_of(self, track_id: int) -> tuple[FrameResult, TrackedFace] | None:
        """Return the newest result and this track's face in it, if it is there."""
        if self._result is None:
            return None
        for face in self._result.faces:
            if face.track_id == track_id:
                return self._result, face
        return None

    def marks(self, *, frame_seq: int) -> tuple[FaceMark, ...]:
        """Return the marks for a frame; none if the newest result is far older than it."""
        result = self._result
        if result is None or abs(frame_seq - result.frame.seq) > STALE_FRAMES:
            return ()
        return tuple(self._mark(face) for face in result.faces)

    def _mark(self, face: TrackedFace) -> FaceMark:
        verdict = self._verdicts.get(face.track_id, _Verdict(MarkState.FORMING))
        x0, y0, x1, y1 = (float(v) for v in face.face.box_xyxy)
        progress = 1.0
        if verdict.state is MarkState.FORMING:
            progress = self._progress(face.track_id)
        return FaceMark((x0, y0, x1, y1), verdict.state, progress, verdict.name)
