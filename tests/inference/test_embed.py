"""Embeddings: unit length, the same alone and together, and who resembles whom."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from attendance.errors import ModelError
from attendance.types import Crop
from inference.embed import Embedder
from inference.session import open_session
from tests.inference.perception_kit import (
    altered_copy,
    kiosk_settings,
    networks,
    portrait,
    reader,
    shipped_entry,
)


def test_embeddings_have_unit_length_and_name_their_model() -> None:
    crops = [look.crop for look in reader().read(portrait("hopper-1.jpg"))]
    (embedding,) = networks().embedder.embed(crops)
    assert embedding.vec.shape == (128,)
    assert embedding.vec.dtype == np.float32
    assert float(np.linalg.norm(embedding.vec)) == pytest.approx(1, abs=1e-6)
    assert embedding.model_id == networks().embedder.model_id == networks().entry.model_id
    assert networks().embedder.precision == "fp32"


def test_crops_embedded_together_are_embedded_as_alone() -> None:
    crops = [
        reader().read(portrait(name))[0].crop
        for name in ("collins-1.jpg", "biden-1.jpg", "obama-2.jpg")
    ]
    together = networks().embedder.embed(crops)
    for crop, embedding in zip(crops, together, strict=True):
        (alone,) = networks().embedder.embed([crop])
        np.testing.assert_allclose(embedding.vec, alone.vec, atol=1e-4)


def test_a_face_and_its_mirror_image_have_the_same_embedding() -> None:
    (look,) = reader().read(portrait("obama-2.jpg"))
    flipped = Crop(np.ascontiguousarray(look.crop.bgr[:, ::-1]))
    there, back = networks().embedder.embed([look.crop, flipped])
    np.testing.assert_allclose(there.vec, back.vec, atol=1e-4)
    assert float(np.linalg.norm(there.vec)) == pytest.approx(1, abs=1e-6)


def test_without_the_mirror_image_the_embedding_is_near_but_another() -> None:
    (look,) = reader().read(portrait("obama-2.jpg"))
    (plain,) = networks().embedder.embed([look.crop], mirrored=False)
    assert 0.9 < float(plain.vec @ look.embedding.vec) < 0.9999


def test_no_crop_gives_no_embedding() -> None:
    assert networks().embedder.embed([]) == ()


def test_a_network_for_another_template_is_refused(tmp_path: Path) -> None:
    entry = altered_copy(
        shipped_entry("embed", precision="fp32"), tmp_path, file="other.onnx", template="112x112"
    )
    session = open_session(entry, providers=("cpu",), threads=1)
    with pytest.raises(ModelError, match=r"other\.onnx has template 112x112"):
        Embedder(session)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_photos_of_one_person_are_near_and_of_others_are_far(precision: str) -> None:
    session = open_session(
        shipped_entry("embed", precision=precision), providers=("cpu",), threads=1
    )
    embedder = Embedder(session)
    names = ["obama-1.jpg", "obama-2.jpg", "obama-3.jpg"]
    names += ["biden-1.jpg", "collins-1.jpg", "hopper-1.jpg"]
    crops = [reader().read(portrait(name))[0].crop for name in names]
    vectors = np.stack([embedding.vec for embedding in embedder.embed(crops)])
    cosine = vectors @ vectors.T
    assert cosine[:3, :3].min() > 0.6
    others = cosine[3:, :3]
    assert others.max() < 0.4
    assert (cosine[3:, 3:] - np.eye(3)).max() < 0.45


def test_black_and_white_crops_have_a_direction_too() -> None:
    for level in (0, 255):
        (embedding,) = networks().embedder.embed([Crop(np.full((112, 96, 3), level, np.uint8))])
        assert np.isfinite(embedding.vec).all()


def test_the_default_threads_give_the_same_embedding() -> None:
    crop = reader().read(portrait("biden-1.jpg"))[0].crop
    session = open_session(
        shipped_entry("embed", precision="fp32"),
        providers=("cpu",),
        threads=kiosk_settings(inference__threads=2).inference.threads,
    )
    np.testing.assert_allclose(
        Embedder(session).embed([crop])[0].vec, networks().embedder.embed([crop])[0].vec, atol=1e-4
    )


def test_a_network_whose_entry_says_so_runs_once_for_a_crop(tmp_path: Path) -> None:
    entry = altered_copy(
        shipped_entry("embed", precision="fp32"), tmp_path, file="once.onnx", mirrored="false"
    )
    once = Embedder(open_session(entry, providers=("cpu",), threads=1))
    (look,) = reader().read(portrait("obama-2.jpg"))
    (plain,) = networks().embedder.embed([look.crop], mirrored=False)
    (found,) = once.embed([look.crop])
    np.testing.assert_allclose(found.vec, plain.vec, atol=1e-5)
    assert (once.mirrored, networks().embedder.mirrored) == (False, True)
    (both,) = once.embed([look.crop], mirrored=True)
    np.testing.assert_allclose(both.vec, look.embedding.vec, atol=1e-4)


def test_a_file_and_a_manifest_that_disagree_on_mirror_images_are_refused(tmp_path: Path) -> None:
    entry = altered_copy(
        shipped_entry("embed", precision="fp32"), tmp_path, file="once.onnx", mirrored="false"
    )
    with pytest.raises(ModelError, match="mirrored is «false» in the file and «true»"):
        open_session(replace(entry, mirrored=True), providers=("cpu",), threads=1)
