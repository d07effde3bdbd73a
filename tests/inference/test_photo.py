"""Photos from files: what is taken, how it arrives, and what is said of the rest."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from attendance.errors import PictureError
from attendance.types import BgrImage
from inference.photo import LONGEST_SIDE_PX, MAX_BYTES, decode_photo, load_photo
from inference.portraits import portraits


def _bytes(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def _ramp(width: int = 64, height: int = 32) -> Image.Image:
    x = np.linspace(0, 255, width)[None, :].repeat(height, axis=0)
    return Image.fromarray(np.stack([x, x[:, ::-1], np.full_like(x, 40)], axis=2).astype(np.uint8))


def _decoded(data: bytes) -> BgrImage:
    return decode_photo(data, name="photo.png")


def test_colours_arrive_as_blue_green_red() -> None:
    photo = _decoded(_bytes(Image.new("RGB", (4, 3), (250, 120, 10))))
    assert photo.shape == (3, 4, 3)
    assert photo.dtype == np.uint8
    assert photo[0, 0].tolist() == [10, 120, 250]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_exif_rotated_photo_arrives_upright(orientation: int) -> None:
    lying = Image.new("RGB", (40, 20))
    lying.paste((255, 0, 0), (0, 0, 20, 10))
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = _decoded(_bytes(lying, "JPEG", exif=exif, quality=95))
    corner = {
        1: (5, 5), 2: (5, 35), 3: (15, 35), 4: (15, 5),
        5: (5, 5), 6: (5, 15), 7: (35, 15), 8: (35, 5),
    }  # fmt: skip
    assert photo.shape[:2] == ((20, 40) if orientation < 5 else (40, 20))
    assert photo[corner[orientation]][2] > 180
    assert (photo[..., 2] > 128).mean() == pytest.approx(0.25, abs=0.05)


def test_a_16_bit_grey_photo_keeps_its_brightness() -> None:
    values = np.linspace(0, 65_535, 256).astype(np.uint16)[None, :].repeat(8, axis=0)
    photo = _decoded(_bytes(Image.fromarray(values)))
    assert photo.shape == (8, 256, 3)
    assert photo[0, :, 0].tolist() == pytest.approx(list(range(256)), abs=1)


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "CMYK", "YCbCr", "F", "I"])
def test_every_usual_mode_arrives_as_three_channels(mode: str) -> None:
    grey = _ramp().getchannel("R")
    picture = grey.convert(mode)
    form = "TIFF" if mode in ("CMYK", "YCbCr", "F", "I") else "PNG"
    photo = _decoded(_bytes(picture, form))
    assert photo.shape == (32, 64, 3)
    if mode != "I":  # 32-bit whole numbers count to 65,535, so eight bits are nearly black
        assert photo[:, :8].mean() + 100 < photo[:, -8:].mean()


def test_a_cmyk_jpeg_is_not_shown_as_its_negative() -> None:
    photo = _decoded(_bytes(Image.new("RGB", (16, 16), (230, 230, 230)).convert("CMYK"), "JPEG"))
    assert photo.mean() == pytest.approx(230, abs=4)


def test_what_is_transparent_becomes_white() -> None:
    picture = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    picture.paste((10, 20, 30, 255), (0, 0, 5, 10))
    photo = _decoded(_bytes(picture))
    assert photo[5, 7].tolist() == [255, 255, 255]
    assert photo[5, 2].tolist() == [30, 20, 10]


def test_a_palette_picture_with_transparency_becomes_white_there() -> None:
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([200, 0, 0, 0, 200, 0])
    photo = _decoded(_bytes(picture, transparency=1))
    assert photo[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_photo_of_50_megapixels_is_reduced(form: str) -> None:
    photo = _decoded(_bytes(Image.new("RGB", (8_660, 5_774), (1, 2, 3)), form))
    assert max(photo.shape[:2]) == LONGEST_SIDE_PX
    assert photo.shape[1] / photo.shape[0] == pytest.approx(1.5, abs=0.01)


def test_a_small_photo_is_not_enlarged() -> None:
    assert _decoded(_bytes(_ramp(31, 17))).shape == (17, 31, 3)


def test_a_photo_with_far_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(PictureError, match=r"9000 × 9000 pixels; at most 64 million"):
        _decoded(_bytes(Image.new("1", (9_000, 9_000))))


def test_a_decompression_bomb_is_refused() -> None:
    with pytest.raises(PictureError, match="far more pixels"):
        _decoded(_bytes(Image.new("1", (20_000, 20_000))))


def test_too_many_bytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    with path.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(PictureError, match="64 MiB; at most 64 are read"):
        load_photo(path)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty"),
        (b"staff_id,name\n1,Ann\n", "not a picture"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 40, "not a picture|damaged"),
        (_bytes(_ramp(), "JPEG")[:300], "damaged or incomplete|not a picture"),
        (_bytes(_ramp(600, 400))[:-200], "damaged or incomplete"),
    ],
    ids=["empty", "text", "jpeg head only", "cut jpeg", "cut png"],
)
def test_a_broken_photo_is_refused_with_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(PictureError, match=sentence) as caught:
        decode_photo(data, name="ann.jpg")
    assert "ann.jpg" in caught.value.message
    assert caught.value.action


def test_a_missing_photo_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="There is no file"):
        load_photo(tmp_path / "nobody.jpg")
    with pytest.raises(PictureError, match="is a folder"):
        load_photo(tmp_path)


def test_unreadable_exif_does_not_cost_the_photo() -> None:
    data = _bytes(_ramp(), "JPEG", exif=b"Exif\0\0MM\0\x2a\0\0\0\x08\0\xff" + b"\xff" * 20)
    assert _decoded(data).shape == (32, 64, 3)


def test_every_shipped_portrait_can_be_loaded() -> None:
    for portrait in portraits():
        photo = load_photo(portrait.path)
        assert max(photo.shape[:2]) <= 640


_INTACT = _bytes(_ramp(), "JPEG") + b"", _bytes(_ramp()), _bytes(_ramp(), "GIF")


@settings(max_examples=150, deadline=None)
@given(
    which=st.sampled_from(_INTACT),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8),
    cut=st.integers(0, 10_000),
)
def test_damage_gives_a_photo_or_a_sentence_and_nothing_else(
    which: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(which)
    for position, value in changes:
        data[position % len(data)] = value
    try:
        photo = _decoded(bytes(data[: max(1, cut)]))
    except PictureError:
        return
    assert photo.ndim == 3
    assert photo.shape[2] == 3
