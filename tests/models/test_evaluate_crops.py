"""Error rates by the source of aligned crops."""

import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from attendance.errors import InputError
from inference.manifest import ModelEntry, read_manifest
from models.evaluate_crops import main, rates_by_source, read_sourced
from models.training.data import is_held_out


def write_shard(
    path: Path, facts: list[dict[str, object] | None], *, side: int = 112, cut: int = 0
) -> None:
    """A tar file of noise crops with what is said of each; None writes no JSON."""
    with tarfile.open(path, "w") as tarball:

        def add(name: str, data: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tarball.addfile(member, io.BytesIO(data))

        for number, said in enumerate(facts):
            picture = np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8)
            add(f"{number:04d}.webp", cv2.imencode(".webp", picture)[1].tobytes())
            if said is not None:
                add(f"{number:04d}.json", json.dumps(said).encode())
    if cut:
        path.write_bytes(path.read_bytes()[:cut])


def facts(*labels: int, source: str = "here") -> list[dict[str, object] | None]:
    return [{"source": source, "label": label} for label in labels]


@pytest.fixture
def entry() -> ModelEntry:
    return read_manifest().entry("embed", precision="int8")


def test_pairs_are_counted_within_each_source_at_the_given_thresholds(
    tmp_path: Path, entry: ModelEntry
) -> None:
    write_shard(tmp_path / "a.tar", facts(3, 3, 4) + facts(-1, -1, source="there"))
    crops = list(read_sourced(tmp_path))
    assert [one.source for one in crops] == ["here"] * 3 + ["there"] * 2
    assert crops[0].crop.bgr.shape == (112, 96, 3)
    vectors = np.eye(5, 128, dtype=np.float32)
    vectors[1] = vectors[0]  # the genuine pair, and
    vectors[4] = vectors[3]  # two unlabelled ones that count as two people
    table = rates_by_source(crops, vectors, entry)
    here, there = (
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in table.splitlines()
        if line.startswith(("| here", "| there"))
    )
    assert here[:5] == ["here", "2", "3", "1", "2"]
    assert here[5].startswith("100")
    assert here[6].endswith("(0)")
    assert there[:5] == ["there", "2", "2", "0", "1"]
    assert there[6].endswith("(1)")
    assert f"{entry.thresholds['1e-4']:.3f} for FAR 1e-4" in table


def test_at_most_so_many_of_each_source_are_taken(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.tar", facts(1, 2, 3) + facts(4, 5, source="there"))
    assert [one.person for one in read_sourced(tmp_path, most=1)] == ["label 1", "label 4"]


def test_only_what_a_training_left_out_is_taken(tmp_path: Path) -> None:
    labels = list(range(40))
    write_shard(tmp_path / "a.tar", facts(*labels))
    expected = [f"label {label}" for label in labels if is_held_out(label, label, 4)]
    assert 0 < len(expected) < 40
    assert [one.person for one in read_sourced(tmp_path, held_out_of_32=4)] == expected


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (None, "no JSON with a source and a label"),
        ({"label": 3}, "no JSON with a source and a label"),
        ({"source": "here", "label": "3"}, "the label a whole number"),
        ({"source": 1, "label": 3}, "the source must be a text"),
    ],
)
def test_a_crop_with_bad_facts_is_named(
    said: dict[str, object] | None, sentence: str, tmp_path: Path
) -> None:
    write_shard(tmp_path / "a.tar", [*facts(1), said])
    with pytest.raises(InputError, match=rf"a\.tar: 0001\.webp.*{sentence}"):
        list(read_sourced(tmp_path))


def test_a_crop_of_another_size_is_named(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.tar", facts(1), side=100)
    with pytest.raises(InputError, match=r"0000\.webp is not a readable 112 × 112 picture"):
        list(read_sourced(tmp_path))


def test_a_shard_that_is_cut_off_is_named(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.tar", facts(1, 2), cut=700)
    with pytest.raises(InputError, match=r"a\.tar"):
        list(read_sourced(tmp_path))


def test_the_command_measures_the_kiosk_s_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_shard(tmp_path / "a.tar", facts(1, 2, 3))
    assert main(["--crops", str(tmp_path), "--threads", "1"]) == 0
    assert "| here | 3 | 3 | 0 | 3 |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "holds no tar file"),
        (["--weights", "nothing.onnx"], "nothing.onnx is no embedder of"),
    ],
)
def test_what_cannot_be_measured_is_said(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--crops", str(tmp_path), *arguments]) != 0
    assert sentence in capsys.readouterr().err
