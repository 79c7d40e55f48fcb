"""Connections of products that no layer type describes, where one of what they multiply is weights, or made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

import archscope

Code = Callable[["Multiplies", Tensor], Tensor]


class Multiplies(nn.Module):
    """Products of (4, 5) values with matrices of 3 by 4, low rank updates of them, and vectors of 4."""

    def __init__(self, code: Code) -> None:
        super().__init__()
        self.w, self.a, self.b = (nn.Parameter(torch.rand(shape)) for shape in ((3, 4), (3, 2), (2, 4)))
        self.v, self.c = nn.Parameter(torch.rand(4)), nn.Parameter(torch.rand(3, 5))
        self.code = code

    def merged(self) -> Tensor:
        return self.w + self.a @ self.b

    def forward(self, x: Tensor) -> Tensor:
        return self.code(self, x)


def _each(code: Code) -> Code:
    """The code once for each sample, of one column of it."""
    return lambda net, x: torch.stack([code(net, each[:, 0]) for each in x])


# Each value of a result sums up products of what it is given with weights: a line for each product.
LINES: dict[str, tuple[Code, int]] = {
    "merged, in front": (lambda net, x: net.merged() @ x, 3 * 5 * 4),
    "merged, behind": (lambda net, x: x.mT @ net.merged().T, 5 * 3 * 4),
    "merged, einsum": (lambda net, x: torch.einsum("oi,bis->bos", net.merged(), x), 3 * 5 * 4),
    "merged, tensordot": (lambda net, x: torch.tensordot(x.mT, net.merged(), dims=([2], [1])), 5 * 3 * 4),
    "merged, mv": (_each(lambda net, x: torch.mv(net.merged(), x)), 3 * 4),
    "mv": (_each(lambda net, x: torch.mv(net.w, x)), 3 * 4),
    "dot": (_each(lambda net, x: torch.dot(x, net.v)), 4),
    "vdot": (_each(lambda net, x: torch.vdot(net.v, x)), 4),
    "inner": (lambda net, x: torch.inner(x.mT, net.w), 5 * 3 * 4),
    "outer": (_each(lambda net, x: torch.outer(x, net.v)), 4 * 4),
    "kron": (_each(lambda net, x: torch.kron(x, net.v)), 16),
    "tensordot": (lambda net, x: torch.tensordot(x.mT, net.w.T, 1), 5 * 3 * 4),
    "vecdot": (lambda net, x: torch.linalg.vecdot(x.mT, net.v), 5 * 4),
    "multi_dot": (_each(lambda net, x: torch.linalg.multi_dot([x[None], net.w.T, net.c])[0]), 3 * 4 + 5 * 3),
    "chain_matmul": (_each(lambda net, x: torch.chain_matmul(x[None], net.w.T, net.c)[0]), 3 * 4 + 5 * 3),
}  # fmt: skip


def _rows(code: Code, many: int | None) -> Sequence[archscope.analysis.Row]:
    given = (4, 5) if many is None else torch.rand(many, 4, 5)
    return archscope.analyze(Multiplies(code), given).rows


@pytest.mark.filterwarnings("ignore:torch.chain_matmul is deprecated")
@pytest.mark.parametrize("many", [None, 2])
@pytest.mark.parametrize("name", LINES)
def test_a_product_with_weights_has_a_line_for_each_of_its_products(name: str, many: int | None) -> None:
    code, lines = LINES[name]
    inner = 3 * 4 * 2  # of a low rank update, once for all samples
    many = None if code.__qualname__.startswith("_each") else many  # what a loop takes out may be any axis
    rows = [row for row in _rows(code, many) if row.macs and row.macs != inner]
    assert [row.connections for row in rows] == [lines]
    assert sum(int(row.macs or 0) for row in rows) == (many or 1) * lines


@pytest.mark.parametrize("many", [None, 2])
def test_what_is_learned_and_added_to_a_product_has_a_line_to_each_sum(many: int | None) -> None:
    def added(net: Multiplies, x: Tensor) -> Tensor:
        return torch.baddbmm(net.c[None], net.merged().expand(len(x), 3, 4), x)

    (row,) = [row for row in _rows(added, many) if row.macs and row.macs != 3 * 4 * 2]
    assert row.connections == 3 * 4 * 5 + 3 * 5
    assert row.macs == (many or 1) * 3 * 4 * 5


UNKNOWN: dict[str, Code] = {
    "three": lambda net, x: torch.einsum("bis,oi,bit->bost", x, net.merged(), x),  # values meet each other there too
    "power": lambda net, x: x[:, :3].mT @ torch.matrix_power(net.w[:, :3] * 2, 3),
    "complex": lambda net, x: (net.merged().to(torch.complex64) @ x.to(torch.complex64)).real,
}  # fmt: skip


@pytest.mark.parametrize("name", [*UNKNOWN])
def test_where_products_do_not_tell_there_is_a_dash_and_never_no_line(name: str) -> None:
    rows = [row for row in _rows(UNKNOWN[name], None) if row.type == "function" and row.macs]
    assert rows
    assert any(row.connections is None for row in rows)
    assert not any(row.connections == 0 for row in rows)


def test_a_product_of_two_values_has_no_lines() -> None:
    (row,) = [
        row for row in _rows(lambda _, x: torch.tensordot(x[:, :, 0], x[:, :, 1], dims=([1], [1])), 2) if row.macs
    ]
    assert row.connections in (0, None)
    (row,) = [row for row in _rows(lambda _, x: torch.einsum("bis,bjs->bij", x, x), 2) if row.macs]
    assert row.connections == 0
