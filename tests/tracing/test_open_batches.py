"""A program whose batch may have any length is read as of one sample, as its module is."""

from __future__ import annotations

import torch
from torch import nn

import archscope


class Graph(nn.Module):
    """A layer over the nodes of a graph, of which there may be any number."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def forward(self, x: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        return edges @ self.layer(x)


def test_of_a_batch_of_any_length_one_sample_runs_if_so_few_may() -> None:
    from torch.export import Dim, export

    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 5)).eval()
    alone = 36 * 27 * 4 + 144 * 5
    for least, ran in ((0, 1), (2, 1), (4, 5)):
        program = export(net, (torch.zeros(5, 3, 8, 8),), dynamic_shapes=({0: Dim("batch", min=least)},))
        assert archscope.analyze(program).totals.macs == ran * alone
    assert archscope.analyze(export(net, (torch.zeros(5, 3, 8, 8),))).totals.macs == 5 * alone
    many = Dim("nodes")
    nodes = export(Graph(), (torch.zeros(5, 3), torch.zeros(5, 5)), dynamic_shapes=({0: many}, {0: many, 1: many}))
    assert archscope.analyze(nodes).totals.macs == 5 * 3 * 4 + 5 * 5 * 4
