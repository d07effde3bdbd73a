import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gui import display
from gui.display import DisplayError, display_problem, has_display, require_display


@pytest.fixture
def x11_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Something that answers as display :7 would."""
    if sys.platform != "linux":
        pytest.skip("X11 sockets are looked for on Linux only")
    monkeypatch.setattr(display, "X11_SOCKETS", tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tmp_path / "X7"))
        server.listen()
        yield ":7"


def test_without_any_display_the_sentence_says_what_to_run_instead() -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux can be without a display")
    with pytest.raises(DisplayError, match=r"no display.*demo --headless"):
        require_display({})


@pytest.mark.parametrize("name", [":9999", "nonsense", ":x", "127.0.0.1:9"])
def test_a_display_that_is_named_but_does_not_answer_is_said_so(name: str) -> None:
    problem = display_problem({"DISPLAY": name}, platform="linux")
    assert problem is not None
    assert "does not answer" in problem


def test_a_missing_system_library_is_named(
    x11_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(display, "XCB_LIBRARY", "libnowhere.so.0")
    problem = display_problem({"DISPLAY": f"{x11_server}.0"}, platform="linux")
    assert problem is not None
    assert "libnowhere.so.0" in problem


def test_a_display_that_answers_is_taken(x11_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "XCB_LIBRARY", "libc.so.6")
    assert has_display({"DISPLAY": x11_server})


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_systems_always_have_one(platform: str) -> None:
    assert display_problem({}, platform=platform) is None


def test_a_chosen_qt_platform_is_trusted() -> None:
    assert has_display({"QT_QPA_PLATFORM": "offscreen"})
