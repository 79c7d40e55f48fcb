"""Every witness agrees on, or is explained over, parts of networks as papers' code writes them; counts are by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
import torch
from torch import nn

from archscope.tracing.calling import call_thing
from tests.oracles import papers
from tests.oracles.own_modules import asked

_IMAGE: Final = torch.zeros(1, 4, 6, 6)
_EDGES: Final = torch.tensor([[0, 1, 2, 3, 4, 5, 0, 2, 4], [1, 2, 3, 4, 5, 0, 3, 5, 1]])
_NETWORKS: Final[list[tuple[Callable[[], nn.Module], tuple[Any, ...], int | None]]] = [
    # Votes once, then two products of them a round.
    (papers.Capsules, ((6, 4),), 3 * 6 * 4 * 5 + 3 * 2 * (3 * 6 * 5)),
    (papers.GraphAttention, (torch.zeros(6, 5), _EDGES), 6 * 5 * 8 + 2 * 6 * 8 + 6 * 8 * 3),
    # A determinant has products that nobody has a formula for.
    (papers.Glow, (_IMAGE,), None),
    (papers.Turing, ((4, 8),), 4 * (4 * 16 * (12 + 16) + 2 * 16 * 4 + 6 * 4 + 20 * 3)),
    # Distances, and the codes by rows of zeros and a one.
    (papers.Quantizer, ((3, 16, 16),), 2 * (3 * 16 * 8 * 16) + 2 * (16 * 16 * 8)),
    (papers.Retention, ((7, 16),), 7 * 16 * 48 + 2 * (2 * 7 * 7 * 8)),
    (papers.Hyper, (torch.zeros(2, 3, 6, 6), torch.zeros(2, 5)), 2 * (5 * 216 + 36 * 216)),
    (papers.Modulated, (torch.zeros(2, 4, 5, 5), torch.zeros(2, 6)), 2 * (6 * 4 + 25 * 8 * 4 * 9)),
    (papers.Slots, ((9, 8),), 2 * 9 * 64 + 2 * (3 * 64 + 2 * (9 * 3 * 8) + 3 * (6 * 64))),
]


@pytest.mark.parametrize(("network", "inputs", "macs"), _NETWORKS, ids=[each.__name__ for each, *_ in _NETWORKS])
def test_every_witness_agrees_on_it_or_is_explained(
    network: Callable[[], nn.Module], inputs: tuple[Any, ...], macs: int | None
) -> None:
    module = network()
    read = call_thing(module, inputs, {})
    found = asked(read)
    assert [f"{each.witness}: {each.sentence}" for each in found.differing] == []
    assert found.analysis.totals.macs == macs
    assert found.analysis.totals.parameters == sum(each.numel() for each in module.parameters())
