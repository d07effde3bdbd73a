"""The shipped files: what they compute, what they say of themselves, what the manifest says."""

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from inference.photo import load_photo
from models.build import MANIFEST, RECIPES, WEIGHTS_DIR, manifest_entry
from models.crops import network_input
from models.lfw import RATES
from models.mobilefacenet import read_projection
from tests.conftest import PORTRAITS_DIR

# Outputs of the original .tflite files in LiteRT 2.3.0 for the input of `noise` below.
REFERENCE = Path(__file__).parent / "data" / "reference_outputs.npz"
MANIFEST_TABLES = {
    row["file"]: row
    for row in tomllib.loads((WEIGHTS_DIR / MANIFEST).read_text(encoding="utf-8"))["model"]
}
FILES = sorted(MANIFEST_TABLES)
EMBEDDERS = [file for file in FILES if MANIFEST_TABLES[file]["role"] == "embed"]


def noise(height: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(20).uniform(-1, 1, (1, 3, height, width)).astype(np.float32)


def run(file: str, values: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(WEIGHTS_DIR / file, options, providers=["CPUExecutionProvider"])
    names = [port.name for port in session.get_outputs()]
    feed = {session.get_inputs()[0].name: values}
    return dict(zip(names, session.run(names, feed), strict=True))


@pytest.fixture(scope="module")
def reference() -> dict[str, NDArray[np.float32]]:
    with np.load(REFERENCE) as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.mark.parametrize(("name", "size"), [("blazeface-short", 128), ("blazeface-full", 192)])
def test_a_detector_gives_what_the_original_gives(
    reference: dict[str, NDArray[np.float32]], name: str, size: int
) -> None:
    found = run(f"{name}.onnx", noise(size, size))
    for output in ("boxes", "scores"):
        expected = reference[f"{name}/{output}"]
        np.testing.assert_allclose(found[output][0, ::29], expected, rtol=1e-4, atol=1e-3)


def test_the_mesh_gives_what_the_original_gives(
    reference: dict[str, NDArray[np.float32]],
) -> None:
    found = run("face-mesh.onnx", noise(192, 192))
    expected = reference["face-mesh/landmarks"]
    np.testing.assert_allclose(found["landmarks"][0], expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(found["score"][0], reference["face-mesh/score"], rtol=1e-4)


@pytest.mark.parametrize("file", ["mobilefacenet-fp32.onnx", "mobilefacenet-prelu-fp32.onnx"])
def test_the_fp32_embedder_gives_the_original_embedding_projected(
    reference: dict[str, NDArray[np.float32]], file: str
) -> None:
    expected = reference["mobilefacenet/embedding_192"] @ read_projection(WEIGHTS_DIR)
    expected /= np.linalg.norm(expected)
    found = run(file, noise(112, 96))["embeddings"][0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.fixture(scope="module")
def portraits() -> NDArray[np.float32]:
    """The upper middle of each shipped portrait, squeezed to a crop: a face, roughly aligned."""
    crops = []
    for path in sorted(PORTRAITS_DIR.rglob("*.jpg")):
        picture = load_photo(path)
        height, width = picture.shape[:2]
        part = picture[: height * 2 // 3, width // 6 : width * 5 // 6]
        crops.append(cv2.resize(part, (96, 112), interpolation=cv2.INTER_AREA))
    assert len(crops) >= 3
    return network_input(np.stack(crops).astype(np.uint8))


@pytest.mark.parametrize("name", ["mobilefacenet", "mobilefacenet-native"])
def test_the_int8_embedding_points_where_the_fp32_one_does(
    name: str, portraits: NDArray[np.float32]
) -> None:
    exact = run(f"{name}-fp32.onnx", portraits)["embeddings"]
    rounded = run(f"{name}-int8.onnx", portraits)["embeddings"]
    cosines = np.sum(exact * rounded, axis=1)
    assert cosines.min() > 0.96
    assert cosines.mean() > 0.98


@pytest.mark.parametrize("file", EMBEDDERS)
def test_embeddings_have_unit_length_and_do_not_depend_on_their_neighbours(
    file: str, portraits: NDArray[np.float32]
) -> None:
    crops = portraits[:3]
    together = run(file, crops)["embeddings"]
    assert together.shape == (3, 128)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = run(file, crops[1:2])["embeddings"]
    assert float((alone[0] * together[1]).sum()) > 0.9999


@pytest.mark.parametrize("file", FILES)
def test_the_manifest_holds_the_hash_and_size_of_the_file(file: str) -> None:
    content = (WEIGHTS_DIR / file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == MANIFEST_TABLES[file]["sha256"]
    assert len(content) == MANIFEST_TABLES[file]["bytes"]


def test_every_onnx_file_is_in_the_manifest_and_has_a_recipe() -> None:
    files = sorted(path.name for path in WEIGHTS_DIR.glob("*.onnx"))
    assert files == FILES
    assert {recipe.file for recipe in RECIPES} <= set(FILES)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.file)
def test_the_manifest_is_what_the_build_writes(recipe: Any) -> None:
    content = (WEIGHTS_DIR / recipe.file).read_bytes()
    assert manifest_entry(recipe, content) == MANIFEST_TABLES[recipe.file]


@pytest.mark.parametrize("file", FILES)
def test_the_metadata_keeps_the_contract(file: str) -> None:
    model = onnx.load(WEIGHTS_DIR / file)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    table = MANIFEST_TABLES[file]
    for key in ("model_id", "role", "precision"):
        assert metadata[key] == table[key]
    height, width = (int(number) for number in metadata["input_size_hw"].split(","))
    shape = [d.dim_value or d.dim_param for d in model.graph.input[0].type.tensor_type.shape.dim]
    assert shape == ["N", 3, height, width]
    assert metadata["colour_order"] == "RGB"
    assert float(metadata["scale"]) > 0
    needed = {
        "detect": ("anchors", "box_scale"),
        "landmarks": ("score",),
        "embed": ("embedding_size", "template", "calibration", "normalised", "quantisation"),
    }[metadata["role"]]
    assert all(metadata[key] for key in needed)


def test_the_native_embedding_points_where_the_imported_one_s_sum_does(
    portraits: NDArray[np.float32],
) -> None:
    both = [
        run("mobilefacenet-fp32.onnx", np.ascontiguousarray(crops))["embeddings"]
        for crops in (portraits, portraits[:, :, :, ::-1])
    ]
    taught = both[0] + both[1]
    taught /= np.linalg.norm(taught, axis=1, keepdims=True)
    native = run("mobilefacenet-native-fp32.onnx", portraits)["embeddings"]
    assert float(np.sum(taught * native, axis=1).mean()) > 0.7  # the crops are not aligned


def test_the_int8_native_network_keeps_within_its_size() -> None:
    assert (WEIGHTS_DIR / "mobilefacenet-native-int8.onnx").stat().st_size <= 1_300_000


def test_the_default_network_is_the_native_one_only_if_it_is_good_enough() -> None:
    manifest = tomllib.loads((WEIGHTS_DIR / MANIFEST).read_text(encoding="utf-8"))
    ours, imported = (
        MANIFEST_TABLES[file]["figures"]["tar"]["1e-4"]
        for file in ("mobilefacenet-native-int8.onnx", "mobilefacenet-int8.onnx")
    )
    assert manifest["default_reason"]
    if manifest["default_network"] == "mobilefacenet-native":
        assert ours >= imported - 0.005
    else:
        assert ours < imported - 0.005


@pytest.mark.parametrize(
    "file",
    [
        "mobilefacenet-int8.onnx",
        "mobilefacenet-fp32.onnx",
        "mobilefacenet-native-int8.onnx",
        "mobilefacenet-native-fp32.onnx",
    ],
)
def test_an_embedder_has_figures_and_rising_thresholds(file: str) -> None:
    table = MANIFEST_TABLES[file]
    thresholds = [table["thresholds"][rate] for rate in RATES]
    assert thresholds == sorted(thresholds)
    assert thresholds[0] > 0.2
    assert thresholds[-1] < 0.95
    rates = [table["figures"]["tar"][rate] for rate in RATES]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize(
    ("file", "accuracy", "tar_1e4"),
    [
        ("mobilefacenet-int8.onnx", 0.991, 0.929),
        ("mobilefacenet-fp32.onnx", 0.993, 0.946),
        ("mobilefacenet-native-int8.onnx", 0.983, 0.857),
        ("mobilefacenet-native-fp32.onnx", 0.983, 0.860),
    ],
)
def test_the_recorded_figures_do_not_fall_below_their_floor(
    file: str, accuracy: float, tar_1e4: float
) -> None:
    figures = MANIFEST_TABLES[file]["figures"]
    assert figures["lfw_accuracy"] >= accuracy
    assert figures["tar"]["1e-4"] >= tar_1e4
    assert figures["detected"] >= 0.999 * figures["images"]
