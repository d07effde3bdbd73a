"""One frame through every stage: with fake networks for the rules, with real ones for the whole."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

import inference.pipeline
from attendance.config import QualitySettings
from attendance.errors import ModelError
from attendance.types import (
    BgrImage,
    Crop,
    Embedding,
    Face,
    FloatArray,
    FrameResult,
    Quality,
    QualityFlag,
)
from inference.gallery import MatrixGallery, threshold_for
from inference.pipeline import STAGES, Pipeline
from inference.portraits import portraits
from inference.reader import Networks
from inference.sources.base import Source
from inference.sources.portraits import PortraitSource
from inference.sources.video import VideoSource
from tests.inference.perception_kit import kiosk_settings, networks, portrait
from tests.inference.runtime_fakes import FakeClock, embedding, face, frame

THRESHOLDS: Mapping[str, float] = {"1e-3": 0.3, "1e-4": 0.4, "1e-5": 0.5, "1e-6": 0.6}
PEOPLE = {"ada": embedding(1), "bob": embedding(0, 1), "eve": embedding(0, 0, 1)}


class FakeNetworks:
    """What the next frame shows: faces, whose they are, and the flags of their looks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: list[tuple[Face, str, QualityFlag | None]] = []
        self.embedded: list[str] = []
        monkeypatch.setattr(inference.pipeline, "align", self._align)
        monkeypatch.setattr(inference.pipeline, "measure_quality", self._measure)

    def show(self, *faces: tuple[Face, str] | tuple[Face, str, QualityFlag]) -> None:
        self.shown = [(one[0], one[1], one[2] if len(one) == 3 else None) for one in faces]

    def bundle(self) -> Networks:
        return cast(
            "Networks",
            SimpleNamespace(
                detector=SimpleNamespace(detect=lambda frame_bgr: tuple(self.shown)),
                landmarks=SimpleNamespace(
                    read=lambda frame_bgr, found: tuple(one[0] for one in found)
                ),
                embedder=SimpleNamespace(embed=self._embed),
                entry=SimpleNamespace(model_id="fake", thresholds=THRESHOLDS),
                reader=lambda quality: None,
            ),
        )

    def _align(self, frame_bgr: BgrImage, landmarks: FloatArray) -> Crop:
        index = next(n for n, one in enumerate(self.shown) if one[0].landmarks is landmarks)
        return Crop(np.full((112, 96, 3), index, np.uint8))

    def _measure(
        self,
        face: Face,
        crop: Crop,
        *,
        frame_size_hw: tuple[int, int],
        settings: QualitySettings,
    ) -> Quality:
        flag = next(one[2] for one in self.shown if one[0] is face)
        return Quality(0.9, frozenset() if flag is None else frozenset({flag}))

    def _embed(self, crops: Sequence[Crop]) -> tuple[Embedding, ...]:
        names = [self.shown[int(crop.bgr[0, 0, 0])][1] for crop in crops]
        self.embedded.extend(names)
        return tuple(PEOPLE[name] for name in names)


def gallery_of(*names: str, model_id: str = "fake") -> MatrixGallery:
    vectors = np.array([PEOPLE[name].vec for name in names], np.float32).reshape(-1, 128)
    return MatrixGallery(model_id, names, vectors, thresholds=THRESHOLDS)


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> FakeNetworks:
    return FakeNetworks(monkeypatch)


def pipeline_of(fakes: FakeNetworks, *names: str, **changes: object) -> Pipeline:
    settings = kiosk_settings(**changes)
    return Pipeline(fakes.bundle(), settings=settings, gallery=gallery_of(*names))


def run(pipeline: Pipeline, *, frames: int = 1, start: int = 0) -> list[FrameResult]:
    return [pipeline.process(frame(n, at_s=n * 0.04)) for n in range(start, start + frames)]


def test_faces_come_nearest_first_each_with_its_match(fakes: FakeNetworks) -> None:
    fakes.show((face(100, size_px=90), "ada"), (face(400, size_px=150), "bob"))
    pipeline = pipeline_of(fakes, "ada", "bob")
    (result,) = run(pipeline)
    assert [one.match.person_id for one in result.faces if one.match] == ["bob", "ada"]
    assert len({one.track_id for one in result.faces}) == 2
    assert set(result.stage_ms) == set(STAGES)
    assert all(elapsed_ms >= 0 for elapsed_ms in result.stage_ms.values())


def test_a_look_that_is_not_usable_is_shown_and_followed_but_never_embedded(
    fakes: FakeNetworks,
) -> None:
    fakes.show((face(100), "ada", QualityFlag.BLURRED), (face(400), "bob"))
    results = run(pipeline_of(fakes, "ada", "bob"), frames=3)
    assert fakes.embedded == ["bob"] * 3
    blurred = [one for result in results for one in result.faces if not one.quality.usable]
    assert [one.age for one in blurred] == [1, 2, 3]
    assert all(one.match is None and one.embedding is None for one in blurred)


def test_an_unknown_person_has_a_match_that_names_nobody(fakes: FakeNetworks) -> None:
    fakes.show((face(100), "eve"))
    (result,) = run(pipeline_of(fakes, "ada", "bob"))
    match = result.faces[0].match
    assert match is not None
    assert match.person_id is None


def test_an_empty_frame_and_an_empty_gallery_work(fakes: FakeNetworks) -> None:
    pipeline = pipeline_of(fakes)
    assert run(pipeline)[0].faces == ()
    fakes.show((face(100), "ada"))
    match = run(pipeline, start=1)[0].faces[0].match
    assert match is not None
    assert match.person_id is None


def test_up_to_four_faces_are_embedded_in_every_frame(fakes: FakeNetworks) -> None:
    fakes.show(*((face(150 * n), "ada") for n in range(4)))
    run(pipeline_of(fakes, "ada"), frames=6)
    assert len(fakes.embedded) == 24


def test_in_a_crowd_each_track_is_embedded_in_every_other_frame(fakes: FakeNetworks) -> None:
    fakes.show(*((face(150 * n), "ada") for n in range(6)))
    results = run(pipeline_of(fakes, "ada"), frames=6)
    assert [sum(one.match is not None for one in result.faces) for result in results] == [3] * 6
    by_track: dict[int, list[bool]] = {}
    for result in results:
        for one in result.faces:
            by_track.setdefault(one.track_id, []).append(one.match is not None)
    assert all(turns in ([True, False] * 3, [False, True] * 3) for turns in by_track.values()), (
        by_track
    )


def test_a_cut_to_another_person_in_the_same_place_is_another_track(fakes: FakeNetworks) -> None:
    pipeline = pipeline_of(fakes, "ada", "bob")
    fakes.show((face(100), "ada"))
    before = run(pipeline, frames=3)
    fakes.show((face(100), "bob"))
    after = run(pipeline, frames=3, start=3)
    old, new = before[0].faces[0].track_id, after[0].faces[0].track_id
    assert old != new
    assert after[0].lost_tracks == (old,)
    assert [result.faces[0].track_id for result in after] == [new] * 3
    assert [result.faces[0].age for result in after] == [1, 2, 3]


def test_a_reset_reports_the_tracks_lost_with_the_next_frame(fakes: FakeNetworks) -> None:
    fakes.show((face(100), "ada"))
    pipeline = pipeline_of(fakes, "ada")
    (first,) = run(pipeline)
    pipeline.reset()
    (second,) = run(pipeline, start=1)
    assert second.lost_tracks == (first.faces[0].track_id,)
    assert second.faces[0].track_id != first.faces[0].track_id


def test_a_new_gallery_counts_from_the_next_frame_on(fakes: FakeNetworks) -> None:
    fakes.show((face(100), "ada"))
    pipeline = pipeline_of(fakes)
    run(pipeline)
    pipeline.replace_gallery(gallery_of("ada"))
    match = run(pipeline, start=1)[0].faces[0].match
    assert match is not None
    assert match.person_id == "ada"


def test_another_models_gallery_is_refused_and_the_old_one_stays(fakes: FakeNetworks) -> None:
    pipeline = pipeline_of(fakes, "ada")
    gallery = pipeline.gallery
    with pytest.raises(ModelError, match="made with other, but fake runs"):
        pipeline.replace_gallery(gallery_of("ada", model_id="other"))
    assert pipeline.gallery is gallery
    with pytest.raises(ModelError):
        Pipeline(fakes.bundle(), settings=kiosk_settings(), gallery=gallery_of(model_id="other"))


def test_the_threshold_follows_the_size_of_the_gallery_and_the_settings(
    fakes: FakeNetworks,
) -> None:
    low = {"recognition__min_threshold": 0.2, "recognition__false_accept_per_look": 0.001}
    pipeline = pipeline_of(fakes, "ada", **low)
    one = pipeline.threshold
    pipeline.replace_gallery(gallery_of("ada", "bob", "eve"))
    three = pipeline.threshold
    assert one < three
    assert three == threshold_for(THRESHOLDS, people=3, false_accept_per_look=0.001, floor=0.2)


# ---- with the shipped networks -----------------------------------------------------------------


def real_networks() -> Networks:
    bundle = networks()
    return replace(bundle, entry=replace(bundle.entry, thresholds=THRESHOLDS))


def gallery_of_portraits() -> MatrixGallery:
    reader = networks().reader(kiosk_settings().quality)
    enrolled = [one for one in portraits() if one.role == "enrol"]
    looks = [reader.read(portrait(one.path.name))[0] for one in enrolled]
    return MatrixGallery(
        reader.model_id,
        [one.person_id for one in enrolled],
        np.stack([look.embedding.vec for look in looks]),
        thresholds=THRESHOLDS,
    )


def demo_source(*files: str, together: tuple[int, int] | None = None) -> PortraitSource:
    reader = networks().reader(kiosk_settings().quality)
    photos = [portrait(file) for file in files]
    boxes = [reader.read(photo)[0].face.box_xyxy for photo in photos]
    return PortraitSource(photos, boxes_xyxy=boxes, clock=FakeClock(), fast=True, together=together)


def results_of(pipeline: Pipeline, source: Source, *, every: int) -> list[FrameResult]:
    source.open()
    results = []
    count = 0
    while (frame := source.read()) is not None:
        if count % every == 0:
            results.append(pipeline.process(frame))
        count += 1
    source.close()
    return results


def people_by_track(results: Sequence[FrameResult]) -> dict[int, set[str | None]]:
    seen: dict[int, set[str | None]] = {}
    for result in results:
        for one in result.faces:
            if one.match is not None:
                seen.setdefault(one.track_id, set()).add(one.match.person_id)
    return seen


def test_the_demos_people_are_recognised_a_stranger_is_not_and_no_track_is_mixed() -> None:
    pipeline = Pipeline(real_networks(), settings=kiosk_settings(), gallery=gallery_of_portraits())
    source = demo_source("obama-2.jpg", "hopper-1.jpg", "biden-1.jpg", together=(0, 2))
    results = results_of(pipeline, source, every=5)
    seen = people_by_track(results)
    assert {person for people in seen.values() for person in people} == {"obama", "biden", None}
    assert all(len(people) == 1 for people in seen.values())
    both = [result for result in results if len(result.faces) == 2]
    assert len(both) > 5
    scenes_of_obama = [people for people in seen.values() if people == {"obama"}]
    assert len(scenes_of_obama) == 2


def test_no_track_of_the_development_clips_holds_two_people(shared_data: Path) -> None:
    """Two people in one track would show as looks far from the track's mean."""
    pipeline = Pipeline(real_networks(), settings=kiosk_settings(), gallery=gallery_of_portraits())
    clips = shared_data / "clips"
    for file in ("several/stage.mp4", "genuine/turning-female.gif", "genuine/person-d12.mp4"):
        pipeline.reset()
        looks: dict[int, list[FloatArray]] = {}
        source = VideoSource(clips / file, clock=FakeClock(), fast=True)
        for result in results_of(pipeline, source, every=2):
            for one in result.faces:
                if one.embedding is not None:
                    looks.setdefault(one.track_id, []).append(one.embedding.vec)
        assert len(looks) == 1 or "several" in file, file
        for vectors in looks.values():
            matrix = np.stack(vectors)
            mean = matrix.mean(axis=0)
            assert float((matrix @ mean).min() / np.linalg.norm(mean)) > 0.5, file


def test_a_cut_between_two_real_clips_begins_a_new_track(shared_data: Path) -> None:
    pipeline = Pipeline(real_networks(), settings=kiosk_settings(), gallery=gallery_of_portraits())
    tracks: list[set[int]] = []
    start_s = 0.0
    for file in ("person-d0.mp4", "person-d10.mp4", "person-d14.mp4", "person-d3.mp4"):
        source = VideoSource(shared_data / "clips/genuine" / file, clock=FakeClock(), fast=True)
        source.open()
        tracks.append(set())
        for n in range(10):
            shown = source.read()
            assert shown is not None
            result = pipeline.process(frame(n, at_s=start_s + n * 0.04, bgr=shown.bgr))
            tracks[-1] |= {one.track_id for one in result.faces if one.match is not None}
        source.close()
        start_s += 0.4
    assert [len(ids) for ids in tracks] == [1] * 4
    assert len(set.union(*tracks)) == 4
