"""Choosing between int8 and fp32: forced, or the faster one, measured once."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from attendance.config import InferenceSettings
from attendance.errors import ConfigError, ModelError
from inference import precision
from inference.manifest import Manifest, ModelEntry, read_manifest
from inference.precision import CACHE_FILE, choose_precision
from tests.inference.perception_kit import (
    altered_copy,
    kiosk_settings,
    shipped_entry,
    write_manifest,
)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Two embedders that differ in what they say of their precision only."""
    folder = tmp_path_factory.mktemp("weights")
    original = shipped_entry("embed", precision="fp32")
    entries = tuple(
        altered_copy(original, folder, file=f"{which}.onnx", precision=which)
        for which in ("fp32", "int8")
    )
    write_manifest(folder, entries)
    return read_manifest(folder)


def _settings(which: str, **changes: object) -> InferenceSettings:
    return kiosk_settings(inference__precision=which, **changes).inference


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[[float, float], list[int]]:
    """Pretend the files take so many ms; the list grows with every measurement."""

    def pretend(int8_ms: float, fp32_ms: float) -> list[int]:
        calls: list[int] = []

        def measure(
            entries: Sequence[ModelEntry], *, settings: InferenceSettings
        ) -> dict[str, float]:
            calls.append(settings.threads)
            return {"int8": int8_ms, "fp32": fp32_ms}

        monkeypatch.setattr(precision, "measure", measure)
        return calls

    return pretend


@pytest.mark.parametrize("which", ["int8", "fp32"])
def test_a_forced_precision_is_taken_without_measuring(
    manifest: Manifest,
    measured: Callable[[float, float], list[int]],
    tmp_path: Path,
    which: str,
) -> None:
    calls = measured(1, 1)
    choice = choose_precision(manifest, settings=_settings(which), cache_dir=tmp_path)
    assert (choice.entry.precision, choice.reason) == (which, "chosen")
    assert calls == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("int8_ms", "fp32_ms", "winner"), [(2, 3, "int8"), (3, 2, "fp32")])
def test_auto_takes_the_faster_one_and_says_by_how_much(
    manifest: Manifest,
    measured: Callable[[float, float], list[int]],
    int8_ms: float,
    fp32_ms: float,
    winner: str,
) -> None:
    measured(int8_ms, fp32_ms)
    choice = choose_precision(manifest, settings=_settings("auto"), cache_dir=None)
    assert choice.entry.precision == winner
    assert choice.reason == f"fastest here: int8 {int8_ms:.1f} ms, fp32 {fp32_ms:.1f} ms"


def test_auto_measures_once_for_the_same_machine_files_and_threads(
    manifest: Manifest, measured: Callable[[float, float], list[int]], tmp_path: Path
) -> None:
    cache_dir = tmp_path / "new" / "cache"
    calls = measured(2, 3)
    first = choose_precision(manifest, settings=_settings("auto"), cache_dir=cache_dir)
    again = choose_precision(manifest, settings=_settings("auto"), cache_dir=cache_dir)
    assert first == again
    assert len(calls) == 1
    more = _settings("auto", inference__threads=2)
    choose_precision(manifest, settings=more, cache_dir=cache_dir)
    assert calls == [1, 2]
    assert [path.name for path in cache_dir.iterdir()] == [CACHE_FILE]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": {"int8": 1}}', '{"x": 3}'])
def test_a_damaged_cache_only_costs_a_measurement(
    manifest: Manifest,
    measured: Callable[[float, float], list[int]],
    tmp_path: Path,
    content: str,
) -> None:
    (tmp_path / CACHE_FILE).write_text(content, encoding="utf-8")
    calls = measured(2, 3)
    for _ in range(2):
        choice = choose_precision(manifest, settings=_settings("auto"), cache_dir=tmp_path)
        assert choice.entry.precision == "int8"
    assert len(calls) == 1


def test_a_cache_that_cannot_be_written_only_costs_a_measurement(
    manifest: Manifest, measured: Callable[[float, float], list[int]], tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    calls = measured(2, 3)
    for _ in range(2):
        choose_precision(manifest, settings=_settings("auto"), cache_dir=blocked)
    assert len(calls) == 2


def test_both_files_are_really_run(manifest: Manifest) -> None:
    choice = choose_precision(manifest, settings=_settings("auto"), cache_dir=None)
    assert choice.entry.precision in ("int8", "fp32")
    assert "ms" in choice.reason


def test_a_missing_precision_is_reported(manifest: Manifest) -> None:
    only = Manifest(
        entries=tuple(e for e in manifest.entries if e.precision == "fp32"), path=manifest.path
    )
    with pytest.raises(ModelError, match="no model «embed int8»"):
        choose_precision(only, settings=_settings("int8"), cache_dir=None)


def _of_two_networks(folder: Path) -> Manifest:
    original = shipped_entry("embed", precision="fp32")
    entries = tuple(
        altered_copy(
            original,
            folder,
            file=f"{network}-{which}.onnx",
            network=network,
            model_id=f"{network}-v1",
            precision=which,
        )
        for network in ("plain", "native")
        for which in ("fp32", "int8")
    )
    write_manifest(folder, entries, default_network="native")
    return read_manifest(folder)


def test_the_default_network_runs_unless_another_is_named(tmp_path: Path) -> None:
    manifest = _of_two_networks(tmp_path)
    assert manifest.networks == ("plain", "native")
    assert manifest.default_reason == "a test"
    for named, expected in (("", "native"), ("plain", "plain"), ("native", "native")):
        settings = _settings("int8", inference__network=named)
        entry = choose_precision(manifest, settings=settings, cache_dir=None).entry
        assert (entry.file, entry.network) == (f"{expected}-int8.onnx", expected)


def test_auto_compares_the_two_files_of_the_chosen_network(
    tmp_path: Path, measured: Callable[[float, float], list[int]]
) -> None:
    manifest = _of_two_networks(tmp_path)
    measured(3, 2)
    settings = _settings("auto", inference__network="plain")
    entry = choose_precision(manifest, settings=settings, cache_dir=None).entry
    assert entry.file == "plain-fp32.onnx"


def test_an_unknown_network_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    settings = _settings("int8", inference__network="nativ")
    with pytest.raises(ConfigError, match=r"«nativ».*plain, native"):
        choose_precision(_of_two_networks(tmp_path), settings=settings, cache_dir=None)


def test_a_default_network_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    entry = altered_copy(
        shipped_entry("embed", precision="fp32"), tmp_path, file="one.onnx", network="one"
    )
    write_manifest(tmp_path, (entry,), default_network="two")
    with pytest.raises(ModelError, match=r"«two» as its default network and lists one"):
        read_manifest(tmp_path)


def test_the_shipped_manifest_says_which_network_is_the_default_and_why() -> None:
    manifest = read_manifest()
    assert manifest.default_network in manifest.networks
    assert len(manifest.default_reason) > 20
    assert manifest.entry("embed", precision="int8").network == manifest.default_network
