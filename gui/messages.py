"""From what the kiosk says happened to what stands on the result card: colour, symbol, words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from PySide6.QtCore import QCoreApplication

from attendance.errors import KnownError
from attendance.kiosk import (
    AlreadyStored,
    DirectionAsked,
    KioskEvent,
    NotStored,
    PunchStored,
    Refused,
)
from attendance.types import Direction, Person, Punch, Reason

translate = QCoreApplication.translate


class Level(StrEnum):
    """What a card is about; the names of the fill tokens in gui.theme."""

    NEUTRAL = "neutral"
    SUCCESS = "success"
    ACCENT = "accent"
    WARNING = "warning"
    DANGER = "danger"


class Sound(StrEnum):
    NONE = "none"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CardContent:
    """What a result card says.

    is_hint: advice on how to stand; it never replaces a result. solid: the whole card is filled
    with the level's colour, otherwise only the disc behind the symbol.
    """

    level: Level
    symbol: str
    title: str
    detail: str = ""
    solid: bool = True
    is_hint: bool = False
    sound: Sound = Sound.NONE


def isolated(name: str) -> str:
    """Return the name fenced off, so that a right-to-left one does not turn the sentence round."""
    return f"\u2068{name}\u2069"


def ready_card(*, anybody_enrolled: bool, has_picture: bool = True) -> CardContent:
    """What stands there while nothing happens."""
    if not has_picture:
        return CardContent(
            Level.NEUTRAL,
            "hourglass",
            translate("Kiosk", "One moment, please"),
            translate("Kiosk", "Nobody can clock in by face without a picture."),
            solid=False,
        )
    if not anybody_enrolled:
        return CardContent(
            Level.NEUTRAL,
            "person-add",
            translate("Kiosk", "Nobody is enrolled yet"),
            translate("Kiosk", "Open the desk to enrol the first person."),
            solid=False,
        )
    return CardContent(
        Level.NEUTRAL,
        "face",
        translate("Kiosk", "Look at the camera to clock in or out"),
        translate("Kiosk", "The picture is not stored."),
        solid=False,
    )


def card_for(event: KioskEvent, *, zone: ZoneInfo) -> CardContent | None:
    """Return the card of an event; None for one that is not answered by a card."""
    match event:
        case PunchStored(punch=punch, person=person):
            return _stored(punch, person, zone=zone)
        case AlreadyStored(punch=punch, person=person):
            return _already(punch, person, zone=zone)
        case NotStored(person=person, error=error):
            return _not_stored(person, error)
        case Refused(rejected=rejected):
            return _refused(rejected.reason)
        case DirectionAsked():
            return None


def cancelled_card() -> CardContent:
    """The answer to a direction that nobody chose."""
    return CardContent(
        Level.NEUTRAL,
        "info",
        translate("Kiosk", "Nothing was stored"),
        translate("Kiosk", "Look at the camera again to clock in or out."),
        solid=False,
    )


def hours_today(worked: timedelta) -> str:
    """Return «3 h 12 min today»; empty for less than a minute."""
    minutes = int(worked.total_seconds()) // 60
    if minutes < 1:
        return ""
    if minutes < 60:
        return translate("Kiosk", "{minutes} min today").format(minutes=minutes)
    return translate("Kiosk", "{hours} h {minutes:02} min today").format(
        hours=minutes // 60, minutes=minutes % 60
    )


def _stored(punch: Punch, person: Person, *, zone: ZoneInfo) -> CardContent:
    at = f"{punch.at_utc.astimezone(zone):%H:%M:%S}"
    if punch.direction is Direction.IN:
        return CardContent(
            Level.SUCCESS,
            "check",
            translate("Kiosk", "Welcome, {name}").format(name=isolated(person.name)),
            translate("Kiosk", "Clocked in · {time}").format(time=at),
            sound=Sound.ACCEPTED,
        )
    return CardContent(
        Level.ACCENT,
        "arrow-out",
        translate("Kiosk", "Goodbye, {name}").format(name=isolated(person.name)),
        translate("Kiosk", "Clocked out · {time}").format(time=at),
        sound=Sound.ACCEPTED,
    )


def _already(punch: Punch, person: Person, *, zone: ZoneInfo) -> CardContent:
    at = f"{punch.at_utc.astimezone(zone):%H:%M}"
    if punch.direction is Direction.IN:
        title = translate("Kiosk", "Already clocked in at {time}").format(time=at)
    else:
        title = translate("Kiosk", "Already clocked out at {time}").format(time=at)
    return CardContent(
        Level.ACCENT,
        "clock",
        title,
        translate("Kiosk", "{name}, there is nothing more to do.").format(
            name=isolated(person.name)
        ),
        solid=False,
    )


def _not_stored(person: Person, error: KnownError) -> CardContent:
    return CardContent(
        Level.DANGER,
        "cross",
        translate("Kiosk", "Your punch was not stored"),
        translate("Kiosk", "{name}: {reason}").format(
            name=isolated(person.name), reason=str(error)
        ),
        sound=Sound.REFUSED,
    )


_HINT_SYMBOLS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.TOO_DARK: "dark",
        Reason.TOO_BRIGHT: "bright",
        Reason.COME_CLOSER: "closer",
        Reason.LOOK_AT_CAMERA: "eye",
        Reason.HOLD_STILL: "still",
        Reason.MOVE_INTO_VIEW: "frame",
        Reason.OPEN_EYES: "eye",
    }
)


def _refused(reason: Reason) -> CardContent | None:
    if reason in _HINT_SYMBOLS:
        title, detail = _hint_words(reason)
        return CardContent(
            Level.WARNING, _HINT_SYMBOLS[reason], title, detail, solid=False, is_hint=True
        )
    if reason is Reason.UNKNOWN:
        return CardContent(
            Level.WARNING,
            "question",
            translate("Kiosk", "Not recognised"),
            translate("Kiosk", "Try again, close to the camera. If it still fails, ask HR."),
            sound=Sound.REFUSED,
        )
    if reason is Reason.TIE:
        return CardContent(
            Level.WARNING,
            "question",
            translate("Kiosk", "Not sure who this is"),
            translate("Kiosk", "Come closer and look straight at the camera, or ask HR."),
            sound=Sound.REFUSED,
        )
    if reason is Reason.COOLDOWN:
        return CardContent(
            Level.ACCENT, "clock", translate("Kiosk", "Already clocked a moment ago"), solid=False
        )
    if reason is Reason.NOT_STORED:
        return CardContent(
            Level.DANGER,
            "cross",
            translate("Kiosk", "The punch was not stored"),
            translate("Kiosk", "Tell HR."),
            sound=Sound.REFUSED,
        )
    return None


def _hint_words(reason: Reason) -> tuple[str, str]:
    return {
        Reason.TOO_DARK: (
            translate("Kiosk", "Too dark"),
            translate("Kiosk", "Turn towards the light."),
        ),
        Reason.TOO_BRIGHT: (
            translate("Kiosk", "Too bright"),
            translate("Kiosk", "Step out of the glare."),
        ),
        Reason.COME_CLOSER: (
            translate("Kiosk", "Come closer"),
            translate("Kiosk", "About an arm's length from the camera is best."),
        ),
        Reason.LOOK_AT_CAMERA: (
            translate("Kiosk", "Look at the camera"),
            translate("Kiosk", "Face it straight on."),
        ),
        Reason.HOLD_STILL: (
            translate("Kiosk", "Hold still"),
            translate("Kiosk", "Only for a moment."),
        ),
        Reason.MOVE_INTO_VIEW: (
            translate("Kiosk", "Move into the picture"),
            translate("Kiosk", "Your whole face must be seen."),
        ),
        Reason.OPEN_EYES: (
            translate("Kiosk", "Open your eyes"),
            translate("Kiosk", "Look at the camera."),
        ),
    }[reason]
