"""What is asked of the witnesses of a person's own module, in tests."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from archscope.oracles import Verification, verify
from archscope.tracing.calling import Called, call_thing

OF_A_MODULE = ["module", "torchinfo", "fvcore", "FLOPs", "Jacobian", "field"]


class Small(nn.Module):
    """16×16 places of 27·16 products, 16·8·2·2 at 8×8 places, and 8·10: 110,592 + 32,768 + 80 = 143,440."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16)
        self.pool, self.up = nn.MaxPool2d(2), nn.ConvTranspose2d(16, 8, 2, 2)
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.up(self.pool(self.norm(self.stem(x)).relu())).sigmoid().mean((2, 3)))


def called(module: nn.Module, *args: Any, **kwargs: Any) -> Called:
    return call_thing(module, args, kwargs)


def asked(it: Called, *witnesses: str) -> Verification:
    return verify(it.network, witnesses or OF_A_MODULE, module=it)


def total(found: Verification, witness: str, quantity: str = "macs") -> Any:
    (only,) = [
        each for each in found.findings if (each.witness, each.layer, each.quantity) == (witness, None, quantity)
    ]
    return only
