"""Modules that are called with more than one image, and what they are called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


class TokensAndImage(nn.Module):
    """Parameters: 50·8 + (3·9 + 1)·8 + (8 + 1)·2 = 642. MACs of 16×16 pixels: 27·8·14·14 + 8·2 = 42,352."""

    def __init__(self) -> None:
        super().__init__()
        self.e, self.c, self.o = nn.Embedding(50, 8), nn.Conv2d(3, 8, 3), nn.Linear(8, 2)

    def forward(self, ids: Tensor, image: Tensor) -> Tensor:
        return self.o(self.e(ids).mean(1) + self.c(image).mean((2, 3)))


class Steps(nn.Module):
    """Its dense layer runs ``steps`` times: 8·8 MACs each."""

    def __init__(self, width: int = 8, *, bias: bool = True) -> None:
        super().__init__()
        self.fc = nn.Linear(width, width, bias=bias)

    def forward(self, x: Tensor, steps=1, mode="plain", scale=None, mask=None) -> Tensor:  # type: ignore[no-untyped-def]
        for _ in range(steps):
            x = self.fc(x)
        x = x.relu() if mode == "rectified" else x
        if mask is not None:
            x = x.masked_fill(mask, 0.0)
        return x if scale is None else x * scale


class Noised(nn.Module):
    """Takes one number a sample beside a vector of 8."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.time = nn.Linear(8, 8), nn.Linear(1, 8)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.fc(x) + self.time(t[:, None])


@dataclass
class Batch:
    """What `Nested` is called with."""

    image: Any
    others: dict[str, Any]


class Nested(nn.Module):
    """Takes its inputs in a dataclass with a dict of a list in it. MACs: 4·3 + 5·3 = 27."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 3), nn.Linear(5, 3)

    def forward(self, batch: Batch) -> Tensor:
        return self.a(batch.image) + self.b(batch.others["more"][0])


class Hidden(nn.Module):
    """Stops in its second layer: the second layer takes 5 values and is given 4."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu())


def as_tuple() -> tuple[Tensor, Tensor]:
    return torch.zeros(1, 10, dtype=torch.long), torch.zeros(1, 3, 16, 16)


def as_names() -> dict[str, Tensor]:
    return {"image": torch.zeros(1, 3, 16, 16), "ids": torch.zeros(1, 10, dtype=torch.long)}


def as_both() -> tuple[tuple[Tensor], dict[str, Tensor]]:
    ids, image = as_tuple()
    return (ids,), {"image": image}


def as_exported() -> tuple[tuple[Tensor, Tensor], dict[str, Tensor]]:
    """As `torch.export.export` is called: what goes by name is stated, also where there is none."""
    return as_tuple(), {}


def as_shapes() -> tuple[Tensor, tuple[int, ...]]:
    return torch.zeros(1, 10, dtype=torch.long), (3, 16, 16)


def nested() -> Batch:
    return Batch(torch.zeros(1, 4), {"more": [torch.zeros(1, 5)]})


def raising() -> None:
    raise ValueError("there is no data")


def nothing() -> None:
    return None


def wanting(size: int) -> Tensor:
    return torch.zeros(1, size)


wrapped = nn.DataParallel(Steps())


def larger_than_any_machine() -> nn.Module:
    """It is made on meta alone."""
    return nn.Linear(10**7, 10**7)


def linear_of_flax() -> Any:
    """It is of JAX, in a file that speaks of PyTorch."""
    from flax import nnx

    return nnx.Linear(3, 2, rngs=nnx.Rngs(0))
