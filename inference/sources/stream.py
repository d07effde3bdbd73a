"""Network cameras: RTSP and HTTP streams."""

from urllib.parse import urlsplit

from attendance.errors import CameraError
from attendance.ports import Clock
from inference.sources.live import LiveSource
from inference.sources.opencv import OpenCapture, open_capture

STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https")
OPEN_TIMEOUT_MS = 8_000
READ_TIMEOUT_MS = 5_000


def without_password(address: str) -> str:
    """Return the address as it may be shown: without user, password and query."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


class StreamSource(LiveSource):
    """A stream at an address. Live, opened again when lost."""

    has_noise = False  # a coder may repeat a still scene byte for byte

    def __init__(
        self, address: str, *, clock: Clock, opened_with: OpenCapture = open_capture
    ) -> None:
        super().__init__(clock)
        self._address = address
        self._opened_with = opened_with

    @property
    def description(self) -> str:
        return f"The stream {without_password(self._address)}"

    def open(self) -> None:
        import cv2

        parameters = (
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            OPEN_TIMEOUT_MS,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            READ_TIMEOUT_MS,
        )
        capture = self._opened_with(self._address, cv2.CAP_FFMPEG, parameters)
        if not capture.isOpened():
            capture.release()
            raise CameraError(
                f"{self.description} does not answer.",
                action="Check the address, the password and the network.",
            )
        self._take_over(capture)
