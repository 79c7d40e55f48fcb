"""What archscope builds, exported by PyTorch, is the layer that it was: by the class that the program names."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope.building.modules import Experts
from archscope.building.padding import CroppedConvTranspose2d
from archscope.building.sequences import GroupedAttention
from archscope.formats import write
from archscope.tracing.unwrapped import unwrapped

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

DRAWN = torch.Generator().manual_seed(0)
WORDS, OTHERS = torch.randn(2, 7, 12, generator=DRAWN), torch.randn(2, 5, 12, generator=DRAWN)
MAPS, MASK = torch.randn(2, 4, 5, 6, generator=DRAWN), torch.zeros(2, 7, 5)


class Around(nn.Module):
    """A module within another, which is given its inputs as code gives them: ``order`` by their places."""

    def __init__(self, part: nn.Module, order: tuple[int, ...] = (0,)) -> None:
        super().__init__()
        self.part, self.order = part, order

    def forward(self, *given: Tensor) -> Tensor:
        return 2 * self.part(*(given[each] for each in self.order))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("module", "inputs"),
    [
        (Around(Experts(12, 4, 2, 10)), (WORDS,)),
        (Around(Experts(12, 4, 3, 10, gated=False, nonlinearity="gelu", bias=True, router_bias=True)), (WORDS,)),
        (Around(Experts(12, 3, 1, 6, nonlinearity="relu", shared=2, bias=True)), (WORDS,)),
        (Around(GroupedAttention(12, 4, 2, 3)), (WORDS,)),
        (Around(GroupedAttention(12, 4, 1, 5, bias=("query", "value"), causal=True)), (WORDS,)),
        (Around(GroupedAttention(12, 4, 2, 5, bias=("key", "output")), (1, 0, 0)), (OTHERS, WORDS)),
        (Around(GroupedAttention(12, 2, 2, 3, kdim=12, vdim=4), (2, 0, 1)), (OTHERS, OTHERS[..., :4], WORDS)),
        (Around(GroupedAttention(12, 4, 2, 3), (0, 1, 1, 2)), (WORDS, OTHERS, MASK)),
        (Around(CroppedConvTranspose2d(4, 6, (3, 2), stride=2, groups=2, sides=((1, 2), (0, 1)))), (MAPS,)),
    ],
    ids=["experts", "biased", "shared", "grouped", "causal", "cross", "widths", "mask", "cut"],
)
def test_what_archscope_builds_is_the_layer_that_it_was(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    program = torch.export.export(module.eval(), inputs)
    ours, theirs = (archscope.analyze(each, *inputs) for each in (program, module))
    assert write(ours, "csv") == write(theirs, "csv")
    with torch.no_grad():
        assert torch.allclose(unwrapped(program)(*inputs), module(*inputs), atol=1e-5)


class Own(Experts):
    """A class of somebody's, whose code may do anything."""


def test_another_class_stays_what_it_does() -> None:
    program: Any = torch.export.export(Around(Own(12, 4, 2, 10)).eval(), (WORDS,))
    assert "mixture_of_experts" not in [row.type for row in archscope.analyze(program).rows]
