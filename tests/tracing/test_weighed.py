"""A learned value that a product takes in place of a weight gives it lines, whichever side it stands on."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archscope
from archscope.network import Network, Node, Ref

Way = Callable[..., Tensor]


class Applies(nn.Module):
    """A function of the input and of values that it holds."""

    def __init__(self, way: Way, *held: tuple[int, ...], buffers: bool = False) -> None:
        super().__init__()
        self.way, self.many = way, len(held)
        for place, shape in enumerate(held):
            value = torch.rand(shape) + 0.5
            if buffers:
                self.register_buffer(f"w{place}", value)
            else:
                setattr(self, f"w{place}", nn.Parameter(value))

    def forward(self, x: Tensor) -> Tensor:
        return self.way(x, *(getattr(self, f"w{place}") for place in range(self.many)))


class _Map(NamedTuple):
    """A random linear map of one sample, by one product: its function, the value that it holds, and its input."""

    way: Way
    held: tuple[int, ...]
    given: tuple[int, ...]


def _map(draw: random.Random) -> _Map:
    rows, inner, columns, many = (draw.randint(2, 5) for _ in range(4))
    left = draw.random() < 0.6
    batched = draw.random() < 0.4
    own = batched and draw.random() < 0.6
    turned = draw.random() < 0.3
    kind = draw.choice(["@", "matmul", "bmm", "einsum", "einsum of all", "tensordot", "linear"])
    held = (rows, inner) if left else (inner, columns)
    held = held[::-1] if turned else held
    held = (many, *held) if own else held
    given = (inner, columns) if left else (rows, inner)
    given = (many, *given) if batched else given

    def way(x: Tensor, weight: Tensor) -> Tensor:
        weight = weight.mT if turned else weight
        if kind == "einsum":
            front = "h" if batched else ""
            ours = "h" if own else ""
            words = f"{ours}oi,b{front}il->b{front}ol" if left else f"b{front}oi,{ours}il->b{front}ol"
            return torch.einsum(words, *((weight, x) if left else (x, weight)))
        if kind == "einsum of all":
            return torch.einsum("...oi,...il->...ol", *((weight, x) if left else (x, weight)))
        if kind == "bmm" and not batched:
            weight = weight.expand(len(x), -1, -1)
            return torch.bmm(weight, x) if left else torch.bmm(x, weight)
        if kind == "tensordot" and not own:
            made = torch.tensordot(weight, x, ([1], [x.dim() - 2])) if left else torch.tensordot(x, weight, 1)
            return made.movedim(0, -2) if left else made
        if kind == "linear" and not own:
            return F.linear(x.mT, weight).mT if left else F.linear(x, weight.mT)
        if kind == "matmul":
            return torch.matmul(weight, x) if left else torch.matmul(x, weight)
        return weight @ x if left else x @ weight

    return _Map(way, held, given)


def _entries(module: nn.Module, given: tuple[int, ...]) -> int:
    """How many pairs of a value of the input and one of the output a map joins."""
    jacobian: Any = torch.autograd.functional.jacobian(module, torch.rand(1, *given))
    return int((jacobian != 0).sum())


@pytest.mark.parametrize("buffers", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_a_linear_map_has_the_lines_that_join_its_values_however_it_is_written(seed: int, buffers: bool) -> None:
    found = _map(random.Random(seed))
    module = Applies(found.way, found.held, buffers=buffers)
    totals = archscope.analyze(module, found.given).totals
    made = module(torch.zeros(1, *found.given)).numel()
    assert (totals.connections, totals.units) == (_entries(module, found.given), made), found
    assert totals.connections == totals.connections_in_bounds == totals.macs


_PRODUCTS: dict[str, tuple[Way, tuple[int, ...], tuple[int, ...]]] = {
    "baddbmm": (lambda x, w, *more: torch.baddbmm(*more, w.expand(len(x), -1, -1), x), (3, 4), (4, 5)),
    "baddbmm of values": (lambda x, w, *more: torch.baddbmm(*more, x, w.expand(len(x), -1, -1)), (4, 5), (3, 4)),
    "addmm": (lambda x, w, *more: torch.addmm(*more, w, x[0]), (3, 4), (4, 5)),
    "addmm of values": (lambda x, w, *more: torch.addmm(*more, x[0], w), (4, 5), (3, 4)),
    "addmm in place": (lambda x, w, *more: more[0].expand(3, 5).clone().addmm_(w, x[0]), (3, 4), (4, 5)),
    "addbmm": (lambda x, w, *more: torch.addbmm(more[0].expand(3, 5), w.expand(len(x), -1, -1), x), (3, 4), (4, 5)),
    "addmv": (lambda x, w, *more: torch.addmv(more[0].mean(-1).expand(3), w, x[0]), (3, 4), (4,)),
}
"""Products that are added to something: the call, the weight, and the input."""


@pytest.mark.parametrize("buffers", [False, True])
@pytest.mark.parametrize("name", _PRODUCTS)
def test_a_product_that_is_added_to_a_learned_value_has_its_lines_and_one_for_each_sum(
    name: str, buffers: bool
) -> None:
    way, held, given = _PRODUCTS[name]
    module = Applies(way, held, (3, 5) if name == "addmm of values" else (1, 5), buffers=buffers)
    totals = archscope.analyze(module, given).totals
    made = module(torch.ones(1, *given)).numel()
    assert (totals.connections, totals.units) == (_entries(module, given) + made, made)


# `addmm` of values and a matrix is a dense layer, whatever its bias is.
@pytest.mark.parametrize("name", sorted(_PRODUCTS.keys() - {"addmm of values"}))
def test_a_product_that_is_added_to_nothing_or_to_a_value_has_its_lines_alone(name: str) -> None:
    way, held, given = _PRODUCTS[name]
    nothing = Applies(lambda x, w: way(x, w, x.new_zeros(1, 5)), held)
    value = Applies(lambda x, w: way(x, w, x.sum().expand(1, 5)), held)
    lines = _entries(nothing, given)
    assert archscope.analyze(nothing, given).totals.connections == lines
    assert archscope.analyze(value, given).totals.connections == lines


def test_what_is_added_nought_times_has_no_lines() -> None:
    module = Applies(lambda x, w, b: torch.baddbmm(b, w.expand(len(x), -1, -1), x, beta=0), (3, 4), (1, 5))
    assert archscope.analyze(module, (4, 5)).totals.connections == 60


def test_a_product_of_two_values_that_is_added_to_a_learned_one_does_not_tell_its_lines() -> None:
    module = Applies(lambda x, b: torch.baddbmm(b, x, x.mT), (3, 3))
    assert archscope.analyze(module, (3, 4)).totals.connections is None


@pytest.mark.parametrize(
    ("words", "held", "given", "lines"),
    [("i,bj->bij", (3,), (4,), 12), ("i,bi->bi", (4,), (4,), 4), ("bij,kj->bijk", (2, 5), (3, 5), None),
     ("i,bj->bi", (3,), (4,), None)],
)  # fmt: skip
def test_an_einsum_that_sums_nothing_has_a_line_for_each_value(
    words: str, held: tuple[int, ...], given: tuple[int, ...], lines: int | None
) -> None:
    def way(x: Tensor, weight: Tensor) -> Tensor:
        return torch.einsum(words, *((x, weight) if words.startswith("b") else (weight, x)))

    module = Applies(way, held)
    totals = archscope.analyze(module, given).totals
    assert totals.connections == (_entries(module, given) if words == "bij,kj->bijk" else lines)


@pytest.mark.parametrize("way", [
    lambda x, w: w @ (w @ x), lambda x, w: torch.mm(w, torch.mm(w, x[0])),
    lambda x, w: F.conv1d(F.conv1d(x, w.unsqueeze(-1)), w.flip(0).unsqueeze(-1)),
])  # fmt: skip
@pytest.mark.parametrize("buffers", [False, True])
def test_values_of_a_product_are_units_each_time_that_a_weight_makes_some(way: Way, buffers: bool) -> None:
    totals = archscope.analyze(Applies(way, (4, 4), buffers=buffers), (4, 5)).totals
    assert (totals.connections, totals.units) == (160, 40)


@pytest.mark.parametrize(
    ("learned", "lines", "units"),
    [("q", 3 * 5 * 4, 3 * 6), ("k", 5 * 5 * 4, 5 * 6), ("v", 5 * 5 * 6, 5 * 6), ("kv", 5 * 3 * (4 + 6), 5 * 6),
     ("qk", 3 * 5 * (4 + 6), 3 * 6)],
)  # fmt: skip
@pytest.mark.parametrize("masked", [False, True])
def test_attention_of_learned_queries_keys_or_values_has_the_lines_that_they_weigh(
    learned: str, lines: int, units: int, masked: bool
) -> None:
    queries, keys = 3 if "q" in learned else 5, 3 if learned == "kv" else 5
    shapes = {"q": (queries, 4), "k": (keys, 4), "v": (keys, 6)}

    def way(x: Tensor, *held: Tensor) -> Tensor:
        own = dict(zip(learned, held, strict=False))
        given = {"q": x[..., :4], "k": x[..., :4], "v": x}
        every = [own[name].expand(len(x), -1, -1) if name in own else given[name] for name in "qkv"]
        return F.scaled_dot_product_attention(*every, held[-1] if masked else None)

    mask = [(queries, keys)] if masked else []
    totals = archscope.analyze(Applies(way, *(shapes[name] for name in learned), *mask), (5, 6)).totals
    constant = sum(rows * columns for rows, columns in mask)
    assert (totals.connections, totals.units) == (lines + constant, units + constant)


@pytest.mark.parametrize(
    ("way", "held", "given", "connections", "units"),
    [
        # 3·4·5 products of the weight and the value, and the 3·2·4 that make the weight.
        (lambda x, a, b: (a @ b) @ x, [(3, 2), (2, 4)], (4, 5), 60 + 24, 15),
        (lambda x, w, a, b: (w + a @ b) @ x, [(3, 4), (3, 2), (2, 4)], (4, 5), 60 + 24, 15),
        (lambda x, w, a, b: F.linear(x, w + a @ b), [(12, 8), (12, 2), (2, 8)], (8,), 96 + 192, 12),
        (lambda x, w: w.exp() @ x, [(3, 4)], (4, 5), 60, 15),
        (lambda x, w: w.double() @ x.double(), [(3, 4)], (4, 5), 60, 15),
        (lambda x, w: w[:2] @ x, [(3, 4)], (4, 5), 40, 10),
        (lambda x, w: (w @ x.unsqueeze(-1)).squeeze(-1), [(3, 4)], (4,), 12, 3),
        (lambda x, w: x @ w, [(4,)], (5, 4), 20, 5),
        # Once more over what it made: 4·4·5 each.
        (lambda x, w: w @ (w @ x), [(4, 4)], (4, 5), 160, 40),
        (lambda x, w: w.mT @ (w @ x), [(3, 4)], (4, 5), 120, 15 + 20),
        # Keys that are learned; the second product is of two values.
        (lambda x, q: (q @ x.mT).softmax(-1) @ x, [(3, 4)], (5, 4), 60, 15),
    ],
)  # fmt: skip
def test_weights_of_a_product_are_no_units_and_have_no_lines_but_its(
    way: Way, held: list[tuple[int, ...]], given: tuple[int, ...], connections: int, units: int
) -> None:
    totals = archscope.analyze(Applies(way, *held), given).totals
    assert (totals.connections, totals.units) == (connections, units)
    assert totals.parameters == sum(torch.Size(shape).numel() for shape in held)


def test_weights_that_a_module_holds_as_buffers_make_a_weight_without_lines() -> None:
    module = Applies(lambda x, w, a, b: (w + a @ b) @ x, (3, 4), (3, 2), (2, 4), buffers=True)
    totals = archscope.analyze(module, (4, 5)).totals
    assert (totals.connections, totals.units, totals.fixed) == (60 + 24, 15, 26)


@pytest.mark.parametrize(
    ("way", "lines"),
    [
        (lambda x, w: torch.cat([w @ x, w.expand(len(x), -1, -1)], 2), 4 * 4 * 5 + 16),
        (lambda x, w: w @ torch.cat([x, w.expand(len(x), -1, -1)], 2), 4 * 4 * 9 + 16),
    ],
)
def test_a_learned_value_that_is_read_as_one_too_has_its_constant_lines(way: Way, lines: int) -> None:
    assert archscope.analyze(Applies(way, (4, 4)), (4, 5)).totals.connections == lines


def test_a_product_of_a_value_and_of_what_nobody_holds_has_no_lines() -> None:
    module = Applies(lambda x: torch.zeros_like(x).mT @ x)
    assert archscope.analyze(module, (4, 5)).totals.connections == 0


def _written(*, given: bool) -> Network:
    types = archscope.layers.TYPES
    nodes = [
        Node("p", types["parameter"](shape=[3, 4]), (), "p"),
        Node("m", types["matmul"](), (Ref("p"), Ref("input")), "m"),
    ]
    return Network("net", {"input": (4, 5)}, nodes, (Ref("m"), Ref("p")) if given else ())


def test_a_network_that_is_written_has_those_lines_too() -> None:
    totals = archscope.analyze(_written(given=False)).totals
    assert (totals.connections, totals.units, totals.dense_equivalent) == (60, 15, 20 * 15)
    assert _written(given=False).facts["m"].connections.working == "3·4·5"


def test_a_weight_that_is_given_as_a_result_is_a_value() -> None:
    totals = archscope.analyze(_written(given=True)).totals
    assert (totals.connections, totals.units) == (60 + 12, 15 + 12)


def test_a_spec_of_such_a_module_has_its_numbers() -> None:
    network = archscope.trace(Applies(lambda x, w: w @ x, (3, 4)), (4, 5))
    again = Network("again", network.inputs, network.nodes, network.outputs)
    assert archscope.analyze(again).totals == archscope.analyze(network).totals
