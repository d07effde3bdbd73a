"""IR-ResNet-50: the large backbone of ArcFace (Deng et al. 2019, arXiv 1801.07698)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.networks.mobilefacenet import ConvUnit, Norm, UnitShape

UNITS_50 = (3, 4, 14, 3)
STEM_CHANNELS = 64
STAGE_CHANNELS = (64, 128, 256, 512)
_AROUND = (1, 1, 1, 1)


@dataclass(frozen=True, slots=True)
class IrResNetSettings:
    """What the network is made of; equal settings give networks with the same parameter names.

    units: residual units in each of the four stages; (3, 4, 14, 3) has 50 layers with weights.
    dropout: the part of the last feature map that is dropped in training.
    norm: `batch`, or `none` for a network with its norms folded in. The norm at the start of a
        unit stands before a padded convolution and after a sum, where it cannot be folded without
        changing the border, so it is there in both.
    """

    input_hw: tuple[int, int] = (112, 96)
    embedding_size: int = 128
    units: tuple[int, int, int, int] = UNITS_50
    dropout: float = 0.4
    norm: Norm = "batch"


class IrUnit(nn.Module):
    """Improved residual unit: norm, conv 3 × 3, norm, PReLU, conv 3 × 3 with the stride, norm.

    The shortcut is the input; where the size or the channels change, its 1 × 1 convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int, norm: Norm) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.first = ConvUnit(
            UnitShape(in_channels, out_channels, (3, 3), 1, _AROUND),
            norm=norm,
            activation=nn.PReLU(out_channels),
        )
        self.second = ConvUnit(
            UnitShape(out_channels, out_channels, (3, 3), stride, _AROUND),
            norm=norm,
            activation=None,
        )
        self.shortcut: ConvUnit | None = None
        if stride != 1 or in_channels != out_channels:
            shape = UnitShape(in_channels, out_channels, (1, 1), stride)
            self.shortcut = ConvUnit(shape, norm=norm, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(self.first(self.norm(x)))
        return y + (x if self.shortcut is None else self.shortcut(x))


class IrResNet(nn.Module):
    """Crops float32 (N, 3, H, W), RGB, (x − 127.5) / 128, to embeddings (N, E), not normalised.

    A stem without stride, four stages that halve the map, and the output setting E of the paper:
    norm, dropout, fully connected, norm. The last norm has no scale of its own, so that every
    direction of the embedding keeps the same variance. Raises ValueError if a side of the input is
    not a multiple of 16 or if a stage has no unit.
    """

    def __init__(self, settings: IrResNetSettings) -> None:
        super().__init__()
        self.settings = settings
        height, width = settings.input_hw
        if height % 16 or width % 16 or min(height, width) < 16:
            raise ValueError(f"input {height} × {width}: both sides must be multiples of 16")
        if min(settings.units) < 1:
            raise ValueError(f"units {settings.units}: each stage needs at least one")
        self.stem = ConvUnit(
            UnitShape(3, STEM_CHANNELS, (3, 3), 1, _AROUND),
            norm=settings.norm,
            activation=nn.PReLU(STEM_CHANNELS),
        )
        channels = STEM_CHANNELS
        body: list[IrUnit] = []
        for count, out_channels in zip(settings.units, STAGE_CHANNELS, strict=True):
            for place in range(count):
                stride = 2 if place == 0 else 1
                body.append(IrUnit(channels, out_channels, stride=stride, norm=settings.norm))
                channels = out_channels
        self.body = nn.ModuleList(body)
        folded = settings.norm == "none"
        self.head_norm = nn.Identity() if folded else nn.BatchNorm2d(channels)
        self.dropout = nn.Identity() if folded else nn.Dropout(settings.dropout)
        self.fully_connected = nn.Linear(
            channels * (height // 16) * (width // 16), settings.embedding_size, bias=folded
        )
        self.output_norm: nn.Module = nn.Identity()
        if not folded:
            norm = nn.BatchNorm1d(settings.embedding_size)
            norm.weight.requires_grad_(False)  # noqa: FBT003 – torch's signature
            self.output_norm = norm

    def forward(self, crops: Tensor) -> Tensor:
        x: Tensor = self.stem(crops)
        for unit in self.body:
            x = unit(x)
        flat = torch.flatten(self.dropout(self.head_norm(x)), 1)
        embeddings: Tensor = self.output_norm(self.fully_connected(flat))
        return embeddings

    def residual_units(self) -> list[IrUnit]:
        """The units of the body, typed."""
        return [unit for unit in self.body if isinstance(unit, IrUnit)]

    def units(self) -> list[ConvUnit]:
        """Every convolution unit: the stem, then two for each residual unit and its shortcut."""
        units = [self.stem]
        for unit in self.residual_units():
            units += [unit.first, unit.second]
            units += [] if unit.shortcut is None else [unit.shortcut]
        return units
