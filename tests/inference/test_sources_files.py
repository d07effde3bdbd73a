"""Video files, animated pictures and folders of pictures as sources."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from attendance.errors import CameraError, PictureError
from attendance.types import BgrImage, Frame
from inference.sources.base import Playback, Source
from inference.sources.pictures import PictureFolderSource
from inference.sources.video import FileTimes, VideoSource
from tests.inference.runtime_fakes import START, FakeCapture, FakeClock, Opener, picture


def read_all(source: Source) -> list[Frame]:
    source.open()
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    source.close()
    return frames


@pytest.fixture
def gif(tmp_path: Path) -> Path:
    """Four pictures, shown 100, 300, 100 and 100 ms."""
    pictures = [Image.new("RGB", (64, 48), (60 * n, 0, 0)) for n in range(4)]
    path = tmp_path / "moving.gif"
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=[100, 300, 100, 100], loop=0
    )
    return path


def test_a_gif_is_stamped_by_its_own_uneven_times(gif: Path) -> None:
    frames = read_all(VideoSource(gif, clock=FakeClock(), fast=True))
    assert [frame.mono_ns - frames[0].mono_ns for frame in frames] == [
        0,
        100_000_000,
        400_000_000,
        500_000_000,
    ]
    assert [frame.at_utc - START for frame in frames][2] == timedelta(milliseconds=400)
    assert [frame.seq for frame in frames] == [0, 1, 2, 3]
    assert frames[3].bgr.shape == (48, 64, 3)
    assert frames[3].bgr[0, 0, 2] > 150


def test_frames_cannot_be_written_to(gif: Path) -> None:
    frame = read_all(VideoSource(gif, clock=FakeClock(), fast=True))[0]
    with pytest.raises(ValueError, match="read-only"):
        frame.bgr[0, 0] = 0


def test_a_file_played_at_its_own_speed_waits_until_each_frame_is_due(gif: Path) -> None:
    clock = FakeClock()
    source = VideoSource(gif, clock=clock, wait=clock.wait)
    source.open()
    start_ns = clock.mono_ns()
    waited_ms = []
    while source.read() is not None:
        waited_ms.append((clock.mono_ns() - start_ns) // 1_000_000)
    assert waited_ms == [0, 100, 400, 500]


def test_a_file_played_fast_never_waits(gif: Path) -> None:
    clock = FakeClock()

    def no_waiting(event: threading.Event, timeout_s: float) -> bool:
        raise AssertionError

    assert len(read_all(VideoSource(gif, clock=clock, fast=True, wait=no_waiting))) == 4


def test_an_interrupted_file_gives_nothing_more_until_it_is_opened_again(gif: Path) -> None:
    source = VideoSource(gif, clock=FakeClock(), fast=True)
    source.open()
    source.read()
    source.interrupt()
    assert source.read() is None
    source.close()
    assert len(read_all(source)) == 4


def test_interrupting_ends_the_wait_for_a_frame_that_is_not_due() -> None:
    playback = Playback(FakeClock(), fast=False)
    given: list[Frame | None] = []
    waiting = threading.Thread(
        target=lambda: given.append(playback.frame(picture(), position_s=3600))
    )
    waiting.start()
    playback.interrupt()
    waiting.join(10)
    assert given == [None]


def test_frames_of_different_sizes_and_kinds_all_become_bgr() -> None:
    odd: list[Any] = [
        picture(9),
        np.full((10, 20), 9, np.uint8),
        np.full((30, 8, 4), 9, np.uint8),
        np.full((5, 5, 1), 9 * 256, np.uint16),
    ]
    opener = Opener(FakeCapture(odd, stamps_ms=[0, 40, 80, 120]))
    path = Path(__file__)  # any file that is there
    frames = read_all(VideoSource(path, clock=FakeClock(), fast=True, opened_with=opener))
    assert [frame.bgr.shape for frame in frames] == [
        (24, 32, 3),
        (10, 20, 3),
        (30, 8, 3),
        (5, 5, 3),
    ]
    assert {int(frame.bgr.max()) for frame in frames} == {9}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r"no file .*gone\.mp4"):
        VideoSource(tmp_path / "gone.mp4", clock=FakeClock()).open()


@pytest.mark.parametrize("content", [b"", b"123" * 1000])
def test_a_damaged_video_is_refused_without_noise(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.mp4"
    path.write_bytes(content)
    source = VideoSource(path, clock=FakeClock())
    with pytest.raises(CameraError, match=r"bad\.mp4 cannot be played"):
        source.open()
    source.close()
    assert capfd.readouterr().err == ""


STAMPS_S = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=50)


@given(stamps_s=STAMPS_S, fps=st.floats(allow_nan=True, allow_infinity=True))
def test_positions_begin_at_0_and_always_go_forward_a_little(
    stamps_s: list[float], fps: float
) -> None:
    times = FileTimes(fps=fps)
    positions = [times.position_s(stamp) for stamp in stamps_s]
    steps = np.diff(positions)
    assert positions[0] == 0
    assert (steps > 0).all()
    assert (steps <= 10.001).all()


@given(
    steps_ms=st.lists(st.integers(2, 9_999), min_size=1, max_size=30),
    offset_s=st.integers(-1000, 1000),
)
def test_good_stamps_are_kept_but_for_where_they_begin(steps_ms: list[int], offset_s: int) -> None:
    stamps_s = np.cumsum([0, *steps_ms]) / 1000
    times = FileTimes(fps=30)
    positions = [times.position_s(float(stamp) + offset_s) for stamp in stamps_s]
    assert positions == pytest.approx(stamps_s.tolist(), abs=1e-6)


def test_stamps_that_stand_still_become_frames_at_the_nominal_rate() -> None:
    times = FileTimes(fps=20)
    assert [times.position_s(0) for _ in range(3)] == pytest.approx([0, 0.05, 0.1])


def some_pictures(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        Image.new("RGB", (40, 30), (10 * number, 0, 0)).save(folder / name)


def test_a_folder_shows_its_pictures_by_name_each_for_its_time(tmp_path: Path) -> None:
    some_pictures(tmp_path, "b.png", "a.PNG", "c.bmp")
    (tmp_path / "notes.txt").write_text("no picture")
    frames = read_all(PictureFolderSource(tmp_path, hold_s=0.5, clock=FakeClock(), fast=True))
    assert len(frames) == 15
    assert [int(frame.bgr[0, 0, 2]) for frame in frames[::5]] == [10, 0, 20]
    assert frames[-1].mono_ns - frames[0].mono_ns == 1_400_000_000


def test_a_single_picture_is_a_source_too(tmp_path: Path) -> None:
    some_pictures(tmp_path, "one.png")
    source = PictureFolderSource(tmp_path / "one.png", hold_s=0.3, clock=FakeClock(), fast=True)
    assert len(read_all(source)) == 3


def test_a_bad_picture_is_passed_over_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    some_pictures(tmp_path, "a.png", "c.png")
    (tmp_path / "b.png").write_bytes(b"broken")
    source = PictureFolderSource(tmp_path, hold_s=0.1, clock=FakeClock(), fast=True)
    assert len(read_all(source)) == 2
    assert "b.png is passed over" in caplog.text


def test_a_folder_without_a_readable_picture_says_so(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="holds no picture"):
        PictureFolderSource(tmp_path, hold_s=1, clock=FakeClock()).open()
    (tmp_path / "b.png").write_bytes(b"broken")

    def refuse(path: Path) -> BgrImage:
        raise PictureError("b.png is broken.")

    with pytest.raises(CameraError, match=r"b\.png is broken"):
        PictureFolderSource(tmp_path, hold_s=1, clock=FakeClock(), load=refuse).open()


def test_a_folder_can_be_opened_again_after_it_was_closed(tmp_path: Path) -> None:
    some_pictures(tmp_path, "a.png", "b.png")
    source = PictureFolderSource(tmp_path, hold_s=0.2, clock=FakeClock(), fast=True)
    source.open()
    source.read()
    source.close()
    assert source.read() is None
    assert len(read_all(source)) == 4


def test_the_clips_of_the_development_data_play_by_their_own_times(shared_data: Path) -> None:
    walking = read_all(
        VideoSource(shared_data / "clips" / "several" / "walking.gif", clock=FakeClock(), fast=True)
    )
    assert len(walking) == 35
    assert (walking[-1].mono_ns - walking[0].mono_ns) / 1e9 == pytest.approx(2.83, abs=0.02)
