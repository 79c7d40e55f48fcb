"""Why a number is a dash: each reason where it is true, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import archscope


class Runs(nn.Module):
    """Code of one's own beside a dense layer, and a parameter of one row."""

    def __init__(self, code: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.code, self.a, self.row = code, nn.Linear(4, 4), nn.Parameter(torch.ones(1, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.code(self, self.a(x))


def into_a_view(_: Any, z: Tensor) -> Tensor:
    left = z[:, :2]
    z.add_(1)
    return left * 2


MAPPED = "it ran under `vmap`, for all samples at once"
WRITTEN = "it was written into through another view of its memory"
ACROSS = "it makes one of all samples together, and no rule says what that holds"
OF_PARAMETERS = "it works on parameters with an axis for samples, and no rule follows that"
PLACES = "`max` notes the places of its values, and no rule says what that takes"
ALPHA = "alpha dropout shifts and scales what it leaves, and no rule follows that"
AGAIN = "its code has it run again in the backward pass (`torch.utils.checkpoint`), and no rule follows that"
NO_TYPE = "archscope has no layer type for `erf`"
MISFIT = "this `softmax` takes shapes or weights that its layer type does not"

CASES: dict[str, tuple[Callable[[Any, Tensor], Tensor], ...]] = {
    MAPPED: (lambda m, z: torch.vmap(lambda each: each.cumsum(0))(z),),
    WRITTEN: (into_a_view,),
    ACROSS: (lambda m, z: z - z.mean(0), lambda m, z: z / z.std(0), lambda m, z: z + z.sum()),
    OF_PARAMETERS: (
        lambda m, z: z + m.row @ m.a.weight,
        lambda m, z: z + m.a(m.row),
        lambda m, z: z + m.a(m.row.expand(len(z), -1)),
    ),
    PLACES: (lambda m, z: z.unflatten(1, (2, 2)).max(1)[0],),
    ALPHA: (lambda m, z: F.alpha_dropout(z, 0.5, m.training),),
    AGAIN: (lambda m, z: checkpoint(torch.tanh, z, use_reentrant=False),),
    "": (
        lambda m, z: z - z.mean(1, keepdim=True),
        lambda m, z: z * m.row,
        lambda m, z: m.a(z) + torch.exp(m.row),
        lambda m, z: z.unflatten(1, (2, 2)).amax(1),
        lambda m, z: F.dropout(z, 0.5, m.training),
    ),
}


def reasons(network: archscope.Network) -> set[str]:
    """All that is said of dashes, of numbers and of memory, but for what a grid's end is."""
    seen = network.observed
    assert seen is not None
    said = {why for facts in network.facts.values() for name, why in facts.reasons.items() if name != "output"}
    return {*said, *seen.unruled.values(), *seen.unruled_in_training.values()}


@pytest.mark.parametrize(
    ("why", "code"),
    [(why, each) for why, several in CASES.items() for each in several],
    ids=lambda each: each[:40] or "none" if isinstance(each, str) else "code",
)
def test_a_reason_is_given_where_it_is_true_and_nowhere_else(why: str, code: Callable[[Any, Tensor], Tensor]) -> None:
    said = reasons(archscope.trace(Runs(code), (4,))) & {*CASES}
    assert said == ({why} if why else set())


def test_what_no_type_describes_says_so_and_what_a_type_does_not_take_says_that() -> None:
    network = archscope.trace(Runs(lambda m, z: torch.erf(z.unflatten(1, (2, 2)).softmax(0))), (4,))
    said = [network.facts[node.name].reasons for node in network.nodes if node.layer.type == "function"]
    assert MISFIT in said[0].values()
    assert NO_TYPE not in said[0].values()
