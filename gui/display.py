"""Whether a window can be opened here. Qt itself aborts the program when it cannot."""

import ctypes
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from attendance.errors import KnownError

CONNECT_TIMEOUT_S = 2.0
X11_SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108 - where X servers listen
X11_BASE_PORT = 6000
# The library Qt's xcb plugin needs that a minimal system most often lacks.
XCB_LIBRARY = "libxcb-cursor.so.0"


class DisplayError(KnownError):
    """There is no display to open a window on."""

    code = "display"
    exit_code = 9


def require_display(environ: Mapping[str, str] | None = None) -> None:
    """Raise DisplayError, with what to run instead, where no window can be opened."""
    problem = display_problem(os.environ if environ is None else environ)
    if problem is not None:
        raise DisplayError(
            problem,
            action="Run `python main.py kiosk --headless`, or `python main.py demo --headless`.",
        )


def has_display(environ: Mapping[str, str] | None = None) -> bool:
    return display_problem(os.environ if environ is None else environ) is None


def display_problem(environ: Mapping[str, str], *, platform: str = sys.platform) -> str | None:
    """Return why no window can be opened, or None. Only Linux can be without a display."""
    if platform != "linux" or environ.get("QT_QPA_PLATFORM"):
        return None
    wayland, x11 = environ.get("WAYLAND_DISPLAY"), environ.get("DISPLAY")
    if not wayland and not x11:
        return "There is no display to open the kiosk's window on."
    if wayland and _wayland_answers(wayland, environ):
        return None
    if not x11:
        return f"The display «{wayland}» does not answer."
    if not _x11_answers(x11):
        return f"The display «{x11}» does not answer."
    try:
        ctypes.CDLL(XCB_LIBRARY)
    except OSError:
        return f"The system library {XCB_LIBRARY} is missing (Debian: libxcb-cursor0)."
    return None


def _wayland_answers(name: str, environ: Mapping[str, str]) -> bool:
    path = Path(environ.get("XDG_RUNTIME_DIR", "/run")) / name
    return _connects(socket.AF_UNIX, str(path))


def _x11_answers(display: str) -> bool:
    host, colon, rest = display.rpartition(":")
    number = rest.partition(".")[0]
    if not colon or not number.isdigit():
        return False
    if host in ("", "unix"):
        path = str(X11_SOCKETS / f"X{number}")
        return _connects(socket.AF_UNIX, path) or _connects(socket.AF_UNIX, f"\0{path}")
    return _connects(socket.AF_INET, (host, X11_BASE_PORT + int(number)))


def _connects(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(CONNECT_TIMEOUT_S)
        try:
            client.connect(address)
        except OSError:
            return False
        return True
