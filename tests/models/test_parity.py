"""Comparing embeddings, and telling what a file computes in bytes."""

import numpy as np
import pytest

from models.errors import BuildError
from models.parity import compare, left_in_float, onnx_embeddings, operators_as_run, require
from tests.conftest import REPOSITORY

WEIGHTS_DIR = REPOSITORY / "models" / "weights"
CROPS_BGR = np.random.default_rng(1).integers(0, 256, (3, 112, 96, 3), np.uint8)


def test_the_difference_and_the_cosines_are_those_of_the_rows() -> None:
    one = np.array([[1, 0], [0.6, 0.8]], np.float32)
    other = np.array([[1, 0], [0.8, 0.6]], np.float32)
    found = compare(one, other)
    assert found.max_difference == pytest.approx(0.2, abs=1e-6)
    assert found.least_cosine == pytest.approx(0.96, abs=1e-6)
    assert found.mean_cosine == pytest.approx(0.98, abs=1e-6)


def test_a_difference_within_the_tolerance_passes_and_one_beyond_does_not() -> None:
    parity = compare(np.array([[1, 0]], np.float32), np.array([[0.99, 0.01]], np.float32))
    require(parity, what="a.onnx", tolerance=0.011)
    with pytest.raises(BuildError, match=r"a\.onnx does not compute.*1\.0e-02.*0\.001"):
        require(parity, what="a.onnx", tolerance=0.001)


def test_an_embedding_that_is_not_a_number_never_passes() -> None:
    parity = compare(np.array([[np.nan]], np.float32), np.array([[1]], np.float32))
    with pytest.raises(BuildError, match="nan"):
        require(parity, what="a.onnx", tolerance=1e9)


def test_with_mirror_images_a_crop_and_its_mirror_image_give_the_same() -> None:
    content = (WEIGHTS_DIR / "mobilefacenet-fp32.onnx").read_bytes()
    turned = np.ascontiguousarray(CROPS_BGR[:, :, ::-1])
    both = [onnx_embeddings(content, x, threads=1, mirrored=True) for x in (CROPS_BGR, turned)]
    np.testing.assert_allclose(both[0], both[1], atol=1e-5)
    plain = onnx_embeddings(content, CROPS_BGR, threads=1, mirrored=False)
    assert compare(plain, both[0]).least_cosine < 0.9999
    np.testing.assert_allclose(np.linalg.norm(plain, axis=1), 1, atol=1e-5)


def test_the_shipped_int8_file_runs_in_bytes_and_the_fp32_one_does_not() -> None:
    int8 = operators_as_run((WEIGHTS_DIR / "mobilefacenet-int8.onnx").read_bytes())
    assert {
        name: n for name, n in left_in_float(int8).items() if name not in ("Pad", "Concat")
    } == {}
    fp32 = operators_as_run((WEIGHTS_DIR / "mobilefacenet-fp32.onnx").read_bytes())
    assert left_in_float(fp32)["Conv"] > 50
