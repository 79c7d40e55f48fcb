"""A detector as Carion et al. (2020) write theirs in 40 lines, small: positions from rows and columns, queries."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Detects(nn.Module):
    """Boxes for so many learned queries."""

    def __init__(self, width: int = 16, queries: int = 7) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU(), nn.Conv2d(8, 32, 3, 2, 1))
        self.conv = nn.Conv2d(32, width, 1)
        encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(width, 2, 32), 2, nn.LayerNorm(width),
                                        enable_nested_tensor=False)  # fmt: skip
        self.transformer = nn.Transformer(width, 2, 2, 2, 32, custom_encoder=encoder)
        self.boxes = nn.Linear(width, 4)
        self.query = nn.Parameter(torch.rand(queries, width))
        self.rows, self.columns = (nn.Parameter(torch.rand(50, width // 2)) for _ in range(2))

    def forward(self, image: Tensor) -> Tensor:
        maps = self.conv(self.backbone(image))
        high, wide = maps.shape[-2:]
        places = torch.cat([self.columns[:wide].unsqueeze(0).repeat(high, 1, 1),
                            self.rows[:high].unsqueeze(1).repeat(1, wide, 1)], -1)  # fmt: skip
        source = places.flatten(0, 1).unsqueeze(1) + 0.1 * maps.flatten(2).permute(2, 0, 1)
        queries = self.query.unsqueeze(1).repeat(1, len(image), 1)
        out: Tensor = self.boxes(self.transformer(source, queries).transpose(0, 1)).sigmoid()
        return out
