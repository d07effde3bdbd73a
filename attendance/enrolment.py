"""Enrolment rules: which captures are taken, and whether a face is enrolled already.

Yaw is positive when the person turns to the right side of the picture, pitch when looking up; the
sentences speak to the person, whose own right is the left side of the picture.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from attendance.config import EnrolmentSettings, QualitySettings
from attendance.errors import PictureError
from attendance.ports import FaceLook, Gallery
from attendance.types import Match, Quality, QualityFlag, Template

VIEWS = ("front", "left", "right", "up", "down")


@dataclass(frozen=True, slots=True)
class ViewRange:
    """Which head angles a view takes, in degrees, and what to ask the person for."""

    yaw_deg: tuple[float, float]
    pitch_deg: tuple[float, float]
    request: str


# A view asks for a small turn: large enough to add something to the frontal one, small enough to
# stay inside what the quality gate lets pass at the kiosk.
VIEW_RANGES: Mapping[str, ViewRange] = MappingProxyType(
    {
        "front": ViewRange((-10, 10), (-12, 12), "Look straight at the camera"),
        "left": ViewRange((8, 40), (-18, 18), "Turn your head slightly to your left"),
        "right": ViewRange((-40, -8), (-18, 18), "Turn your head slightly to your right"),
        "up": ViewRange((-18, 18), (5, 35), "Lift your chin slightly"),
        "down": ViewRange((-18, 18), (-35, -5), "Lower your chin slightly"),
    }
)

# The angles of a view may be beyond the kiosk's gate, everything else may not.
_POSE_FLAGS = frozenset({QualityFlag.NOT_FRONTAL})

FLAG_SENTENCES: Mapping[QualityFlag, str] = MappingProxyType(
    {
        QualityFlag.CUT_OFF: "Part of the face is outside the picture",
        QualityFlag.TOO_SMALL: "The face is too small: come closer",
        QualityFlag.TOO_DARK: "The face is too dark: turn towards the light",
        QualityFlag.TOO_BRIGHT: "The face is too bright: turn away from the light",
        QualityFlag.NOT_FRONTAL: "The face is turned too far away",
        QualityFlag.EYES_CLOSED: "The eyes are closed",
        QualityFlag.BLURRED: "The picture is blurred: hold still",
        QualityFlag.LOW_SCORE: "The face is partly covered",
    }
)


@dataclass(frozen=True, slots=True)
class Capture:
    """One accepted look for one view."""

    view: str
    look: FaceLook


@dataclass(frozen=True, slots=True)
class CaptureAccepted:
    view: str
    look: FaceLook


@dataclass(frozen=True, slots=True)
class CaptureRefused:
    """sentence: why, for the person in front of the camera."""

    sentence: str


def pose_fits(view: str, quality: Quality) -> bool:
    """Tell whether the head's angles are those of the view."""
    ranges = VIEW_RANGES[view]
    yaw_low, yaw_high = ranges.yaw_deg
    pitch_low, pitch_high = ranges.pitch_deg
    return yaw_low <= quality.yaw_deg <= yaw_high and pitch_low <= quality.pitch_deg <= pitch_high


def refusal(quality: Quality, *, settings: EnrolmentSettings) -> str | None:
    """Return why a look is not good enough to be enrolled, or None. Says nothing of the pose."""
    flag = next((f for f in QualityFlag if f in quality.flags - _POSE_FLAGS), None)
    if flag is not None:
        return FLAG_SENTENCES[flag]
    if quality.score < settings.min_quality and not quality.flags:
        return "The picture is not clear enough: more light, hold still"
    return None


class CaptureSession:
    """Collects one capture a view. Nothing is stored; a session that is dropped leaves nothing.

    Owned by one thread.
    """

    def __init__(
        self, settings: EnrolmentSettings, quality: QualitySettings, *, views: Sequence[str] = ()
    ) -> None:
        self._settings = settings
        self._quality = quality
        self._views = tuple(views) or VIEWS[: settings.captures]
        self._captures: dict[str, Capture] = {}

    @property
    def views(self) -> tuple[str, ...]:
        return self._views

    @property
    def wanted_view(self) -> str | None:
        """The next view to take, or None when all are there."""
        return next((view for view in self._views if view not in self._captures), None)

    @property
    def complete(self) -> bool:
        return self.wanted_view is None

    @property
    def captures(self) -> tuple[Capture, ...]:
        return tuple(self._captures[view] for view in self._views if view in self._captures)

    def hint(self, quality: Quality) -> str | None:
        """Return what the person should do now, or None if this look would be taken."""
        view = self.wanted_view
        if view is None:
            return None
        why = refusal(quality, settings=self._settings)
        if why is not None:
            return why
        return None if pose_fits(view, quality) else VIEW_RANGES[view].request

    def offer(self, look: FaceLook) -> CaptureAccepted | CaptureRefused:
        """Take a look for the wanted view, or say why not."""
        view = self.wanted_view
        if view is None:
            return CaptureRefused("All pictures are taken")
        sentence = self.hint(look.quality)
        if sentence is None:
            sentence = self._another_person(look)
        if sentence is not None:
            return CaptureRefused(sentence)
        self._captures[view] = Capture(view, look)
        return CaptureAccepted(view, look)

    def drop(self, view: str) -> None:
        """Forget one capture so that its view is asked for again."""
        self._captures.pop(view, None)

    def clear(self) -> None:
        self._captures.clear()

    def templates(self, staff_id: str) -> tuple[Template, ...]:
        return templates_from(
            [(capture.view, capture.look) for capture in self.captures], staff_id=staff_id
        )

    def _another_person(self, look: FaceLook) -> str | None:
        if not self._captures:
            return None
        nearest = max(similarity(look, c.look) for c in self._captures.values())
        if nearest < self._settings.same_person_similarity:
            return "This looks like somebody else: one person only, please"
        return None


def similarity(a: FaceLook, b: FaceLook) -> float:
    """Cosine of two looks' embeddings, in [-1, 1]."""
    return float(np.clip(a.embedding.vec @ b.embedding.vec, -1.0, 1.0))


def templates_from(looks: Iterable[tuple[str, FaceLook]], *, staff_id: str) -> tuple[Template, ...]:
    """Return one template a look; each pair is (view, look)."""
    return tuple(
        Template(staff_id=staff_id, embedding=look.embedding, quality=look.quality.score, view=view)
        for view, look in looks
    )


def pick_single_face(
    looks: Sequence[FaceLook], *, name: str, settings: EnrolmentSettings
) -> FaceLook:
    """Return the one face of an enrolment photo.

    A second face that is less than a third as large is taken for background.
    Raises PictureError (no face, several faces, or the quality's sentence); name: the photo's.
    """
    if not looks:
        raise PictureError(
            f"No face was found in «{name}».",
            action="Use a photo in which the face is large, upright and uncovered.",
        )
    first = looks[0]
    rivals = [look for look in looks[1:] if look.face.size_px * 3 >= first.face.size_px]
    if rivals:
        raise PictureError(
            f"«{name}» shows {len(rivals) + 1} faces.",
            action="Use a photo of this person alone, or cut the others off.",
        )
    why = refusal(first.quality, settings=settings)
    if why is None and QualityFlag.NOT_FRONTAL in first.quality.flags:
        why = FLAG_SENTENCES[QualityFlag.NOT_FRONTAL]
    if why is not None:
        raise PictureError(f"«{name}» cannot be used. {why}.", action="Use another photo.")
    return first


def check_same_person(
    looks: Sequence[tuple[str, FaceLook]], *, settings: EnrolmentSettings
) -> None:
    """Raise PictureError if one of several enrolment photos shows somebody else.

    looks: (photo's name, look). Each photo must be similar to at least one other.
    """
    if len(looks) < 2:
        return
    for index, (name, look) in enumerate(looks):
        nearest = max(similarity(look, other) for i, (_, other) in enumerate(looks) if i != index)
        if nearest < settings.same_person_similarity:
            raise PictureError(
                f"«{name}» shows somebody else than the other photos.",
                action="Check which photo belongs to this person and leave the other out.",
            )


def already_enrolled(
    looks: Iterable[FaceLook],
    gallery: Gallery,
    *,
    settings: EnrolmentSettings,
    ignore: str | None = None,
) -> Match | None:
    """Return the match with another enrolled person if the face is in the gallery already.

    ignore: a staff id that may match (re-enrolment).
    """
    nearest: Match | None = None
    for look in looks:
        match = _without(
            gallery.search(look.embedding, threshold=settings.duplicate_similarity), ignore
        )
        if match.person_id is not None and (
            nearest is None or match.similarity > nearest.similarity
        ):
            nearest = match
    return nearest


def _without(match: Match, ignore: str | None) -> Match:
    """Return the match as if the ignored person were not in the gallery."""
    if ignore is None or match.nearest_id != ignore:
        return match
    reached = match.runner_up >= match.threshold
    return Match(
        person_id=match.runner_up_id if reached else None,
        similarity=match.runner_up,
        runner_up=-1.0,
        threshold=match.threshold,
        nearest_id=match.runner_up_id,
    )
