"""The demo's moving picture."""

import itertools

import numpy as np
import pytest

from attendance.types import BgrImage, Frame
from inference.sources.portraits import FPS, PortraitSource
from tests.inference.runtime_fakes import FakeClock, picture

PHOTOS = (picture(255, size_hw=(200, 200)), picture(0, size_hw=(300, 200)))


def frames_of(source: PortraitSource, *, at_most: int = 1_000) -> list[Frame]:
    source.open()
    frames: list[Frame] = []
    while len(frames) < at_most and (frame := source.read()) is not None:
        frames.append(frame)
    source.close()
    return frames


def test_the_same_photos_and_seed_give_the_same_frames_and_another_seed_others() -> None:
    def second_second(seed: int) -> BgrImage:
        source = PortraitSource(PHOTOS, clock=FakeClock(), fast=True, seed=seed)
        return frames_of(source, at_most=2 * FPS)[-1].bgr

    assert np.array_equal(second_second(1), second_second(1))
    assert not np.array_equal(second_second(1), second_second(2))


def test_each_portrait_comes_and_goes_and_the_picture_never_stands_still() -> None:
    frames = frames_of(PortraitSource(PHOTOS, clock=FakeClock(), fast=True))
    assert {frame.bgr.shape for frame in frames} == {(480, 640, 3)}
    middle = [float(frame.bgr[200:280, 280:360].mean()) for frame in frames]
    assert max(middle) > 240
    assert min(middle) < 15
    assert 100 < middle[0] < 180
    assert 100 < middle[-1] < 180
    for one, other in itertools.pairwise(frames):
        assert not np.array_equal(one.bgr, other.bgr)


def test_two_come_together_at_the_end_if_asked_for() -> None:
    alone = PortraitSource(PHOTOS, clock=FakeClock(), fast=True)
    both = PortraitSource(PHOTOS, clock=FakeClock(), fast=True, together=(0, 1))
    assert both.seconds > alone.seconds
    last_scene = frames_of(both)[-int(1.8 * FPS)].bgr
    assert last_scene[200:280, 120:180].mean() > 240
    assert last_scene[200:280, 460:520].mean() < 15


def test_frames_keep_the_files_own_time_and_repeating_goes_on_with_it() -> None:
    source = PortraitSource(PHOTOS, clock=FakeClock(), fast=True, repeat=True)
    source.open()
    count = round(source.seconds * FPS) + 5
    frames = [source.read() for _ in range(count)]
    stamps_ns = [frame.mono_ns for frame in frames if frame is not None]
    assert len(stamps_ns) == count
    assert np.diff(stamps_ns) == pytest.approx(1e9 / FPS, abs=2)


def test_a_box_brings_a_small_face_near() -> None:
    photo = picture(0, size_hw=(400, 400))
    photo[180:220, 180:220] = 255
    box = np.array([180, 180, 220, 220], np.float32)

    def white(source: PortraitSource) -> int:
        return int((frames_of(source, at_most=2 * FPS)[-1].bgr > 250).all(axis=2).sum())

    near = white(PortraitSource([photo], boxes_xyxy=[box], clock=FakeClock(), fast=True))
    far = white(PortraitSource([photo], clock=FakeClock(), fast=True))
    assert near > 5 * far > 0


def test_no_photo_or_a_pair_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="0 photos"):
        PortraitSource([], clock=FakeClock())
    with pytest.raises(ValueError, match="2 photos"):
        PortraitSource(PHOTOS, clock=FakeClock(), together=(0, 2))


def test_an_interrupted_demo_stops() -> None:
    source = PortraitSource(PHOTOS, clock=FakeClock(), fast=True)
    source.open()
    source.interrupt()
    assert source.read() is None


def test_the_photos_are_not_changed() -> None:
    photo = picture(77, size_hw=(200, 200))
    frames_of(PortraitSource([photo], clock=FakeClock(), fast=True))
    assert (photo == 77).all()
