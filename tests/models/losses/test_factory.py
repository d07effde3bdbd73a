"""Losses by name; what is refused, and with which words."""

import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

import torch

from models.losses.factory import LOSSES, Setting, make_loss


def test_the_nine_names_are_known() -> None:
    assert set(LOSSES) == {
        "softmax",
        "normalised-softmax",
        "center",
        "contrastive",
        "triplet",
        "a-softmax",
        "cosface",
        "arcface",
        "subcenter-arcface",
    }


@pytest.mark.parametrize("name", LOSSES)
def test_the_class_vectors_are_detached_rows_in_the_order_of_the_classes(name: str) -> None:
    vectors = make_loss(name, classes=5, embedding_size=3).class_vectors()
    if name in ("contrastive", "triplet"):
        assert vectors is None
        return
    assert vectors is not None
    assert vectors.shape == (15 if name == "subcenter-arcface" else 5, 3)
    assert not vectors.requires_grad


@pytest.mark.parametrize("name", LOSSES)
def test_equal_seeds_make_equal_losses(name: str) -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(6)
        states.append(make_loss(name, classes=5, embedding_size=3).state_dict())
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("arcfase", {}, "There is no loss 'arcfase'; did you mean 'arcface'?"),
        ("", {}, "There is no loss ''; there are: softmax, normalised-softmax, "),
        ("arcface", {"margn": 0.5}, "loss arcface has no setting 'margn'; did you mean 'margin'?"),
        ("softmax", {"k": 1}, "loss softmax has no setting 'k'; there are: bias."),
        ("arcface", {"margin": 2}, "loss arcface: margin must be a number from 0 to 1.5708, not 2"),
        ("arcface", {"margin": "big"}, "margin must be a number from 0 to 1.5708, not 'big'."),
        ("arcface", {"margin": True}, "margin must be a number"),
        ("arcface", {"scale": 0}, "scale must be a number above 0, not 0."),
        ("arcface", {"scale": float("nan")}, "scale must be a number above 0, not nan."),
        ("arcface", {"easy_margin": 1}, "easy_margin must be true or false, not 1."),
        ("cosface", {"margin": -0.1}, "margin must be a number from 0 to 2, not -0.1."),
        ("cosface", {"scale": float("inf")}, "scale must be a number above 0, not inf."),
        ("subcenter-arcface", {"centres": 0}, "centres must be a whole number of at least 1"),
        ("a-softmax", {"margin": 5}, "margin must be a whole number from 1 to 4, not 5."),
        ("a-softmax", {"margin": 2.0}, "margin must be a whole number from 1 to 4, not 2.0."),
        ("a-softmax", {"lambda_end": 2000}, "lambda_end must not be above lambda_start, 1000"),
        ("a-softmax", {"lambda_decay": -1}, "lambda_decay must be a number of at least 0, not -1."),
        ("center", {"centre_weight": -1}, "centre_weight must be a number of at least 0, not -1."),
        ("contrastive", {"margin": 0}, "margin must be a number above 0, not 0."),
        ("triplet", {"mining": "easy"}, "mining must be one of batch-hard, semi-hard, not 'easy'."),
    ],
)
def test_a_bad_setting_is_refused_with_a_sentence(
    name: str, settings: dict[str, Setting], sentence: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is compared below
        make_loss(name, classes=4, embedding_size=6, **settings)
    assert sentence in str(caught.value)
    assert str(caught.value)[-1] in ".?"


@pytest.mark.parametrize(("classes", "size"), [(1, 6), (0, 6), (4, 0)])
@pytest.mark.parametrize("name", LOSSES)
def test_one_class_or_no_column_is_refused(name: str, classes: int, size: int) -> None:
    with pytest.raises(ValueError, match="must be a whole number of at least"):
        make_loss(name, classes=classes, embedding_size=size)


@pytest.mark.parametrize(
    ("embeddings", "labels", "sentence"),
    [
        (torch.zeros(2, 5), torch.tensor([0, 1]), r"shape \(M, 6\), not \(2, 5\)"),
        (torch.zeros(6), torch.tensor([0]), r"shape \(M, 6\), not \(6,\)"),
        (torch.zeros(2, 6), torch.tensor([0, 1, 2]), "2 embeddings need as many labels"),
        (torch.zeros(2, 6), torch.tensor([0.0, 1.0]), "must be whole numbers, not torch.float32"),
        (torch.zeros(2, 6), torch.tensor([True, False]), "must be whole numbers, not torch.bool"),
        (torch.zeros(2, 6), torch.tensor([0, 4]), "lie from 0 to 3, not from 0 to 4"),
        (torch.zeros(2, 6), torch.tensor([-1, 3]), "lie from 0 to 3, not from -1 to 3"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(
    embeddings: torch.Tensor, labels: torch.Tensor, sentence: str
) -> None:
    loss = make_loss("triplet", classes=4, embedding_size=6)
    with pytest.raises(ValueError, match=sentence):
        loss(embeddings, labels)
