"""A small network from a digit to an embedding, of two dimensions for pictures."""

import torch
from torch import Tensor, nn


class DigitNetwork(nn.Module):
    """Three convolutions, one hidden layer, and an embedding that is not normalised."""

    def __init__(self, input_hw: tuple[int, int], *, embedding_size: int = 2) -> None:
        """input_hw: height and width of the pictures, 8 or more each."""
        super().__init__()
        height, width = ((side + 3) // 4 for side in input_hw)
        self.layers = nn.Sequential(
            *_block(1, 16, stride=1),
            *_block(16, 32, stride=2),
            *_block(32, 64, stride=2),
            nn.Flatten(),
            nn.Linear(64 * height * width, 64, bias=False),
            nn.BatchNorm1d(64),
            nn.PReLU(),
            nn.Linear(64, embedding_size),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """(M, 1, H, W), 0 … 1, to (M, E)."""
        points: Tensor = self.layers(2 * pictures - 1)
        return points


def _block(channels_in: int, channels_out: int, *, stride: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.PReLU(),
    )


def embed(network: nn.Module, pictures: Tensor) -> Tensor:
    """Embeddings (N, E) of pictures (N, 1, H, W), in evaluation mode, which is then undone."""
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            return torch.cat([network(part) for part in torch.split(pictures, 1024)])
    finally:
        network.train(was_training)
