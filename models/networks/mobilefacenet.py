"""MobileFaceNet (Chen et al. 2018, arXiv 1804.07573, table 1) for any input size.

The global depthwise kernel has the size of the last feature map: 7 × 6 for a 112 × 96 crop.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

Activation = Literal["relu", "leaky-relu", "prelu"]
Norm = Literal["batch", "none"]
BottleneckTable = tuple[tuple[int, int, int, int], ...]

PAPER_TABLE: BottleneckTable = (
    (2, 64, 5, 2),
    (4, 128, 1, 2),
    (2, 128, 6, 1),
    (4, 128, 1, 2),
    (2, 128, 2, 1),
)
MOBILENET_V2_TABLE: BottleneckTable = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""MobileNetV2's bottlenecks (Sandler et al. 2018, arXiv 1801.04381, table 2) between this network's
stem and head. That network halves a 224 × 224 picture five times; a crop has half its side, so the
24-channel row keeps the size and the last map is 7 × 6 here too. The first row has its 1 × 1
expansion by one, as table 1 of that paper writes the block."""
SLIM_TABLE: BottleneckTable = (
    (2, 64, 3, 2),
    (3, 128, 1, 2),
    (2, 128, 6, 1),
    (3, 128, 1, 2),
    (2, 128, 2, 1),
)
"""The paper's table without what costs most time for the least: two of the five blocks at a quarter
of the crop's size, and every fourth channel where the map shrinks. Made for a 32-channel stem."""
SLIM_STEM_CHANNELS = 32
STEM_CHANNELS = 64
TABLES = {
    "paper": (STEM_CHANNELS, PAPER_TABLE),
    "mobilenet-v2": (STEM_CHANNELS, MOBILENET_V2_TABLE),
    "slim": (SLIM_STEM_CHANNELS, SLIM_TABLE),
}
"""Channels of the stem and bottlenecks, by the name that a training configuration gives."""
HEAD_CHANNELS = 512
WIDE_COLUMNS = 112
"""Columns of the crop the imported network takes; ours are its middle ones."""
_PRELU_START = 0.25


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """What a network is made of; equal settings give networks with the same parameter names.

    table: bottlenecks as (expansion, channels, repeats, stride of the first).
    stem_channels: what the first two convolutions give.
    activation: `relu`, `leaky-relu` (one fixed slope a layer) or `prelu` (one learnt a channel).
    slopes: for `leaky-relu`, one for each activation in the order in which a crop meets them;
        0 is a plain ReLU.
    norm: `batch`, or `none` for convolutions with a bias (a network with its norms folded in).
    """

    input_hw: tuple[int, int] = (112, 96)
    embedding_size: int = 128
    activation: Activation = "relu"
    norm: Norm = "batch"
    table: BottleneckTable = PAPER_TABLE
    slopes: tuple[float, ...] = ()
    stem_channels: int = STEM_CHANNELS

    @property
    def activation_count(self) -> int:
        """Two in the stem, two in each bottleneck, one in the head."""
        return 3 + 2 * sum(repeats for _, _, repeats, _ in self.table)


@dataclass(frozen=True, slots=True)
class UnitShape:
    """One convolution: channels, kernel, stride, and padding as (left, right, top, bottom)."""

    in_channels: int
    out_channels: int
    kernel_hw: tuple[int, int]
    stride: int = 1
    padding_lrtb: tuple[int, int, int, int] = (0, 0, 0, 0)
    depthwise: bool = False


class ConvUnit(nn.Module):
    """Convolution, norm, activation; the norm and the activation may be absent."""

    def __init__(self, shape: UnitShape, *, norm: Norm, activation: nn.Module | None) -> None:
        super().__init__()
        self.shape = shape
        left, right, top, bottom = shape.padding_lrtb
        self._pads_itself = left == right and top == bottom
        self.conv = nn.Conv2d(
            shape.in_channels,
            shape.out_channels,
            shape.kernel_hw,
            stride=shape.stride,
            padding=(top, left) if self._pads_itself else 0,
            groups=shape.in_channels if shape.depthwise else 1,
            bias=norm == "none",
        )
        self.norm = nn.BatchNorm2d(shape.out_channels) if norm == "batch" else nn.Identity()
        self.activation = activation or nn.Identity()

    def linear(self, x: Tensor) -> Tensor:
        """The output before the activation."""
        if not self._pads_itself:
            x = nnf.pad(x, self.shape.padding_lrtb)
        result: Tensor = self.norm(self.conv(x))
        return result

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.activation(self.linear(x))
        return result


class Bottleneck(nn.Module):
    """Expand 1 × 1, depthwise 3 × 3, project 1 × 1 without activation; residual where it fits."""

    def __init__(self, expand: ConvUnit, depthwise: ConvUnit, project: ConvUnit) -> None:
        super().__init__()
        self.expand, self.depthwise, self.project = expand, depthwise, project
        same_size = expand.shape.in_channels == project.shape.out_channels
        self.residual = depthwise.shape.stride == 1 and same_size

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class MobileFaceNet(nn.Module):
    """Crops float32 (N, 3, H, W), RGB, (x − 127.5) / 128, to embeddings (N, E), not normalised.

    Raises ValueError if a side of the input is not a multiple of 16 or is too small, or if the
    number of slopes is not the number of activations.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        height, width = settings.input_hw
        if height % 16 or width % 16 or min(height, width) < 32:
            raise ValueError(f"input {height} × {width}: both sides must be multiples of 16")
        build = _Builder(settings)
        self.stem = build.unit(UnitShape(3, settings.stem_channels, (3, 3), 2, build.padding(2)))
        self.stem_depthwise = build.unit(_depthwise(settings.stem_channels, 1, build.padding(1)))
        channels = settings.stem_channels
        blocks: list[Bottleneck] = []
        for expansion, out_channels, repeats, first_stride in settings.table:
            for repeat in range(repeats):
                stride = first_stride if repeat == 0 else 1
                wide = channels * expansion
                expand = build.unit(UnitShape(channels, wide, (1, 1)))
                depthwise = build.unit(_depthwise(wide, stride, build.padding(stride)))
                project = build.linear(UnitShape(wide, out_channels, (1, 1)))
                blocks.append(Bottleneck(expand, depthwise, project))
                channels = out_channels
        self.blocks = nn.ModuleList(blocks)
        self.head_expand = build.unit(UnitShape(channels, HEAD_CHANNELS, (1, 1)))
        self.head_depthwise = build.linear(
            UnitShape(HEAD_CHANNELS, HEAD_CHANNELS, build.size_hw, depthwise=True)
        )
        self.head_project = build.linear(UnitShape(HEAD_CHANNELS, settings.embedding_size, (1, 1)))

    def forward(self, crops: Tensor) -> Tensor:
        return self.with_taps(crops, ())[0]

    def with_taps(self, crops: Tensor, taps: Iterable[int]) -> tuple[Tensor, dict[int, Tensor]]:
        """The embeddings, and the outputs of the bottlenecks with these indices."""
        wanted = frozenset(taps)
        features: dict[int, Tensor] = {}
        x: Tensor = self.stem_depthwise(self.stem(crops))
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in wanted:
                features[index] = x
        pooled = self.head_depthwise(self.head_expand(x))
        embeddings: Tensor = self.head_project(pooled).flatten(1)
        return embeddings, features

    def bottlenecks(self) -> list[Bottleneck]:
        """The blocks, typed."""
        return [block for block in self.blocks if isinstance(block, Bottleneck)]

    def units(self) -> list[ConvUnit]:
        """Every convolution unit in the order in which a crop meets them."""
        units = [self.stem, self.stem_depthwise]
        for block in self.bottlenecks():
            units += [block.expand, block.depthwise, block.project]
        return [*units, self.head_expand, self.head_depthwise, self.head_project]


class _Builder:
    """Makes the units in order and keeps count of the feature map's size and the slopes."""

    def __init__(self, settings: NetworkSettings) -> None:
        self._settings = settings
        self._slopes = list(settings.slopes)
        self.size_hw = settings.input_hw
        self._offset = max((WIDE_COLUMNS - settings.input_hw[1]) // 2, 0)
        if self._slopes and len(self._slopes) != settings.activation_count:
            raise ValueError(f"{len(self._slopes)} slopes, expected {settings.activation_count}")

    def unit(self, shape: UnitShape) -> ConvUnit:
        """A unit with the activation of the settings."""
        activation: nn.Module
        slope = self._slopes.pop(0) if self._slopes else 0.0
        if self._settings.activation == "prelu":
            activation = nn.PReLU(shape.out_channels, init=_PRELU_START)
        elif self._settings.activation == "relu" or slope == 0:
            activation = nn.ReLU(inplace=True)
        else:
            activation = nn.LeakyReLU(slope)
        return ConvUnit(shape, norm=self._settings.norm, activation=activation)

    def linear(self, shape: UnitShape) -> ConvUnit:
        """A unit without activation."""
        return ConvUnit(shape, norm=self._settings.norm, activation=None)

    def padding(self, stride: int) -> tuple[int, int, int, int]:
        """Padding (left, right, top, bottom) of the next 3 × 3 window; counts its stride.

        One pixel all round; with stride 2 only after an even side, as the imported network has it
        (TensorFlow's SAME). Its feature maps are those of a crop with eight columns more on each
        side. Where the first of our columns is an odd one of its, the padding stands before, so
        that our columns are again columns of its.
        """
        if stride == 1:
            return (1, 1, 1, 1)
        height, width = self.size_hw
        self.size_hw = (-(-height // 2), -(-width // 2))
        odd, self._offset = self._offset % 2 == 1, self._offset // 2
        left, right = (1, 1) if width % 2 else (1, 0) if odd else (0, 1)
        top, bottom = (1, 1) if height % 2 else (0, 1)
        return (left, right, top, bottom)


def _depthwise(channels: int, stride: int, padding_lrtb: tuple[int, int, int, int]) -> UnitShape:
    return UnitShape(channels, channels, (3, 3), stride, padding_lrtb, depthwise=True)


def embed(network: nn.Module, crops: Tensor) -> Tensor:
    """Unit embeddings of a batch of crops, without gradient."""
    with torch.inference_mode():
        return nnf.normalize(network(crops))


def middle_columns(wide: Tensor, width: int) -> Tensor:
    """The columns of a wider crop or feature map (N, C, H, W) that a narrower one covers."""
    start = (wide.shape[3] - width) // 2
    return wide[:, :, :, start : start + width]
