"""The benchmark: what it shows the networks, what it counts, and what it prints."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from attendance.errors import ModelError
from inference import benchmark
from inference.benchmark_table import as_text
from inference.manifest import Manifest, read_manifest
from inference.photo import load_photo
from inference.portraits import portraits
from tests.inference.perception_kit import altered_copy, kiosk_settings, networks

THRESHOLDS = {"1e-3": 0.30, "1e-4": 0.38, "1e-5": 0.46, "1e-6": 0.52}


def test_frames_are_of_kiosk_size_and_hold_as_many_faces_as_they_say() -> None:
    pictures = [load_photo(portrait.path) for portrait in portraits()]
    for count in (1, 4):
        frame = benchmark.tiled(pictures, count=count, detector=networks().detector)
        assert frame.shape == (480, 640, 3)
        assert len(networks().detector.detect(frame)) == count


def test_every_stage_and_every_crowd_is_timed_with_all_its_faces() -> None:
    entry = replace(networks().entry, thresholds=THRESHOLDS)
    measured = benchmark.measure_frames(
        replace(networks(), entry=entry), settings=kiosk_settings(), rounds=5
    )
    assert set(measured["stage_ms"]) == {"detect", "landmarks", "align", "embed", "search"}
    assert all(elapsed > 0 for elapsed in measured["stage_ms"].values())
    for count in ("1", "4", "16"):
        times = measured["frame_ms"][count]
        assert 0 < times["p50"] <= times["p95"] <= times["p99"]
        assert measured["frames"][count]["faces"] == int(count)
    assert measured["frames"]["4"]["embedded"] == 4
    assert 4 < measured["frames"]["16"]["embedded"] <= 16


def test_embedders_are_compared_with_plain_prelu() -> None:
    found = benchmark.measure_embedders(kiosk_settings(), rounds=3)
    plain, exact = found["mobilefacenet-prelu-fp32"], found["mobilefacenet-fp32"]
    assert (plain["speedup"], plain["crop_speedup"]) == (1, 1)
    assert exact["speedup"] == pytest.approx(plain["run_ms"] / exact["run_ms"], rel=0.01)
    assert exact["crop_speedup"] == exact["speedup"]


def test_a_network_that_runs_once_for_a_crop_counts_twice_as_fast(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    manifest = read_manifest()
    once = altered_copy(
        manifest.entry("embed", precision="fp32"), tmp_path, file="once.onnx", mirrored="false"
    )
    plain = next(entry for entry in manifest.entries if entry.precision == benchmark.PRELU)
    monkeypatch.setattr(benchmark, "read_manifest", lambda: Manifest((once, plain), manifest.path))
    found = benchmark.measure_embedders(kiosk_settings(), rounds=1)["once"]
    assert found["runs"] == 1
    assert found["crop_speedup"] == pytest.approx(2 * found["speedup"], rel=0.01)


def test_without_the_baseline_the_comparison_says_what_to_build(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = read_manifest()
    kept = tuple(entry for entry in manifest.entries if entry.precision != benchmark.PRELU)
    monkeypatch.setattr(benchmark, "read_manifest", lambda: Manifest(kept, manifest.path))
    with pytest.raises(ModelError, match=r"«fp32-prelu».*models\.build"):
        benchmark.measure_embedders(kiosk_settings(), rounds=1)


def test_percentiles_are_those_of_the_times() -> None:
    assert benchmark.percentiles(list(range(101))) == {"p50": 50, "p95": 95, "p99": 99}


def test_random_units_are_unit_and_repeatable() -> None:
    units = benchmark.random_units(50)
    np.testing.assert_allclose(np.linalg.norm(units, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(units, benchmark.random_units(50))


def test_memory_is_told_in_megabytes() -> None:
    resident = benchmark.resident_mb()
    assert resident is not None
    assert 30 < resident < 20_000


def test_the_whole_run_prints_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--json", "--threads", "1", "--rounds", "3", "--sizes", "1000", "20000"]
    assert benchmark.main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["search_ms"]) == {"1000", "20000"}
    assert set(report["frame_ms"]) == {"1", "4", "16"}
    assert report["embed_speedup_over_prelu_fp32"] > 0
    listed = [Path(e.file).stem for e in read_manifest().entries if e.role == "embed"]
    assert list(report["embedders"]) == listed
    assert report["embedders"]["mobilefacenet-prelu-fp32"]["speedup"] == 1
    assert report["embedder"] in report["embedders"]
    assert report["start_ms"] > 100
    assert report["rss_mb"] > 30
    table = as_text(report)
    assert "process start to first decision" in table
    assert f"{report['stage_ms']['embed']:.2f}" in table


@pytest.mark.parametrize("arguments", [["--threads", "0"], ["--rounds", "0"], ["--sizes", "0"]])
def test_senseless_numbers_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        benchmark.main(arguments)
    assert caught.value.code == 2
