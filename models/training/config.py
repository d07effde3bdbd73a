"""The training configuration: a TOML file whose tables are the dataclasses below."""

import dataclasses
import difflib
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from attendance.errors import ConfigError
from models.training.augment import AugmentationSettings


@dataclass(frozen=True, slots=True)
class DataSettings:
    """Exactly one of the three; relative paths start at the configuration file's folder.

    shards: folder of tar files with NAME.webp and NAME.json ({"label": int}, −1 = unknown).
    list: text file of `relative/path label` lines, the paths starting at `root`.
    folder: one sub-folder of pictures for each person.
    held_out_of_32: thirty-seconds of the identities kept for validation.
    pictures_a_person: how many crops of one person stand together in a batch; from 2 on only
        people of whom there are two or more are used. Losses on pairs and triplets need it.
    """

    shards: str = ""
    list: str = ""
    root: str = ""
    folder: str = ""
    held_out_of_32: int = 1
    pictures_a_person: int = 1


@dataclass(frozen=True, slots=True)
class NetworkTable:
    """input 112 × 96 throughout. An ir-resnet-50 has PReLUs and batch norms, and none of the
    choices but the embedding size. table: the paper's, MobileNetV2's, or the slim one that ships;
    late_leaky: leaky ReLU after the depthwise convolutions from the first 14 × 12 map on, where it
    costs little and follows the teacher better."""

    name: Literal["mobilefacenet", "ir-resnet-50"] = "mobilefacenet"
    table: Literal["paper", "mobilenet-v2", "slim"] = "paper"
    activation: Literal["relu", "leaky-relu", "prelu"] = "relu"
    norm: Literal["batch", "none"] = "none"
    embedding_size: int = 128
    late_leaky: bool = False


@dataclass(frozen=True, slots=True)
class StartTable:
    """checkpoint: weights (.npz) or a checkpoint (.pt) to begin with; weights of the paper's table
    are pruned to a slimmer one on `crops` crops. Else, where there is a teacher, least squares over
    `crops` crops (`head_crops` for the head); 0 = random weights. anneal: begin as a copy of the
    teacher instead, whose slopes reach the student's after this share of the schedule (0 = not).
    """

    checkpoint: str = ""
    crops: int = 384
    head_crops: int = 2048
    anneal: float = 0.0


@dataclass(frozen=True, slots=True)
class DistillTable:
    """teacher: the imported fp32 file with PRelu nodes. taps: its bottlenecks whose outputs are
    followed. mirrored: the target is the sum of the embeddings of a crop and of its mirror, and
    with `online` a batch holds both, so that it costs no further run of the teacher.
    online: the teacher sees each augmented crop; else its embeddings of the crops as they are
    count, computed once and kept by content hash, and nothing can be tapped."""

    teacher: str
    taps: tuple[int, ...] = (1, 4, 5, 8, 11, 12, 14)
    mirrored: bool = False
    online: bool = True
    threads: int = 1


@dataclass(frozen=True, slots=True)
class MarginTable:
    """A loss on the labelled crops: its name in models.losses and its settings there."""

    loss: str
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each term counts; `features` at the start and at the end of the schedule; `margin`
    is the loss of the [margin] table. neighbours: how a crop lies among the teacher's embeddings of
    all training crops, with the cosines times neighbours_scale; needs [distill] online = false."""

    embedding: float = 1.0
    similarity: float = 10.0
    neighbours: float = 0.0
    neighbours_scale: float = 20.0
    features_start: float = 1.0
    features_end: float = 0.1
    margin: float = 1.0

    def features(self, progress: float) -> float:
        """The weight of the feature maps; geometric between both ends. progress: 0 … 1."""
        if self.features_start <= 0 or self.features_end <= 0:
            return self.features_start + progress * (self.features_end - self.features_start)
        return float(self.features_start * (self.features_end / self.features_start) ** progress)


@dataclass(frozen=True, slots=True)
class OptimiserTable:
    """momentum: of sgd and muon. muon: see models.training.optimiser."""

    kind: Literal["adamw", "sgd", "muon"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    momentum: float = 0.9
    clip_norm: float = 5.0
    ema_decay: float = 0.999


@dataclass(frozen=True, slots=True)
class ScheduleTable:
    """Exactly one of steps and minutes ends the training; minutes count running time only. hold: of
    the cosine schedule, how much of it (0 … below 1) stays at the full rate before the cosine.
    plateau: the rate drops by drop_factor after plateau_patience validations without a better one.
    """

    kind: Literal["cosine", "step", "plateau", "constant"] = "cosine"
    steps: int = 0
    minutes: float = 0.0
    warm_up: float = 0.02
    hold: float = 0.0
    drops: tuple[float, ...] = (0.5, 0.75, 0.9)
    drop_factor: float = 0.1
    plateau_patience: int = 2
    floor: float = 0.01


@dataclass(frozen=True, slots=True)
class RunTable:
    """directory: checkpoints, logs and decoded crops, relative to the configuration file.

    precision: of the network's forward and backward pass; bfloat16 pays on processors that have
    instructions for it. Validation is once an epoch and every validate_minutes. patience: stop
    after so many validations without a better one (0 = never). tensorboard: write events too.
    """

    directory: str
    batch_size: int = 64
    seed: int = 1
    threads: int = 2
    checkpoint_minutes: float = 5.0
    validate_minutes: float = 10.0
    log_steps: int = 20
    patience: int = 0
    precision: Literal["float32", "bfloat16"] = "float32"
    tensorboard: bool = True


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Everything a training run depends on besides the pictures."""

    run: RunTable
    data: DataSettings
    network: NetworkTable = field(default_factory=NetworkTable)
    start: StartTable = field(default_factory=StartTable)
    distill: DistillTable | None = None
    margin: MarginTable | None = None
    loss: Weights = field(default_factory=Weights)
    optimiser: OptimiserTable = field(default_factory=OptimiserTable)
    schedule: ScheduleTable = field(default_factory=ScheduleTable)
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    base_dir: Path = Path()


def read_config(path: Path) -> TrainingConfig:
    """Read and check a configuration. Raises ConfigError naming the file, the key and the rule."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"The training configuration {path} cannot be read: {error}.",
            action="Give the path of a TOML file such as models/configs/native-distill.toml.",
        ) from error
    if "base_dir" in values:
        raise ConfigError(f"{path}: unknown key base_dir.")
    config = _table(TrainingConfig, values, where="", path=path)
    config = dataclasses.replace(config, base_dir=path.resolve().parent)
    _check(config, path)
    return config


def _check(config: TrainingConfig, path: Path) -> None:
    data, schedule, run = config.data, config.schedule, config.run
    rules = [
        (
            sum(map(bool, (data.shards, data.list, data.folder))) == 1,
            "[data] needs exactly one of shards, list and folder",
        ),
        (0 <= data.held_out_of_32 < 32, "[data] held_out_of_32 must be 0 to 31"),
        (
            (schedule.steps > 0) != (schedule.minutes > 0),
            "[schedule] needs either steps or minutes",
        ),
        (0 <= schedule.warm_up < 1, "[schedule] warm_up must be at least 0 and below 1"),
        (
            0 <= schedule.hold < 1 - schedule.warm_up,
            "[schedule] warm_up and hold must leave time for the rest",
        ),
        (schedule.plateau_patience >= 1, "[schedule] plateau_patience must be at least 1"),
        (
            config.margin is None or config.loss.margin > 0,
            "[loss] margin must be above 0 where there is a [margin] table",
        ),
        (
            config.loss.neighbours == 0
            or (config.distill is not None and not config.distill.online),
            "[loss] neighbours needs [distill] online = false",
        ),
        (
            1 <= data.pictures_a_person <= run.batch_size,
            "[data] pictures_a_person must be 1 to [run] batch_size",
        ),
        (
            config.network.name == "mobilefacenet"
            or (config.network.norm == "batch" and not (config.distill and config.distill.taps)),
            '[network] ir-resnet-50 needs norm = "batch" and [distill] taps = []',
        ),
        (run.batch_size >= 2, "[run] batch_size must be at least 2"),
        (run.threads >= 1, "[run] threads must be at least 1"),
        (config.optimiser.learning_rate > 0, "[optimiser] learning_rate must be above 0"),
        (0 <= config.optimiser.ema_decay < 1, "[optimiser] ema_decay must be 0 to below 1"),
        (
            config.distill is None or all(0 <= tap <= 14 for tap in config.distill.taps),
            "[distill] taps must be bottlenecks, 0 to 14",
        ),
        (
            config.distill is None or config.distill.online or not config.distill.taps,
            "[distill] taps must be empty if online is false",
        ),
        (
            config.distill is None or not config.distill.mirrored or run.batch_size % 2 == 0,
            "[run] batch_size must be even if [distill] mirrored is true",
        ),
        (0 <= config.start.anneal <= 1, "[start] anneal must be 0 to 1"),
        (
            config.start.anneal == 0
            or (
                config.distill is not None
                and not config.start.checkpoint
                and (config.network.name, config.network.table) == ("mobilefacenet", "paper")
                and (config.network.activation, config.network.norm) == ("relu", "none")
            ),
            "[start] anneal needs [distill], no checkpoint, the paper's table, relu and no norm",
        ),
        (
            config.network.norm == "none" or config.start.crops == 0 or config.distill is None,
            '[start] crops needs [network] norm = "none"',
        ),
        (
            config.distill is not None or config.margin is not None,
            "it needs [distill] with a teacher, [margin] with a loss on labels, or both",
        ),
    ]
    for kept, rule in rules:
        if not kept:
            raise ConfigError(f"{path}: {rule}.", action="Correct it and start again.")


def _table(kind: type[Any], values: Mapping[str, Any], *, where: str, path: Path) -> Any:
    hints = typing.get_type_hints(kind)
    known = [f.name for f in dataclasses.fields(kind) if f.name != "base_dir"]
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."
            raise ConfigError(f"{path}: unknown key {where}{key}.", action=hint)
    for f in dataclasses.fields(kind):
        needed = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if needed and f.name not in values:
            raise ConfigError(f"{path}: {where}{f.name} is missing.", action="Add it.")
    return kind(
        **{
            key: _value(hints[key], value, where=f"{where}{key}", path=path)
            for key, value in values.items()
        }
    )


def _value(hint: Any, value: Any, *, where: str, path: Path) -> Any:
    origin, choices = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _value(choices[0], value, where=where, path=path)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{path}: {where} must be a table.")
        return _table(hint, value, where=f"{where}.", path=path)
    if origin is Literal:
        if value not in choices:
            names = ", ".join(map(str, choices))
            raise ConfigError(f"{path}: {where} is {value!r}; it must be one of {names}.")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{path}: {where} must be a list.")
        return tuple(_value(choices[0], item, where=where, path=path) for item in value)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{path}: {where} must be a table.")
        return dict(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise ConfigError(f"{path}: {where} is {value!r}; it must be of type {hint.__name__}.")
    return value
