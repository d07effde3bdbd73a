"""Following faces from frame to frame."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attendance.types import Face
from inference.track import Tracker
from tests.inference.runtime_fakes import embedding, face

FRAME_NS = 40_000_000


class Scene:
    """Feeds a tracker one frame after the other."""

    def __init__(self, *, frame_ns: int = FRAME_NS) -> None:
        self.tracker = Tracker()
        self.now_ns = 0
        self.frame_ns = frame_ns

    def see(self, *faces: Face) -> tuple[int, ...]:
        self.now_ns += self.frame_ns
        return tuple(one.track_id for one in self.tracker.update(faces, mono_ns=self.now_ns))


def test_a_face_that_stays_keeps_its_track_and_ages() -> None:
    tracker = Tracker()
    seen = [tracker.update([face(100)], mono_ns=n * FRAME_NS)[0] for n in range(5)]
    assert {one.track_id for one in seen} == {seen[0].track_id}
    assert [one.age for one in seen] == [1, 2, 3, 4, 5]


def test_two_faces_keep_their_tracks_whatever_their_order() -> None:
    scene = Scene()
    left, right = scene.see(face(100), face(400))
    assert left != right
    assert scene.see(face(405), face(102)) == (right, left)


@given(
    start_x=st.floats(0, 600),
    speed_sizes_per_s=st.floats(-9, 9),
    frame_ms=st.sampled_from([33, 40, 80, 100]),
)
def test_somebody_who_walks_by_keeps_the_track(
    start_x: float, speed_sizes_per_s: float, frame_ms: int
) -> None:
    scene = Scene(frame_ns=frame_ms * 1_000_000)
    step_px = 100 * speed_sizes_per_s * frame_ms / 1000
    ids = {scene.see(face(start_x + n * step_px))[0] for n in range(10)}
    assert len(ids) == 1


def test_two_who_walk_past_each_other_side_by_side_are_not_exchanged() -> None:
    scene = Scene()
    first = scene.see(face(0, 100), face(600, 260))
    for step in range(1, 31):
        ids = scene.see(face(20 * step, 100), face(600 - 20 * step, 260))
    assert ids == first


def test_one_who_is_hidden_for_a_moment_while_walking_keeps_the_track() -> None:
    scene = Scene()
    ids = [scene.see(face(20 * step))[0] for step in range(10)]
    for _ in range(8):
        scene.see()
    assert scene.see(face(20 * 18)) == (ids[0],)


def test_a_face_far_away_or_of_another_size_is_another_one() -> None:
    scene = Scene()
    (first,) = scene.see(face(100))
    assert scene.see(face(300)) != (first,)
    assert scene.see(face(100, size_px=250)) != (first,)


def test_a_track_is_lost_when_it_was_not_seen_for_a_while_and_told_once() -> None:
    scene = Scene(frame_ns=500_000_000)
    (gone,) = scene.see(face(100))
    assert scene.tracker.take_lost() == ()
    scene.see()
    scene.see()
    assert scene.tracker.take_lost() == ()
    scene.see()
    assert scene.tracker.take_lost() == (gone,)
    assert scene.tracker.take_lost() == ()
    assert scene.see(face(100)) != (gone,)


def test_after_a_long_pause_of_the_source_nobody_is_the_same() -> None:
    scene = Scene()
    (before,) = scene.see(face(100))
    scene.now_ns += 3_000_000_000
    assert scene.see(face(100)) != (before,)
    assert scene.tracker.take_lost() == (before,)


def test_a_slow_machine_with_one_frame_a_second_still_follows() -> None:
    scene = Scene(frame_ns=1_000_000_000)
    assert len({scene.see(face(100))[0] for _ in range(4)}) == 1


def test_a_clock_that_goes_back_ends_every_track() -> None:
    tracker = Tracker()
    before = tracker.update([face(100)], mono_ns=5_000_000_000)[0]
    after = tracker.update([face(100)], mono_ns=1_000_000_000)[0]
    assert before.track_id != after.track_id
    assert tracker.take_lost() == (before.track_id,)


def test_a_jump_of_the_embedding_begins_a_new_track_in_the_same_place() -> None:
    scene = Scene()
    (track,) = scene.see(face(100))
    assert scene.tracker.confirm(track, embedding(1), weight=0.8).track_id == track
    scene.see(face(100))
    assert scene.tracker.confirm(track, embedding(1, 0.5), weight=0.8).track_id == track
    scene.see(face(100))
    other = scene.tracker.confirm(track, embedding(0.1, 0, 1), weight=0.8)
    assert other.track_id != track
    assert other.age == 1
    assert scene.tracker.take_lost() == (track,)
    assert scene.see(face(100)) == (other.track_id,)
    assert scene.tracker.confirm(other.track_id, embedding(0, 0, 1), weight=1) == (
        type(other)(other.track_id, 2)
    )


def test_two_who_cross_and_are_exchanged_by_place_get_new_tracks_by_their_looks() -> None:
    scene = Scene()
    ids = scene.see(face(100), face(300))
    scene.tracker.confirm(ids[0], embedding(1), weight=1)
    scene.tracker.confirm(ids[1], embedding(0, 1), weight=1)
    scene.see(face(100), face(300))
    exchanged = {
        scene.tracker.confirm(ids[0], embedding(0, 1), weight=1).track_id,
        scene.tracker.confirm(ids[1], embedding(1), weight=1).track_id,
    }
    assert not exchanged & set(ids)
    assert scene.tracker.take_lost() == ids


def test_one_poor_look_weighs_little_against_many_good_ones() -> None:
    scene = Scene()
    (track,) = scene.see(face(100))
    for _ in range(5):
        scene.tracker.confirm(track, embedding(1), weight=1)
    scene.tracker.confirm(track, embedding(0.5, 0.86), weight=0.01)
    assert scene.tracker.confirm(track, embedding(1), weight=1).track_id == track


def test_a_look_of_quality_0_does_not_confuse_the_track() -> None:
    scene = Scene()
    (track,) = scene.see(face(100))
    for _ in range(3):
        assert scene.tracker.confirm(track, embedding(1), weight=0).track_id == track


def test_a_reset_ends_every_track() -> None:
    scene = Scene()
    ids = scene.see(face(100), face(400))
    scene.tracker.reset()
    assert scene.tracker.take_lost() == ids
    assert not set(scene.see(face(100), face(400))) & set(ids)


places = st.tuples(st.floats(-50, 700), st.floats(-50, 500), st.floats(0, 300))
frames_of_places = st.lists(st.lists(places, max_size=6), max_size=12)


@given(frames_of_places, st.integers(1, 900))
def test_every_face_has_one_track_of_its_own_and_no_lost_one_returns(
    frames: list[list[tuple[float, float, float]]], frame_ms: int
) -> None:
    scene = Scene(frame_ns=frame_ms * 1_000_000)
    lost: set[int] = set()
    for seen in frames:
        ids = scene.see(*(face(x, y, size_px=size) for x, y, size in seen))
        assert len(ids) == len(seen) == len(set(ids))
        newly_lost = scene.tracker.take_lost()
        assert len(newly_lost) == len(set(newly_lost))
        lost |= set(newly_lost)
        assert not lost & set(ids)


def test_a_crowd_that_stands_still_is_never_mixed_up() -> None:
    scene = Scene()
    chance = np.random.default_rng(3)
    homes = list(itertools.product(range(100, 900, 130), (150, 300)))
    first = scene.see(*(face(x, y) for x, y in homes))
    for _ in range(50):
        shaken = [(x + chance.normal(0, 8), y + chance.normal(0, 8)) for x, y in homes]
        assert scene.see(*(face(x, y) for x, y in shaken)) == first
