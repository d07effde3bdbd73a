"""Training on digits and the command: determinism, pictures, messages."""

import dataclasses
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")
pytest.importorskip("sklearn", reason="the digits need the extra [train] (scikit-learn)")
pytest.importorskip("matplotlib", reason="the pictures need the extra [train] (Matplotlib)")

import torch
from PIL import Image

from models import digits
from models.toy.data import Pictures, Split, scikit_digits, split
from models.toy.measures import nearest_neighbour_accuracy
from models.toy.training import FRAMES, TOY_SETTINGS, Budget, jitter, train


@pytest.fixture(autouse=True)
def keep_thread_count() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def few_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes most of the time of a short run."""
    monkeypatch.setattr("models.toy.training.FRAMES", 3)
    monkeypatch.setattr("models.toy.pictures._HOLD_FRAMES", 1)


@pytest.fixture(scope="module")
def parts() -> Split:
    """A fifth of the training pictures: what is tested here shows with few."""
    whole = split(scikit_digits(), left_out=(7, 8, 9))
    few = Pictures(whole.training.pictures[:192], whole.training.digits[:192])
    return dataclasses.replace(whole, training=few)


def test_the_default_set_has_every_picture_once() -> None:
    everything = scikit_digits()
    assert len(everything.training.digits) + len(everything.test.digits) == 1797
    assert float(everything.training.pictures.max()) == 1.0
    assert np.bincount(everything.test.digits).min() >= 50


@pytest.mark.parametrize("name", digits.LOSSES)
def test_one_seed_gives_one_run_and_another_seed_another(parts: Split, name: str) -> None:
    first, again, other = (
        train(name, parts, budget=Budget(epochs=1), seed=seed, frames=2) for seed in (3, 3, 4)
    )
    assert np.array_equal(first.last.unseen, again.last.unseen)
    assert np.array_equal(first.last.strangers, again.last.strangers)
    assert not np.array_equal(first.last.unseen, other.last.unseen)
    assert np.isfinite(first.last.unseen).all()


def test_the_command_knows_each_loss_with_settings_for_the_plane() -> None:
    assert set(digits.LOSSES) == set(TOY_SETTINGS)


def test_training_leaves_the_random_state_alone(parts: Split) -> None:
    before = torch.get_rng_state()
    train("softmax", parts, budget=Budget(epochs=1), seed=0, frames=2)
    assert torch.equal(before, torch.get_rng_state())


def test_training_sorts_unseen_pictures_by_their_digit(parts: Split) -> None:
    run = train("triplet", parts, budget=Budget(epochs=12), seed=0, embedding_size=16, frames=2)
    accuracy = nearest_neighbour_accuracy(run.last.unseen, parts.unseen.digits)
    assert accuracy > 0.75, "one in seven is chance"


def test_snapshots_go_from_the_first_moment_to_the_last(parts: Split) -> None:
    run = train("triplet", parts, budget=Budget(epochs=3), seed=0, embedding_size=5)
    moments = [shot.done for shot in run.snapshots]
    assert moments[0] == 0
    assert moments[-1] == 1
    assert moments == sorted(set(moments))
    assert len(moments) <= FRAMES
    assert run.last.epoch == 3
    assert run.last.unseen.shape == (len(parts.unseen.digits), 5)
    assert run.last.class_vectors is None


def test_seconds_end_a_run_by_the_clock(parts: Split) -> None:
    ticks = count()
    seen: list[float] = []
    train(
        "softmax",
        parts,
        budget=Budget(seconds=4),
        seed=0,
        frames=2,
        on_step=lambda done, loss: seen.append(done),
        now_s=lambda: float(next(ticks)),
    )
    assert seen == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize("given", [{}, {"epochs": 1, "seconds": 1.0}, {"epochs": 0}])
def test_a_budget_is_one_limit_above_nothing(given: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="A budget is"):
        Budget(**given)


def test_jitter_moves_a_picture_and_keeps_its_shape() -> None:
    pictures = torch.rand(6, 1, 8, 8)
    moved = jitter(pictures, torch.Generator().manual_seed(1))
    assert moved.shape == pictures.shape
    assert not torch.equal(moved, pictures)
    assert float(moved.min()) >= 0
    assert float(moved.max()) <= 1


def test_one_loss_writes_a_picture_and_an_animation(
    tmp_path: Path, few_frames: None, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--loss", "center", "--epochs", "1", "--output", str(tmp_path / "new" / "folder")]
    assert digits.main(command) == 0
    folder = tmp_path / "new" / "folder"
    assert {path.name for path in folder.iterdir()} == {"center.png", "center.gif"}
    with Image.open(folder / "center.gif") as animation:
        assert getattr(animation, "n_frames", 1) == 3
    with Image.open(folder / "center.png") as picture:
        assert picture.size[0] > 2 * picture.size[1]
    out = capsys.readouterr().out
    assert "center: intra-class" in out
    assert "left-out digits 7, 8, 9" in out


def test_several_losses_make_one_sheet_and_a_table(
    tmp_path: Path,
    few_frames: None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(digits, "LOSSES", ("softmax", "triplet"))
    command = ["--loss", "all", "--epochs", "1", "--repeats", "1", "--output", str(tmp_path)]
    assert digits.main([*command, "--left-out", "0,5"]) == 0
    assert (tmp_path / "comparison.png").is_file()
    assert (tmp_path / "triplet.gif").is_file()
    out = capsys.readouterr().out
    assert "1-NN on 0, 5: 2-d" in out
    assert sum(line.startswith(("| softmax |", "| triplet |")) for line in out.splitlines()) == 2


def test_a_bad_folder_ends_the_command_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = digits.main(["--loss", "softmax", "--data", str(tmp_path), "--output", str(tmp_path)])
    assert code == 2
    assert "no train-images-idx3-ubyte" in capsys.readouterr().err


def test_an_output_that_is_a_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("")
    assert digits.main(["--loss", "softmax", "--output", str(taken)]) == 2
    assert f"{taken} cannot be made a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--epochs", "0"],
        ["--epochs", "2", "--seconds", "3"],
        ["--seconds", "nan"],
        ["--seed", "-1"],
        ["--left-out", "7,x"],
    ],
)
def test_a_bad_option_is_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        digits.main(["--loss", "softmax", *options])
    assert options[0] in capsys.readouterr().err


def test_leaving_out_one_digit_only_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert digits.main(["--loss", "softmax", "--left-out", "7"]) == 2
    assert "--left-out: from 2 to 8" in capsys.readouterr().err


def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert digits.main(["--loss", "softmax"]) == 7
    assert "PyTorch and Matplotlib and scikit-learn are not installed" in capsys.readouterr().err
