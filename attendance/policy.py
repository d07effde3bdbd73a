"""From looks at a track to a decision: quality-weighted votes over several frames.

One frame never decides. A look votes for a person when its similarity reaches the gallery's
threshold and the runner-up is clearly farther away. The votes of one person, weighted by quality,
must come from several looks, some time apart, and must outweigh everything else seen on the track.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from attendance.config import RecognitionSettings
from attendance.types import (
    Accepted,
    Decision,
    FrameResult,
    QualityFlag,
    Reason,
    Rejected,
    TrackedFace,
)

NS = 1_000_000_000

# Of all the weight seen on a track within the window, the accepted person must have this share.
MIN_SHARE = 0.7
# A face this much smaller than the nearest one stands behind it and waits for its turn.
WAITING_SIZE_RATIO = 0.7
# A hint is given when the same fault has lasted this long, and repeated no sooner than that.
HINT_AFTER_S = 0.7
HINT_AGAIN_S = 4.0
# An unknown face is told so again no sooner than this.
UNKNOWN_AGAIN_S = 6.0
# A track unseen for this long is forgotten even if nobody said that it was lost.
FORGET_AFTER_S = 10.0

FLAG_REASONS = {
    QualityFlag.CUT_OFF: Reason.MOVE_INTO_VIEW,
    QualityFlag.TOO_SMALL: Reason.COME_CLOSER,
    QualityFlag.TOO_DARK: Reason.TOO_DARK,
    QualityFlag.TOO_BRIGHT: Reason.TOO_BRIGHT,
    QualityFlag.NOT_FRONTAL: Reason.LOOK_AT_CAMERA,
    QualityFlag.EYES_CLOSED: Reason.OPEN_EYES,
    QualityFlag.BLURRED: Reason.HOLD_STILL,
    QualityFlag.LOW_SCORE: Reason.LOOK_AT_CAMERA,
}
# Blinks and single soft frames are no reason to talk to anybody.
_LONGER = {QualityFlag.EYES_CLOSED: 2.0, QualityFlag.BLURRED: 1.5}


@dataclass(frozen=True, slots=True)
class _Vote:
    mono_ns: int
    weight: float
    person_id: str | None
    similarity: float
    tie: bool


@dataclass(slots=True)
class _Track:
    votes: deque[_Vote] = field(default_factory=deque)
    first_vote_ns: int | None = None
    last_seen_ns: int = 0
    concluded: str | None = None
    told_unknown_ns: int | None = None
    fault: QualityFlag | None = None
    fault_since_ns: int = 0
    hinted_ns: int | None = None
    hinted: Reason | None = None


class KioskPolicy:
    """Keeps the votes of every track and says when one is decided.

    Deterministic in the frames' own clock. Owned by one thread (the inference thread), but for
    `progress`.
    """

    def __init__(self, settings: RecognitionSettings, *, model_id: str) -> None:
        self._settings = settings
        self._model_id = model_id
        self._tracks: dict[int, _Track] = {}

    def observe(self, result: FrameResult) -> tuple[Decision, ...]:
        """Take one frame's looks and return what is decided by it, nearest face first."""
        now_ns = result.frame.mono_ns
        self._forget(result.lost_tracks, now_ns=now_ns)
        for face in result.faces:
            self._collect(face, now_ns=now_ns)
        decisions = []
        for face in self._candidates(result.faces):
            decision = self._judge(face, result=result)
            if decision is not None:
                decisions.append(decision)
        return tuple(decisions)

    def progress(self, track_id: int) -> float:
        """Return how far the leading person's votes are from being enough, in [0, 1].

        The one method any thread may call: the screen asks while the inference thread votes.
        """
        track = self._tracks.get(track_id)
        if track is None:
            return 0.0
        if track.concluded is not None:
            return 1.0
        votes = tuple(track.votes)  # one step for the interpreter: nobody votes in between
        leader = self._leader(votes)
        if leader is None:
            return 0.0
        weight = sum(v.weight for v in votes if v.person_id == leader)
        looks = sum(1 for v in votes if v.person_id == leader)
        return min(1.0, weight / self._settings.min_votes, looks / self._settings.min_looks)

    def _forget(self, lost: Iterable[int], *, now_ns: int) -> None:
        for track_id in lost:
            self._tracks.pop(track_id, None)
        stale = [
            track_id
            for track_id, track in self._tracks.items()
            if now_ns - track.last_seen_ns > FORGET_AFTER_S * NS
        ]
        for track_id in stale:
            del self._tracks[track_id]

    def _collect(self, face: TrackedFace, *, now_ns: int) -> None:
        track = self._tracks.setdefault(face.track_id, _Track())
        track.last_seen_ns = now_ns
        flag = face.quality.worst_flag
        if flag is not track.fault:
            track.fault, track.fault_since_ns = flag, now_ns
        if face.match is not None and face.quality.usable:
            match = face.match
            tie = (
                match.person_id is not None
                and match.similarity - match.runner_up < self._settings.min_margin
            )
            person_id = None if tie else match.person_id
            track.votes.append(_Vote(now_ns, face.quality.score, person_id, match.similarity, tie))
            if track.first_vote_ns is None:
                track.first_vote_ns = now_ns
        oldest_ns = now_ns - int(self._settings.window_s * NS)
        while track.votes and track.votes[0].mono_ns < oldest_ns:
            track.votes.popleft()

    def _candidates(self, faces: tuple[TrackedFace, ...]) -> list[TrackedFace]:
        """The nearest face whose owner looks at the camera, and those as near as it.

        Who stands clearly behind somebody nearer waits, also while the nearer one, already
        clocked in, still stands there.
        """
        looking = [face for face in faces if QualityFlag.NOT_FRONTAL not in face.quality.flags]
        if not looking:
            return [max(faces, key=_size_px)] if faces else []
        nearest_px = max(_size_px(face) for face in looking)
        return [face for face in looking if _size_px(face) >= WAITING_SIZE_RATIO * nearest_px]

    def _judge(self, face: TrackedFace, *, result: FrameResult) -> Decision | None:
        track = self._tracks[face.track_id]
        accepted = self._accepted(face.track_id, track, result=result)
        if accepted is not None:
            track.concluded = accepted.person_id
            track.told_unknown_ns = None
            return accepted
        if track.concluded is not None:
            return None
        return self._unknown(face.track_id, track, result=result) or self._hint(
            face.track_id, track, result=result
        )

    def _leader(self, votes: Iterable[_Vote]) -> str | None:
        weights: dict[str, float] = {}
        for vote in votes:
            if vote.person_id is not None:
                weights[vote.person_id] = weights.get(vote.person_id, 0.0) + vote.weight
        return max(weights, key=lambda person_id: weights[person_id]) if weights else None

    def _accepted(self, track_id: int, track: _Track, *, result: FrameResult) -> Accepted | None:
        leader = self._leader(track.votes)
        if leader is None or leader == track.concluded:
            return None
        votes = [vote for vote in track.votes if vote.person_id == leader]
        weight = sum(vote.weight for vote in votes)
        everything = sum(vote.weight for vote in track.votes)
        span_s = (votes[-1].mono_ns - votes[0].mono_ns) / NS
        enough = (
            len(votes) >= max(2, self._settings.min_looks)
            and weight >= self._settings.min_votes
            and span_s >= self._settings.min_span_s
            and weight >= MIN_SHARE * everything
        )
        if not enough:
            return None
        return Accepted(
            track_id=track_id,
            person_id=leader,
            similarity=sum(vote.similarity * vote.weight for vote in votes) / weight,
            looks=len(votes),
            at_utc=result.frame.at_utc,
            mono_ns=result.frame.mono_ns,
            model_id=self._model_id,
        )

    def _unknown(self, track_id: int, track: _Track, *, result: FrameResult) -> Rejected | None:
        now_ns = result.frame.mono_ns
        if track.first_vote_ns is None or len(track.votes) < self._settings.min_looks:
            return None
        if track.told_unknown_ns is None:
            since_ns, wait_s = track.first_vote_ns, self._settings.unknown_after_s
        else:
            since_ns, wait_s = track.told_unknown_ns, UNKNOWN_AGAIN_S
        if now_ns - since_ns < wait_s * NS:
            return None
        everything = sum(vote.weight for vote in track.votes)
        nobody = sum(vote.weight for vote in track.votes if vote.person_id is None)
        if nobody <= (1 - MIN_SHARE) * everything:
            return None  # somebody is about to be accepted
        ties = sum(vote.weight for vote in track.votes if vote.tie)
        track.told_unknown_ns = now_ns
        reason = Reason.TIE if ties * 2 > everything else Reason.UNKNOWN
        return Rejected(track_id, reason, result.frame.at_utc, now_ns)

    def _hint(self, track_id: int, track: _Track, *, result: FrameResult) -> Rejected | None:
        now_ns = result.frame.mono_ns
        if track.fault is None:
            return None
        if now_ns - track.fault_since_ns < _LONGER.get(track.fault, HINT_AFTER_S) * NS:
            return None
        reason = FLAG_REASONS[track.fault]
        if (
            track.hinted is reason
            and track.hinted_ns is not None
            and now_ns - track.hinted_ns < HINT_AGAIN_S * NS
        ):
            return None
        track.hinted, track.hinted_ns = reason, now_ns
        return Rejected(track_id, reason, result.frame.at_utc, now_ns)


def _size_px(face: TrackedFace) -> float:
    return face.face.size_px
