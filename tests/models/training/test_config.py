"""A training configuration is checked once, with sentences that name the key."""

from pathlib import Path

import pytest

from attendance.errors import ConfigError
from models.training.config import read_config

MINIMAL = """
[run]
directory = "out"
[data]
shards = "faces"
[schedule]
steps = 10
"""


def read(tmp_path: Path, text: str) -> object:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return read_config(path)


def test_the_shipped_configuration_is_valid() -> None:
    folder = Path(__file__).resolve().parents[3] / "models" / "configs"
    shipped = sorted(folder.glob("*.toml"))
    assert shipped
    for path in shipped:
        assert read_config(path).base_dir == folder


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[run", "cannot be read"),
        (MINIMAL + "[optimizer]\nkind = 'sgd'", "unknown key optimizer. Did you mean optimiser?"),
        (MINIMAL + "[loss]\nembeding = 1.0", "unknown key loss.embeding. Did you mean embedding?"),
        (MINIMAL.replace('directory = "out"', ""), "run.directory is missing"),
        (MINIMAL + "[network]\nnorm = 'layer'", "must be one of batch, none"),
        (MINIMAL + "[network]\nembedding_size = 1.5", "must be of type int"),
        (MINIMAL + "[optimiser]\nlearning_rate = true", "must be of type float"),
        (MINIMAL + "[distill]\nteacher = 'x'\ntaps = 3", "distill.taps must be a list"),
        (MINIMAL + "[distill]\nteacher = 'x'\ntaps = [15]", "taps must be bottlenecks"),
        (MINIMAL + "minutes = 5", "either steps or minutes"),
        (MINIMAL.replace("steps = 10", ""), "either steps or minutes"),
        (MINIMAL.replace('shards = "faces"', ""), "exactly one of shards, list and folder"),
        (MINIMAL + "[optimiser]\nlearning_rate = 0", "learning_rate must be above 0"),
        (MINIMAL + "[distill]\nteacher = 'x'\nonline = false", "must be empty if online is false"),
        (
            MINIMAL + "[distill]\nteacher = 'x'\n[loss]\nneighbours = 1",
            "needs [distill] online = false",
        ),
        (MINIMAL + "[margin]\nloss = 'arcface'\n[loss]\nmargin = 0", "margin must be above 0"),
        (
            MINIMAL + "[margin]\nloss = 'arcface'\n[network]\nname = 'ir-resnet-50'",
            'ir-resnet-50 needs norm = "batch"',
        ),
        ("run = 3\n[data]\nshards = 'faces'", "run must be a table"),
        (MINIMAL + "[distill]\nteacher = 'x'\n[network]\nnorm = 'batch'", "needs [network] norm"),
    ],
)
def test_a_bad_configuration_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert "config.toml" in str(caught.value)
