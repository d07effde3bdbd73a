"""The evaluation command: what it refuses, and a whole run on shipped portraits."""

import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from attendance.errors import InputError, ModelError
from models.build import WEIGHTS_DIR
from models.evaluate import entry_of_file, main
from models.figures import Figures, add_figures, read_figures
from models.picture_store import PictureStore
from tests.conftest import PORTRAITS_DIR


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Shipped portraits under LFW names: two of one person, one each of two others."""
    folder = tmp_path / "pictures"
    for source, name in [
        ("obama-1", "Obama_0001"),
        ("obama-2", "Obama_0002"),
        ("biden-1", "Biden_0001"),
        ("hopper-1", "Hopper_0001"),
    ]:
        person = folder / name[:-5]
        person.mkdir(parents=True, exist_ok=True)
        shutil.copy(PORTRAITS_DIR / f"{source}.jpg", person / f"{name}.jpg")
    return folder


def pairs_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pairs.txt"
    path.write_text(text, encoding="utf-8")
    return path


def packed(folder: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w") as tarball:
        tarball.add(folder, arcname="lfw")
    return archive


@pytest.mark.parametrize("as_tar", [False, True])
def test_a_run_over_a_folder_or_tar_tells_the_people_apart(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, as_tar: bool
) -> None:
    images = packed(pictures, tmp_path / "pictures.tar") if as_tar else pictures
    pairs = pairs_file(tmp_path, "1 1\nObama 1 2\nObama 1 Biden 1\n")
    code = main(["--images", str(images), "--pairs", str(pairs), "--json"])
    assert code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"] == 1
    assert (found["detected"], found["images"]) == (4, 4)
    assert found["precision"] == "int8"
    assert {"std", "tar", "model_id", "stage_ms"} <= set(found)


def test_pictures_that_pairs_name_and_nobody_has_are_counted_and_named(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = pairs_file(tmp_path, "1 1\nObama 1 9\nObama 1 Nixon 3\n")
    code = main(["--images", str(pictures), "--pairs", str(pairs)])
    assert code == InputError.exit_code
    message = capsys.readouterr().err
    assert "2 pictures named in" in message
    assert "Nixon_0003, Obama_0009" in message


def test_a_tar_member_that_points_outside_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "bad.tar"
    with tarfile.open(archive, "w") as tarball:
        member = tarfile.TarInfo("../Ada_0001.jpg")
        member.size = 1
        tarball.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(InputError, match="points outside the archive"):
        PictureStore(archive)


def test_missing_or_empty_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder or tar file"):
        PictureStore(tmp_path / "none")
    with pytest.raises(InputError, match="holds no picture named like"):
        PictureStore(tmp_path)
    broken = tmp_path / "broken.tar"
    broken.write_bytes(b"not a tar")
    with pytest.raises(InputError, match="is not a readable tar file"):
        PictureStore(broken)


def test_weights_that_are_no_embedder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not an embedder"):
        entry_of_file(WEIGHTS_DIR / "blazeface-short.onnx")
    other = tmp_path / "other.onnx"
    other.write_bytes(b"not a network")
    with pytest.raises(ModelError, match="is not an ONNX file"):
        entry_of_file(other)
    with pytest.raises(ModelError, match="cannot be read"):
        entry_of_file(tmp_path / "none.onnx")


def test_new_figures_replace_those_of_the_same_file_only(tmp_path: Path) -> None:
    path = tmp_path / "figures.toml"

    def figures(file: str, digest: str) -> Figures:
        return Figures(
            sha256=digest,
            file=file,
            lfw_accuracy=0.98765432,
            lfw_std=0.0,
            pairs=1,
            detected=1,
            images=1,
            impostor_pairs=1,
            tar={"1e-3": 0.5},
            thresholds={"1e-3": 0.4},
            command="c",
        )

    add_figures(figures("a.onnx", "old"), path)
    add_figures(figures("b.onnx", "other"), path)
    add_figures(figures("a.onnx", "new"), path)
    found = read_figures(path)
    assert sorted(found) == ["new", "other"]
    assert found["new"]["lfw_accuracy"] == 0.9877
