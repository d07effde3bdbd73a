"""Cameras and network streams as sources, with a VideoCapture that only pretends."""

from pathlib import Path

import pytest

from attendance.errors import CameraError
from inference.sources.camera import CameraInfo, CameraSource, find_camera, list_cameras
from inference.sources.stream import StreamSource, without_password
from tests.inference.runtime_fakes import (
    START,
    FakeCapture,
    FakeClock,
    Opener,
    picture,
    source_settings,
)

CAMERAS = (CameraInfo(0, "Laptop Camera"), CameraInfo(2, "Brio 4K"), CameraInfo(4, "Brio 100"))


def camera(which: int | str, opener: Opener, **settings: object) -> CameraSource:
    return CameraSource(
        which,
        settings=source_settings(**settings),
        clock=FakeClock(),
        opened_with=opener,
        cameras=lambda: CAMERAS,
    )


def test_a_camera_is_asked_for_the_size_of_the_settings_and_stamps_by_the_clock() -> None:
    import cv2

    capture = FakeCapture([picture(1), picture(2)])
    source = camera(0, Opener(capture), width_px=640, height_px=480)
    source.open()
    first, second = source.read(), source.read()
    assert first is not None
    assert second is not None
    assert (first.seq, second.seq, first.at_utc) == (0, 1, START)
    assert capture.settings[cv2.CAP_PROP_FRAME_WIDTH] == 640
    assert cv2.CAP_PROP_FOURCC not in capture.settings
    source.close()
    assert capture.released


def test_a_large_picture_is_asked_for_compressed_before_its_size() -> None:
    import cv2

    capture = FakeCapture()
    source = camera(0, Opener(capture), width_px=1920, height_px=1080)
    source.open()
    assert next(iter(capture.settings)) == cv2.CAP_PROP_FOURCC


def test_a_camera_that_gives_nothing_more_is_told_by_none() -> None:
    source = camera(0, Opener(FakeCapture([])))
    source.open()
    assert source.read() is None


def test_a_camera_that_broken_opencv_cannot_read_is_a_camera_error() -> None:
    import cv2

    class Broken(FakeCapture):
        def read(self) -> tuple[bool, object]:
            raise cv2.error("something deep down\nand more")

    source = camera(0, Opener(Broken()))
    source.open()
    with pytest.raises(CameraError, match=r"something deep down$"):
        source.read()


def test_a_camera_is_looked_up_by_name_at_each_opening() -> None:
    opener = Opener(FakeCapture(), FakeCapture())
    plugged = [CameraInfo(1, "Brio 4K")]
    source = CameraSource(
        "brio 4k",
        settings=source_settings(),
        clock=FakeClock(),
        opened_with=opener,
        cameras=lambda: plugged,
    )
    source.open()
    source.close()
    plugged[:] = [CameraInfo(3, "Brio 4K")]
    source.open()
    assert opener.targets == [1, 3]


@pytest.mark.parametrize(
    ("name", "index"), [("BRIO 4K", 2), (" laptop ", 0), ("100", 4), ("Brio 100", 4)]
)
def test_a_camera_is_found_by_its_name_or_a_part_of_it(name: str, index: int) -> None:
    assert find_camera(name, CAMERAS).index == index


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("Brio", "fits several cameras.*2 «Brio 4K»"), ("Sony", "no camera named «Sony».*0 «Laptop")],
)
def test_a_name_that_fits_none_or_several_lists_the_cameras(name: str, sentence: str) -> None:
    with pytest.raises(CameraError, match=sentence):
        find_camera(name, CAMERAS)


def test_a_name_without_any_camera_says_that_none_is_plugged_in() -> None:
    with pytest.raises(CameraError, match="No camera is plugged in"):
        find_camera("Brio", ())


def test_a_camera_that_is_not_there_says_so(tmp_path: Path) -> None:
    source = CameraSource(
        7,
        settings=source_settings(),
        clock=FakeClock(),
        opened_with=Opener(FakeCapture(opened=False)),
        device_dir=tmp_path,
    )
    with pytest.raises(CameraError, match=r"Camera 7 (is not there|cannot be opened)"):
        source.open()


def test_a_camera_another_program_holds_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "video7").touch()
    source = CameraSource(
        7,
        settings=source_settings(),
        clock=FakeClock(),
        opened_with=Opener(FakeCapture(opened=False)),
        device_dir=tmp_path,
    )
    with pytest.raises(CameraError, match="Close other programs"):
        source.open()


def test_the_cameras_of_linux_are_read_from_the_system_without_opening_any(tmp_path: Path) -> None:
    for device, index, name in (
        ("video10", "0", "Second"),
        ("video2", "0", "First: Camera"),
        ("video3", "1", "First: Camera"),
        ("v4l-subdev0", "0", "Not a camera"),
    ):
        folder = tmp_path / device
        folder.mkdir()
        (folder / "index").write_text(index + "\n")
        (folder / "name").write_text(name + "\n")
    cameras = list_cameras(platform="linux", sysfs_dir=tmp_path, opened_with=Opener())
    assert cameras == (CameraInfo(2, "First: Camera"), CameraInfo(10, "Second"))
    assert list_cameras(platform="linux", sysfs_dir=tmp_path / "none") == ()


def test_elsewhere_the_first_five_cameras_are_tried_and_let_go() -> None:
    captures = [FakeCapture(opened=index in (0, 3)) for index in range(5)]
    cameras = list_cameras(platform="win32", opened_with=Opener(*captures))
    assert cameras == (CameraInfo(0, "Camera 0"), CameraInfo(3, "Camera 3"))
    assert all(capture.released for capture in captures)


def test_no_password_of_a_stream_is_ever_shown() -> None:
    source = StreamSource(
        "rtsp://root:secret@10.0.0.9:554/live?token=secret",
        clock=FakeClock(),
        opened_with=Opener(FakeCapture(opened=False)),
    )
    with pytest.raises(CameraError, match=r"rtsp://10\.0\.0\.9:554/live does not answer") as error:
        source.open()
    assert "secret" not in str(error.value)
    assert without_password("http://a/b") == "http://a/b"


def test_a_stream_is_opened_with_time_limits() -> None:
    import cv2

    opener = Opener(FakeCapture([picture()]))
    source = StreamSource("rtsp://host/a", clock=FakeClock(), opened_with=opener)
    source.open()
    assert source.read() is not None
    assert opener.parameters[0][::2] == (
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
    )
