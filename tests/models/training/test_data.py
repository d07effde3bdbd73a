"""Pictures from shards, lists and folders, and what bad ones get."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from attendance.errors import InputError
from models.training.config import DataSettings
from models.training.data import CropStore, open_store

WritePicture = Callable[[Path], None]


def opened(settings: DataSettings, base_dir: Path) -> CropStore:
    return open_store(settings, base_dir=base_dir, cache_dir=base_dir / "cache")


def write_list(base_dir: Path, *lines: str) -> DataSettings:
    (base_dir / "list.txt").write_text("\n".join(lines), encoding="utf-8")
    return DataSettings(list="list.txt", root="pictures")


def write_shard(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as tarball:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tarball.addfile(entry, io.BytesIO(data))


def encoded(seed: int, *, height: int = 112, width: int = 112) -> bytes:
    rng = np.random.default_rng(seed)
    return bytes(cv2.imencode(".png", rng.integers(0, 256, (height, width, 3), np.uint8))[1])


def test_a_list_gives_its_pictures_in_order_widened_by_their_edge_columns(
    tmp_path: Path, write_picture: WritePicture
) -> None:
    write_picture(tmp_path / "pictures" / "a b" / "1.png")
    write_picture(tmp_path / "pictures" / "2.png")
    store = opened(write_list(tmp_path, "2.png 7", "", "a b/1.png 3"), tmp_path)
    assert store.labels.tolist() == [7, 3]
    expected = cv2.imread(str(tmp_path / "pictures" / "a b" / "1.png"))
    assert expected is not None
    assert np.array_equal(store.crops[1][:, 8:104], expected)
    assert np.array_equal(store.crops[1][:, 3], expected[:, 0])
    assert np.array_equal(store.crops[1][:, 111], expected[:, 95])


def test_more_pictures_than_one_decoding_batch_all_arrive(tmp_path: Path) -> None:
    same = encoded(1)
    write_shard(tmp_path / "a.tar", {f"{n:05}.png": same for n in range(1030)})
    assert len(opened(DataSettings(shards="."), tmp_path).labels) == 1030


def test_missing_pictures_are_counted_and_named_by_line(
    tmp_path: Path, write_picture: WritePicture
) -> None:
    write_picture(tmp_path / "pictures" / "1.png")
    settings = write_list(tmp_path, "1.png 0", "gone.png 1", "1.png 2", "away.png 3")
    with pytest.raises(InputError, match=r"2 of 4 .*line 2 \(gone\.png\), line 4 \(away\.png\)"):
        opened(settings, tmp_path)


@pytest.mark.parametrize("label", ["anna", "-1", "1.5", "٣"])
def test_a_label_that_is_not_a_number_is_named_by_line(tmp_path: Path, label: str) -> None:
    with pytest.raises(InputError, match="line 2: the label"):
        opened(write_list(tmp_path, "", f"1.png {label}"), tmp_path)


def test_a_line_without_a_label_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 1: expected `path label`"):
        opened(write_list(tmp_path, "1.png"), tmp_path)


def test_one_person_only_is_refused(tmp_path: Path, write_picture: WritePicture) -> None:
    write_picture(tmp_path / "pictures" / "1.png")
    with pytest.raises(InputError, match="one person only"):
        opened(write_list(tmp_path, "1.png 4", "1.png 4"), tmp_path)
    with pytest.raises(InputError, match="no picture"):
        opened(DataSettings(folder="pictures"), tmp_path)


def test_each_sub_folder_is_a_person(tmp_path: Path, write_picture: WritePicture) -> None:
    for name in ("anna/1.png", "anna/2.png", "ben/1.png"):
        write_picture(tmp_path / "pictures" / name)
    store = opened(DataSettings(folder="pictures"), tmp_path)
    assert store.labels.tolist() == [0, 0, 1]
    assert store.class_count == 2


def test_a_picture_of_the_wrong_size_is_named_with_its_size(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.tar", {"1.png": encoded(1, height=100, width=90)})
    with pytest.raises(InputError, match=r"a\.tar: 1\.png is 90 × 100 pixels"):
        opened(DataSettings(shards="."), tmp_path)


def test_an_unreadable_picture_is_named(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.tar", {"1.png": b"no picture"})
    with pytest.raises(InputError, match=r"a\.tar: 1\.png is not a readable picture"):
        opened(DataSettings(shards="."), tmp_path)


def test_labels_of_shards_stand_beside_the_pictures_and_may_be_unknown(tmp_path: Path) -> None:
    facts = json.dumps({"label": 12, "source": "x"}).encode()
    write_shard(tmp_path / "a.tar", {"1.png": encoded(1), "1.json": facts, "2.png": encoded(2)})
    assert opened(DataSettings(shards="."), tmp_path).labels.tolist() == [12, -1]


@pytest.mark.parametrize("facts", [b"{", b"[]", b"{}", b'{"label": "anna"}', b'{"label": true}'])
def test_a_bad_label_in_a_shard_is_named(tmp_path: Path, facts: bytes) -> None:
    write_shard(tmp_path / "a.tar", {"1.png": encoded(1), "1.json": facts})
    with pytest.raises(InputError, match=r"a\.tar: 1\.json"):
        opened(DataSettings(shards="."), tmp_path)


@pytest.mark.parametrize("cut", [1, 600, 9_000, 11_000])
def test_a_truncated_shard_is_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.tar"
    write_shard(path, {"1.png": encoded(1), "2.png": encoded(2)})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole.rstrip(b"\0")) - cut])
    with pytest.raises(InputError, match=r"a\.tar is truncated"):
        opened(DataSettings(shards="."), tmp_path)


def test_a_changed_source_is_decoded_anew(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.tar", {"1.png": encoded(1)})
    assert len(opened(DataSettings(shards="."), tmp_path).labels) == 1
    write_shard(tmp_path / "b.tar", {"2.png": encoded(2)})
    assert len(opened(DataSettings(shards="."), tmp_path).labels) == 2


def test_a_person_is_either_trained_on_or_held_out(tmp_path: Path) -> None:
    members: dict[str, bytes] = {}
    picture = encoded(1)
    for n in range(400):
        members[f"{n:04}.png"] = picture
        members[f"{n:04}.json"] = json.dumps({"label": n % 100}).encode()
    write_shard(tmp_path / "a.tar", members)
    store = opened(DataSettings(shards=".", held_out_of_32=8), tmp_path)
    held, trained = set(store.labels[store.held_out]), set(store.labels[~store.held_out])
    assert not held & trained
    assert 10 <= len(held) <= 45
