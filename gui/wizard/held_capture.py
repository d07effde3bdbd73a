"""A capture is taken when the wanted view has been held for a moment."""

from collections.abc import Sequence

from attendance.enrolment import CaptureAccepted, CaptureRefused, CaptureSession
from attendance.ports import FaceLook

HOLD_S = 0.6
MIN_LOOKS = 3
PAUSE_S = 0.9
# A face in the background this much smaller than the nearest one does not disturb.
RIVAL_SIZE = 1 / 3

NO_FACE = "Stand in front of the camera"
SEVERAL_FACES = "One person only, please"


class HeldCapture:
    """Offers the best look of a hold to the session. Owned by the GUI thread.

    A hold needs MIN_LOOKS good looks in a row over HOLD_S seconds of the frames' own clock;
    a capture there are PAUSE_S seconds in which the person can read the next request.
    """

    def __init__(self, session: CaptureSession) -> None:
        self._session = session
        self._held: list[tuple[int, FaceLook]] = []
        self._paused_until_ns: int | None = None
        self.sentence: str = ""
        """What the person should do now; empty while the view is being held."""

    @property
    def progress(self) -> float:
        """How much of the hold is done, in [0, 1]."""
        if not self._held:
            return 0.0
        held_s = (self._held[-1][0] - self._held[0][0]) / 1e9
        return min(1.0, held_s / HOLD_S, len(self._held) / MIN_LOOKS)

    def reset(self) -> None:
        """Forget the hold (another view is wanted, or the page was left)."""
        self._held.clear()
        self._paused_until_ns = None

    def see(
        self, looks: Sequence[FaceLook], *, mono_ns: int
    ) -> CaptureAccepted | CaptureRefused | None:
        """Take note of one frame's faces, largest first; return what became of a finished hold."""
        if self._session.wanted_view is None:
            self.sentence = ""
            self._held.clear()
            return None
        problem = self._problem(looks)
        if problem is not None:
            self.sentence = problem
            self._held.clear()
            return None
        self.sentence = ""
        if self._paused_until_ns is not None:
            if 0 <= self._paused_until_ns - mono_ns <= PAUSE_S * 1e9:
                return None
            self._paused_until_ns = None
        if self._held and mono_ns <= self._held[-1][0]:
            self._held.clear()  # the source began again
        self._held.append((mono_ns, looks[0]))
        if self.progress < 1.0:
            return None
        best = max((look for _, look in self._held), key=lambda look: look.quality.score)
        self._held.clear()
        outcome = self._session.offer(best)
        if isinstance(outcome, CaptureRefused):
            self.sentence = outcome.sentence
        else:
            self._paused_until_ns = mono_ns + int(PAUSE_S * 1e9)
        return outcome

    def _problem(self, looks: Sequence[FaceLook]) -> str | None:
        if not looks:
            return NO_FACE
        first = looks[0]
        if any(look.face.size_px >= first.face.size_px * RIVAL_SIZE for look in looks[1:]):
            return SEVERAL_FACES
        return self._session.hint(first.quality)
