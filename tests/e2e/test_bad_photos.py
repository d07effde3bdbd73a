"""Photos as people hand them in: used, or refused with a sentence; never a crash."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import main
from inference.portraits import portraits

PORTRAIT = next(p.path for p in portraits() if p.person_id == "obama" and p.role == "enrol")


def opened() -> Image.Image:
    with Image.open(PORTRAIT) as picture:
        return picture.convert("RGB")


def write_grey(path: Path) -> None:
    opened().convert("L").save(path, "PNG")


def write_16_bit(path: Path) -> None:
    grey = np.asarray(opened().convert("L"), dtype=np.uint16) * 257
    Image.fromarray(grey).save(path, "PNG")


def write_rgba(path: Path) -> None:
    opened().convert("RGBA").save(path, "PNG")


def write_rotated_by_exif(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90° clockwise
    opened().rotate(90, expand=True).save(path, "JPEG", exif=exif)


def write_50_megapixels(path: Path) -> None:
    opened().resize((7072, 7072)).save(path, "JPEG", quality=60)


def write_nothing(path: Path) -> None:
    path.write_bytes(b"")


def write_text(path: Path) -> None:
    path.write_text("I am not a picture", encoding="ascii")


def write_half(path: Path) -> None:
    data = PORTRAIT.read_bytes()
    path.write_bytes(data[: len(data) // 3])


def write_no_face(path: Path) -> None:
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 255, (480, 640, 3), dtype=np.uint8)).save(path, "PNG")


def write_two_faces(path: Path) -> None:
    one = opened()
    both = Image.new("RGB", (one.width * 2, one.height))
    both.paste(one, (0, 0))
    both.paste(one, (one.width, 0))
    both.save(path, "PNG")


def write_tiny_face(path: Path) -> None:
    canvas = Image.new("RGB", (640, 480), (90, 110, 130))
    canvas.paste(opened().resize((60, 60)), (300, 200))  # the face is about 20 px of that
    canvas.save(path, "PNG")


def write_bomb(path: Path) -> None:
    Image.new("1", (30_000, 30_000)).save(path, "PNG")


@pytest.fixture
def enrol(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[Path], tuple[int, str, int]]:
    """Enrols from one photo; returns the exit code, what was said, and how many are enrolled."""

    def run(photo: Path) -> tuple[int, str, int]:
        data_dir = str(tmp_path / "data")
        code = main.main(["enrol", "--data-dir", data_dir, "--id", "7", "--name", "X", str(photo)])
        said = capsys.readouterr().err
        assert main.main(["people", "--data-dir", data_dir, "--json"]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return code, said, len(rows)

    return run


@pytest.mark.parametrize(
    "write", [write_grey, write_16_bit, write_rgba, write_rotated_by_exif, write_50_megapixels]
)
def test_an_unusual_photo_with_a_good_face_is_used(
    enrol: Callable[[Path], tuple[int, str, int]], tmp_path: Path, write: Callable[[Path], None]
) -> None:
    photo = tmp_path / "photo.png"
    write(photo)
    code, said, people = enrol(photo)
    assert (code, people) == (0, 1), said


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (write_nothing, "empty"),
        (write_text, "photo.png"),
        (write_half, "photo.png"),
        (write_no_face, "No face was found"),
        (write_two_faces, "shows 2 faces"),
        (write_tiny_face, "photo.png"),
        (write_bomb, "photo.png"),
    ],
)
def test_a_photo_that_cannot_be_used_is_refused_with_the_reason(
    enrol: Callable[[Path], tuple[int, str, int]],
    tmp_path: Path,
    write: Callable[[Path], None],
    words: str,
) -> None:
    photo = tmp_path / "photo.png"
    write(photo)
    code, said, people = enrol(photo)
    assert code != 0
    assert people == 0
    assert words in said
    assert "Traceback" not in said
