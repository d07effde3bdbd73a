"""Folders of digits in IDX form: what is read, and what is refused by name."""

import gzip
import struct
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attendance.errors import InputError
from models.toy.data import idx_digits, split
from models.toy.idx import read_idx, read_part

SIDE = 10


def idx(array: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bytes:
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes((0, 0, 8, array.ndim)) + shape + array.tobytes()


def write_set(folder: Path, *, copies: int = 2) -> None:
    labels = np.tile(np.arange(10, dtype=np.uint8), copies)
    pictures = np.zeros((len(labels), SIDE, SIDE), np.uint8)
    pictures[:, 2, 3] = 255
    for part in ("train", "t10k"):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(pictures))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))


def test_a_folder_of_plain_and_gzipped_files_is_read(tmp_path: Path) -> None:
    write_set(tmp_path)
    digits = idx_digits(tmp_path)
    assert digits.name == tmp_path.name
    assert digits.training.pictures.dtype == np.float32
    assert digits.training.pictures.shape == (20, SIDE, SIDE)
    assert float(digits.test.pictures[5, 2, 3]) == 1.0
    assert float(digits.test.pictures.sum()) == 20.0
    assert digits.test.digits.tolist() == [*range(10), *range(10)]


def test_names_with_a_dot_before_idx_are_found(tmp_path: Path) -> None:
    write_set(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert len(idx_digits(tmp_path).training.digits) == 20


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere is not a folder"):
        idx_digits(tmp_path / "nowhere")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write_set(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match=r"no t10k-labels-idx1-ubyte.*the labels are missing"):
        idx_digits(tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "truncated: it ends inside its header"),
        (b"\0\0\x08\x01\0\0", "truncated: it ends inside its header"),
        (b"\0\0\x08\x03\0\0\0\x01", "begins with 00 00 08 03 instead of 00 00 08 01"),
        (b"\x1f\x8b\x08\x00rest", r"begins with 1f 8b 08 00 .* add \.gz to its name"),
        (b"\0\0\x08\x01\0\0\0\x05abc", "truncated: 5 bytes announced, 3 are there"),
        (b"\0\0\x08\x01\0\0\0\x02abc", "too long: 2 bytes announced"),
        (b"\0\0\x08\x01\xff\xff\xff\xff", "claims to hold 4294967295 bytes"),
        (b"\0\0\x08\x01\0\0\0\0", "claims to hold 0 bytes"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(InputError, match=complaint) as caught:
        read_idx(path, axes=1)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("whole", [True, False])
def test_a_bad_gzip_file_is_named(tmp_path: Path, whole: bool) -> None:
    path = tmp_path / "labels.gz"
    packed = gzip.compress(idx(np.arange(200, dtype=np.uint8)))
    path.write_bytes(b"no gzip at all" if whole else packed[:40])
    with pytest.raises(InputError, match="not a gzip file" if whole else "truncated") as caught:
        read_idx(path, axes=1)
    assert str(path) in str(caught.value)


def test_labels_and_pictures_must_be_as_many(tmp_path: Path) -> None:
    write_set(tmp_path)
    short = gzip.compress(idx(np.zeros(19, np.uint8)))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(short)
    with pytest.raises(InputError, match="19 labels for the 20 pictures"):
        read_part(tmp_path, "train")


def test_a_label_that_is_no_digit_is_named_with_its_place(tmp_path: Path) -> None:
    write_set(tmp_path)
    labels = np.tile(np.arange(10, dtype=np.uint8), 2)
    labels[7] = 10
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    with pytest.raises(InputError, match="label 10 at place 7"):
        read_part(tmp_path, "train")


def test_pictures_too_small_for_the_network_are_refused(tmp_path: Path) -> None:
    write_set(tmp_path)
    small = idx(np.zeros((20, 5, 9), np.uint8))
    (tmp_path / "train-images-idx3-ubyte").write_bytes(small)
    with pytest.raises(InputError, match="5 × 9 pixels"):
        read_part(tmp_path, "train")


def test_a_digit_that_hardly_occurs_is_named(tmp_path: Path) -> None:
    write_set(tmp_path, copies=1)
    with pytest.raises(InputError, match="part train has 1 pictures of the digit 0"):
        idx_digits(tmp_path)


@given(
    content=st.binary(max_size=40)
    | st.binary(min_size=1, max_size=40).map(lambda data: len(data).to_bytes(4, "big") + data)
)
def test_any_bytes_are_read_or_refused_with_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-idx"
    path.write_bytes(b"\0\0\x08\x01" + content)
    well_formed = len(content) > 4 and len(content) - 4 == int.from_bytes(content[:4], "big")
    with nullcontext() if well_formed else pytest.raises(InputError, match="any-idx"):
        assert read_idx(path, axes=1).tobytes() == content[4:]


def test_left_out_digits_are_in_no_part_that_is_trained(tmp_path: Path) -> None:
    write_set(tmp_path)
    parts = split(idx_digits(tmp_path), left_out=(9, 4))
    assert parts.trained == (0, 1, 2, 3, 5, 6, 7, 8)
    assert set(parts.training.digits.tolist()) == set(parts.trained)
    assert set(parts.unseen.digits.tolist()) == set(parts.trained)
    assert set(parts.strangers.digits.tolist()) == {4, 9}
    assert len(parts.strangers.pictures) == len(parts.strangers.digits) == 8


@pytest.mark.parametrize("left_out", [(), (3,), (3, 3), tuple(range(9)), (3, 10)])
def test_leaving_out_too_few_or_too_many_is_refused(
    tmp_path: Path, left_out: tuple[int, ...]
) -> None:
    write_set(tmp_path)
    digits = idx_digits(tmp_path)
    with pytest.raises(ValueError, match="from 2 to 8"):
        split(digits, left_out=left_out)
