"""The evaluation command: what it refuses, and a whole run on shipped portraits."""

import gzip
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from PIL import Image

from attendance.errors import ConfigError, InputError, ModelError, PictureError
from attendance.types import BgrImage
from inference.detect import Detection, Detector
from models import evaluate
from models.build import WEIGHTS_DIR
from models.embedding_pass import entries_of_files
from models.evaluate import entry_of_file, main
from models.figures import Figures, add_figures, read_figures
from models.picture_store import PictureStore
from tests.conftest import PORTRAITS_DIR

FP32 = str(WEIGHTS_DIR / "mobilefacenet-fp32.onnx")
INT8 = str(WEIGHTS_DIR / "mobilefacenet-int8.onnx")
PAIRS = "1 1\nObama 1 2\nObama 1 Biden 1\n"


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
    pairs = pairs_file(tmp_path, PAIRS)
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


@pytest.mark.parametrize("compression", ["", "gz"])
@pytest.mark.parametrize("cut", [-100, 100, 512 + 10, 2 * 512])
def test_an_archive_that_is_cut_off_is_refused(tmp_path: Path, cut: int, compression: str) -> None:
    whole = tmp_path / "whole.tar"
    with tarfile.open(whole, "w") as tarball:
        for number in (1, 2):
            member = tarfile.TarInfo(f"Ada/Ada_{number:04d}.jpg")
            member.size = 512
            tarball.addfile(member, io.BytesIO(bytes([number]) * 512))
    assert len(PictureStore(whole).pictures()) == 2
    # Two blocks a member: the cut is in the first one's data, or 100, 522, 1024 bytes further on.
    content = whole.read_bytes()[: 1024 + cut]
    part = tmp_path / "part.tar"
    part.write_bytes(gzip.compress(content) if compression else content)
    with pytest.raises(InputError, match="is not a readable tar file"):
        PictureStore(part)


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.9])
def test_a_compressed_archive_that_is_cut_off_is_refused(
    pictures: Path, tmp_path: Path, kept: float
) -> None:
    content = gzip.compress(packed(pictures, tmp_path / "pictures.tar").read_bytes())
    part = tmp_path / "part.tar.gz"
    part.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError, match="is not a readable tar file"):
        PictureStore(part)


def test_an_archive_with_an_altered_header_is_refused(pictures: Path, tmp_path: Path) -> None:
    archive = packed(pictures, tmp_path / "pictures.tar")
    with tarfile.open(archive) as tarball:
        offset = [member.offset for member in tarball if member.isfile()][1]
    content = bytearray(archive.read_bytes())
    content[offset : offset + 512] = b"x" * 512
    archive.write_bytes(content)
    with pytest.raises(InputError, match="ends in the middle"):
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


@pytest.fixture
def run(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command on the portraits: exit code, output, messages."""
    pairs = pairs_file(tmp_path, PAIRS)

    def command(*options: str) -> tuple[int, str, str]:
        try:
            code = main(["--images", str(pictures), "--pairs", str(pairs), *options])
        except SystemExit as error:  # argparse's own way out
            code = int(str(error.code))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


Run = Callable[..., tuple[int, str, str]]


def test_several_networks_are_compared_in_one_pass_over_the_pictures(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    detect = Detector.detect

    def counted(self: Detector, frame_bgr: BgrImage) -> tuple[Detection, ...]:
        looks.append(1)
        return detect(self, frame_bgr)

    monkeypatch.setattr(Detector, "detect", counted)
    code, out, _ = run("--weights", FP32, INT8)
    assert code == 0
    assert len(looks) == 4
    assert "| mobilefacenet-fp32.onnx | 4.02 | 128 | 100.00 ± 0.00 % |" in out
    assert "| mobilefacenet-int8.onnx | 1.69 | 128 | 100.00 ± 0.00 % |" in out
    assert "over 1 genuine and 5 impostor pairs" in out
    assert "mobilefacenet-fp32.onnx against mobilefacenet-int8.onnx on the same crops" in out
    assert "Too few impostor pairs for FAR 1e-4" in out


def test_one_network_and_several_give_the_same_figures(run: Run) -> None:
    alone = json.loads(run("--weights", INT8, "--json")[1])
    together = json.loads(run("--weights", FP32, INT8, "--json")[1])
    (_, other) = together["networks"]
    alone.pop("stage_ms")
    other.pop("stage_ms")
    assert alone == other
    (agreement,) = together["agreement"]
    assert agreement["first"] == "mobilefacenet-fp32.onnx"
    assert 0.96 < agreement["cosine_min"] < 0.9999
    assert agreement["protocol"] == {"pairs": 2, "first_only": 0, "second_only": 0}


def test_galleries_and_groups_are_in_the_text_and_in_the_json(run: Run, tmp_path: Path) -> None:
    groups = tmp_path / "groups.csv"
    groups.write_text("name,group\nObama,a|b\nBiden/Biden_0001,c\nNixon,c\n", encoding="utf-8")
    options = ("--identify", "1", "9", "--galleries", "2", "--groups", str(groups))
    code, out, _ = run(*options)
    assert code == 0
    assert "2 random galleries of each size, 1 template a person, seed 0" in out
    assert "| mobilefacenet-int8.onnx | 1 | 1 | 2 | 100.0 ± 0.0 % | – | – | – | – |" in out
    assert "A gallery of 9 cannot be drawn: 1 person has" in out
    assert "FPIR 0.1 % cannot be measured with a gallery of 1: there are only 2 pictures" in out
    assert "| a\\|b | 1 | 2 | 1 | 0 |" in out
    assert "There are too few impostor pairs in all for a threshold." in out
    assert "1 picture has no group." in out
    assert "without a picture: Nixon." in out
    found = json.loads(run(*options, "--json")[1])
    one, nine = found["identification"]["galleries"]
    assert one["rank1"] == {"mean": 1.0, "std": 0.0}
    assert nine["sentence"].startswith("A gallery of 9")
    assert [group["name"] for group in found["groups"]["groups"]] == ["a|b", "c"]
    assert found["groups"]["ungrouped"] == 1


def test_with_write_each_network_keeps_its_own_figures(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Figures] = []
    monkeypatch.setattr("models.figures.add_figures", kept.append)
    assert run("--weights", FP32, INT8, "--write")[0] == 0
    for figures, path in zip(kept, (FP32, INT8), strict=True):
        assert figures.file == Path(path).name
        assert figures.sha256 == entry_of_file(Path(path)).sha256
        assert figures.command.endswith(f"--weights models/weights/{figures.file}")
        assert (figures.lfw_accuracy, figures.detected) == (1, 4)
    assert run("--write", "--plain")[0] == InputError.exit_code
    assert len(kept) == 2


def test_the_curves_are_written_as_a_png(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the curves need the extra [train]")
    path = tmp_path / "curves.png"
    assert run("--plot", str(path))[0] == 0
    with Image.open(path) as picture:
        assert picture.format == "PNG"


def test_without_the_package_an_option_needs_its_extra_is_named_before_the_pass(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(evaluate, "embed_pictures", not_reached)
    code, _, message = run("--plot", str(tmp_path / "curves.png"))
    assert code == ConfigError.exit_code
    assert "--plot needs Matplotlib" in message
    assert "[train]" in message
    code, _, message = run("--write")
    assert code == ConfigError.exit_code
    assert "--write needs tomli-w" in message
    assert "[build]" in message


def not_reached(*arguments: object, **options: object) -> None:
    raise AssertionError("the pictures were read before everything else was checked")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--weights", INT8, INT8), "is given twice"),
        (("--weights", "none.onnx"), "none.onnx cannot be read"),
        (("--weights",), "expected at least one argument"),
        (("--identify", "fifty"), "'fifty' is not a whole number from 1 to"),
        (("--identify", "50", "0"), "'0' is not a whole number from 1 to"),
        (("--identify", "-5"), "'-5' is not a whole number"),
        (("--identify", "5", "5"), "a gallery size is given twice"),
        (("--templates", "2"), "--templates is for --identify"),
        (("--seed", "0"), "--seed is for --identify"),
        (("--identify", "5", "--seed", "x"), "'x' is not a whole number from 0 to"),
        (("--threads", "0"), "'0' is not a whole number"),
        (("--groups", "none.csv"), "There is no group file none.csv"),
        (("--plot", "curves.jpg"), "--plot writes PNG, not curves.jpg"),
        (("--plot", "none/curves.png"), "none/curves.png cannot be written"),
        (("--images", "none.tar"), "There is no folder or tar file none.tar"),
        (("--images", str(Path(__file__))), "is not a readable tar file"),
        (("--pairs", "none.txt"), "There is no pairs file none.txt"),
    ],
)
def test_bad_input_is_a_sentence_before_any_picture_is_read(
    run: Run, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], sentence: str
) -> None:
    if "--plot" in options:
        pytest.importorskip("matplotlib", reason="the curves need the extra [train]")
    monkeypatch.setattr(evaluate, "embed_pictures", not_reached)
    code, out, message = run(*options)
    assert code not in (0, 1)
    assert out == ""
    assert sentence in message
    assert "Traceback" not in message


def test_the_file_says_whether_it_is_run_on_the_mirror_image_too(run: Run, tmp_path: Path) -> None:
    one_run = onnx.load(INT8)
    onnx.helper.set_model_props(
        one_run,
        {prop.key: prop.value for prop in one_run.metadata_props} | {"mirrored": "false"},
    )
    path = tmp_path / "one-run.onnx"
    onnx.save(one_run, path)
    assert not entry_of_file(path).mirrored
    assert entry_of_file(Path(INT8)).mirrored
    # The same weights: run once a crop they agree with themselves only under --plain.
    as_the_file_says = json.loads(run("--weights", INT8, str(path), "--json")[1])
    plain = json.loads(run("--weights", INT8, str(path), "--json", "--plain")[1])
    assert as_the_file_says["agreement"][0]["cosine_min"] < 0.9999
    assert plain["agreement"][0]["cosine_min"] == pytest.approx(1)


def test_the_same_bytes_under_another_name_are_the_same_weights(tmp_path: Path) -> None:
    copy = tmp_path / "copy.onnx"
    shutil.copy(INT8, copy)
    with pytest.raises(InputError, match=r"copy\.onnx is .*mobilefacenet-int8\.onnx again"):
        entries_of_files([Path(INT8), copy])


def test_a_picture_that_is_none_is_named(run: Run, pictures: Path) -> None:
    (pictures / "Obama" / "Obama_0003.jpg").write_bytes(b"not a picture")
    code, _, message = run()
    assert code == PictureError.exit_code
    assert "Obama_0003.jpg" in message


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
