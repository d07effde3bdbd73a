"""From the engine's status to the banner: what is wrong and what to do, in the user's words."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from attendance.errors import CameraError, KnownError
from inference.status import EngineError, EngineStatus, SourceState

translate = QCoreApplication.translate


@dataclass(frozen=True, slots=True)
class Fault:
    """What a banner says. offers_source: whether choosing another source may help.

    restarts: only a new start of the program helps, and one may be tried.
    """

    level: str
    symbol: str
    title: str
    sentence: str
    offers_source: bool = False
    restarts: bool = False


def fault_for(status: EngineStatus) -> Fault | None:
    """Return what to tell about the source, or None while all is well."""
    sentence = str(status.error) if status.error is not None else status.message
    match status.state:
        case SourceState.LOST:
            return Fault(
                "danger",
                "camera-off",
                translate("Kiosk", "No picture from the camera"),
                sentence,
                offers_source=True,
            )
        case SourceState.FROZEN:
            return Fault(
                "danger",
                "camera-off",
                translate("Kiosk", "The camera's picture stands still"),
                sentence,
                offers_source=True,
            )
        case SourceState.FAULT:
            return _given_up(status.error, sentence)
        case SourceState.ENDED:
            return Fault(
                "accent",
                "film",
                translate("Kiosk", "The recording has ended"),
                translate("Kiosk", "Nobody can clock in until a source gives pictures again."),
                offers_source=True,
            )
        case SourceState.OPENING | SourceState.LIVE:
            return None


def _given_up(error: KnownError | None, sentence: str) -> Fault:
    if isinstance(error, CameraError):
        return Fault(
            "danger",
            "camera-off",
            translate("Kiosk", "The source cannot be used"),
            sentence,
            offers_source=True,
        )
    return Fault(
        "danger",
        "warning",
        translate("Kiosk", "Nobody can clock in by face at the moment"),
        sentence or translate("Kiosk", "Start Clockface again; the log says what went wrong."),
        restarts=error is None or isinstance(error, EngineError),
    )


def storage_fault(error: KnownError) -> Fault:
    """The last punch could not be stored; shown until one can be again."""
    return Fault("danger", "disk", translate("Kiosk", "Punches are not being stored"), str(error))


def state_words(status: EngineStatus) -> tuple[str, str, str]:
    """Return symbol, token and words for the small line under the clock."""
    if status.state is SourceState.FAULT:
        return "warning", "danger", translate("Kiosk", "out of order")
    if status.state in (SourceState.LOST, SourceState.FROZEN):
        return "camera-off", "danger", translate("Kiosk", "no camera")
    if status.state is SourceState.ENDED:
        return "film", "muted", translate("Kiosk", "ended")
    if status.state is SourceState.OPENING:
        return "hourglass", "muted", translate("Kiosk", "opening the camera …")
    if not status.models_ready:
        return "hourglass", "muted", translate("Kiosk", "getting ready …")
    return "check", "success", translate("Kiosk", "ready")
