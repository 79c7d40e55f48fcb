"""Positions of an axis that one call takes apart: one operation to autograd, which stacks their gradients at once."""

from __future__ import annotations

import pytest
from torch import Tensor, nn

from archscope.oracles import verify
from archscope.tracing.calling import call_thing


class HandWritten(nn.Module):
    """Attention as many write it: queries, keys and values by `unbind`, by unpacking, or one by one."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.qkv, self.out, self.way = nn.Linear(48, 144), nn.Linear(48, 48), way

    def forward(self, x: Tensor) -> Tensor:
        batch, positions, width = x.shape
        joined = self.qkv(x).reshape(batch, positions, 3, 4, 12).permute(2, 0, 3, 1, 4)
        if self.way == "one by one":
            q, k, v = joined[0], joined[1], joined[2]
        elif self.way == "unbind":
            q, k, v = joined.unbind(0)
        else:
            q, k, v = joined
        scores = (q @ k.transpose(-2, -1)).softmax(-1)
        return self.out((scores @ v).transpose(1, 2).reshape(batch, positions, width))


class OneOfFour(nn.Module):
    """Of four parts one is read: `unbind` gives a zero for each of the others, and no tensor of zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(3, 32, 3), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        first, *_ = self.conv(x).unflatten(1, (4, 8)).unbind(1)
        return self.out(first.relu().sum(1))


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (HandWritten("unbind"), (17, 48)),
        (HandWritten("unpacked"), (17, 48)),
        (HandWritten("one by one"), (17, 48)),
        (OneOfFour(), (3, 8, 8)),
    ],
    ids=["unbind", "unpacked", "one by one", "one of four"],
)
def test_parts_that_are_taken_at_once_have_their_gradients_stacked_at_once(
    module: nn.Module, shape: tuple[int, ...]
) -> None:
    called = call_thing(module, (shape,), {})
    found = verify(called.network, ["memory"], module=called)
    assert [each.sentence for each in found.differing] == []
    assert {each.quantity for each in found.findings if each.theirs} >= {
        "most bytes in backward, training with Adam, 2 samples"
    }


def test_what_one_call_makes_is_known_by_its_first_node() -> None:
    def observed(way: str) -> object:
        return call_thing(HandWritten(way), ((17, 48),), {}).network.observed.together  # type: ignore[union-attr]

    assert observed("unbind") == observed("unpacked") == {"select": ("select", "select_2", "select_3")}
    assert observed("one by one") == {}
