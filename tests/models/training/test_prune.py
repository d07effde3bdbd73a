"""A slimmer network from a trained one."""

import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

import torch
from torch.nn import functional as nnf

from models.networks.mobilefacenet import (
    PAPER_TABLE,
    SLIM_STEM_CHANNELS,
    SLIM_TABLE,
    MobileFaceNet,
    NetworkSettings,
)
from models.training.prune import ends_of_blocks, prune

WIDE = ((2, 64, 3, 2), (4, 128, 2, 2))
SLIM = ((2, 64, 2, 2), (3, 128, 1, 2))


def wide_network(*, slopes: tuple[float, ...] = ()) -> MobileFaceNet:
    torch.manual_seed(4)
    settings = NetworkSettings(
        input_hw=(64, 64),
        activation="leaky-relu" if slopes else "relu",
        norm="none",
        table=WIDE,
        slopes=slopes,
    )
    network = MobileFaceNet(settings)
    for unit in network.units():
        torch.nn.init.kaiming_normal_(unit.conv.weight)
    return network.eval()


def crops(count: int) -> torch.Tensor:
    return torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def slim_settings() -> NetworkSettings:
    return NetworkSettings(input_hw=(64, 64), norm="none", table=SLIM, stem_channels=48)


def test_a_pruned_network_follows_the_wide_one_on_other_crops() -> None:
    wide = wide_network()
    slim = prune(wide, slim_settings(), crops(64))
    assert (slim.settings.table, slim.settings.stem_channels) == (SLIM, 48)
    with torch.inference_mode():
        ours, theirs = (net(crops(80)[64:]) for net in (slim, wide))
        blank = MobileFaceNet(slim_settings()).eval()(crops(80)[64:])
    fitted = float(nnf.cosine_similarity(ours, theirs).mean())
    assert fitted > 0.8
    assert fitted > float(nnf.cosine_similarity(blank, theirs).mean()) + 0.5


def test_pruning_to_the_same_table_changes_nothing() -> None:
    wide = wide_network()
    same = prune(wide, wide.settings, crops(64))
    with torch.inference_mode():
        torch.testing.assert_close(same(crops(4)), wide(crops(4)), rtol=1e-2, atol=1e-3)


def test_the_slopes_are_those_of_the_blocks_that_stay() -> None:
    slopes = tuple(-place / 100 for place in range(13))
    slim = prune(wide_network(slopes=slopes), slim_settings(), crops(8))
    # Stem; of the row of three the first and the last; of the row of two the first; head.
    expected = (slopes[0:2], slopes[2:4], slopes[6:8], slopes[8:10], slopes[12:13])
    assert slim.settings.slopes == tuple(s for part in expected for s in part)


def test_the_shipped_table_s_blocks_end_where_the_paper_s_do() -> None:
    assert ends_of_blocks(PAPER_TABLE, PAPER_TABLE) == tuple(range(15))
    assert ends_of_blocks(SLIM_TABLE, PAPER_TABLE) == (2, *range(3, 15))
    assert SLIM_STEM_CHANNELS == 32


@pytest.mark.parametrize(
    "table",
    [
        ((2, 64, 3, 2),),
        ((3, 64, 3, 2), (4, 128, 2, 2)),
        ((2, 64, 4, 2), (4, 128, 2, 2)),
        ((2, 32, 3, 2), (4, 128, 2, 2)),
    ],
)
def test_what_would_have_to_grow_is_refused(table: tuple[tuple[int, int, int, int], ...]) -> None:
    with pytest.raises(ValueError, match=r"same number of rows|does not fit"):
        ends_of_blocks(table, WIDE)


def test_a_wider_stem_is_refused() -> None:
    settings = NetworkSettings(input_hw=(64, 64), norm="none", table=SLIM, stem_channels=96)
    with pytest.raises(ValueError, match="96 channels cannot be chosen from 64"):
        prune(wide_network(), settings, crops(4))
