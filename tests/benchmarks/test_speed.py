"""What is timed again and again while it is worked on; by default each runs once, untimed.

python -m pytest tests/benchmarks --benchmark-enable
"""

import io
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from attendance.types import Embedding, Frame
from inference.gallery import MatrixGallery
from inference.pipeline import Pipeline
from storage.store import Store
from tests.inference.perception_kit import kiosk_settings, networks, portrait
from tests.storage.support import (
    BERLIN,
    START,
    FakeClock,
    accepted,
    clocking_rules,
    person,
    template,
)

THRESHOLDS = {"1e-3": 0.45, "1e-4": 0.53, "1e-5": 0.6, "1e-6": 0.65}


def gallery_of(people: int) -> MatrixGallery:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(people, 128)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = [f"{number:06}" for number in range(people)]
    return MatrixGallery(networks().embedder.model_id, names, vectors, thresholds=THRESHOLDS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path, clock=FakeClock()) as opened:
        opened.enrol(person(), [template("17")], operator="test").result()
        yield opened


def test_a_frame_with_one_face(benchmark: BenchmarkFixture) -> None:
    pipeline = Pipeline(networks(), settings=kiosk_settings(), gallery=gallery_of(1_000))
    frame = Frame(0, 0, START, portrait("collins-1.jpg"))
    result = benchmark(pipeline.process, frame)
    assert len(result.faces) == 1


@pytest.mark.parametrize("people", [1_000, 10_000, 100_000])
def test_a_search(benchmark: BenchmarkFixture, people: int) -> None:
    gallery = gallery_of(people)
    wanted = np.eye(1, 128, dtype=np.float32)[0]
    match = benchmark(gallery.search, Embedding(wanted, gallery.model_id), threshold=0.99)
    assert match.person_id is None


def test_a_punch_until_it_is_committed(benchmark: BenchmarkFixture, store: Store) -> None:
    rules = clocking_rules(cooldown_s=0)
    moments = iter(START + timedelta(seconds=n) for n in range(10_000_000))
    stored = benchmark(lambda: store.record(accepted(at_utc=next(moments)), rules=rules).result())
    assert stored is not None


def test_an_export_of_a_thousand_punches(benchmark: BenchmarkFixture, store: Store) -> None:
    rules = clocking_rules(cooldown_s=0)
    for number in range(1_000):
        moment = START + timedelta(seconds=number)
        store.record(accepted(at_utc=moment), rules=rules).result()

    def export() -> int:
        target = io.BytesIO()
        first, end = date(2026, 3, 1), date(2026, 3, 4)
        return store.export_csv(target, from_date=first, to_date=end, zone=BERLIN).result()

    assert benchmark(export) == 1_000
