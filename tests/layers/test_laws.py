"""Layers drawn at random against PyTorch's modules, put together here by hand: what one refuses, so does the other.

Shapes and weights are those of the module, and multiply-accumulates are counted while it runs, on tensors without
values, where PyTorch takes its products apart. Nothing here is shared with `archscope.building`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archscope.errors import Rejects
from archscope.layers import TYPES, Shape
from archscope.layers.facts import Facts

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

some = settings(max_examples=60)
REFUSES = (RuntimeError, ValueError, AssertionError, IndexError, TypeError)
"""What PyTorch raises where a configuration or an input is none."""

small = st.integers(1, 5)
Made = tuple[list[Shape], int, int]
"""Shapes of the outputs, values of the parameters, multiply-accumulates."""


def ours(type_: str, options: dict[str, Any], shapes: list[Shape]) -> Made | None:
    try:
        facts: Facts = TYPES[type_](**options).facts(*shapes)
    except Rejects:
        return None
    assert facts.macs is not None
    return [tuple(map(int, shape)) for shape in facts.outputs], int(facts.parameters), int(facts.macs)


def theirs(module: Callable[[], nn.Module], run: Callable[..., Any], shapes: list[Shape]) -> Made | None:
    """The module is made and run on one sample; None where PyTorch refuses either."""
    try:
        with torch.device("meta"), warnings.catch_warnings(), FlopCounterMode(display=False) as counter:
            warnings.simplefilter("ignore")
            made = module()
            outputs = run(made, *(torch.empty(shape) for shape in shapes))
    except REFUSES:
        return None
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    held = sum(each.numel() for each in made.parameters())
    return [tuple(each.shape) for each in outputs], held, counter.get_total_flops() // 2


def sometimes(draw: Any, otherwise: Any, wrong: Any) -> Any:
    """Mostly what fits, and one time in six what may not."""
    return draw(wrong) if draw(st.integers(1, 6)) == 6 else otherwise


@st.composite
def attentions(draw: Any) -> tuple[dict[str, Any], list[Shape]]:
    heads = draw(st.integers(1, 4))
    features = sometimes(draw, heads * draw(small), st.integers(1, 16))
    queries, keys = draw(small), draw(small)
    inputs = draw(st.integers(1, 4))
    if inputs == 1:
        keys = queries
    key = (keys, draw(small) if inputs > 1 else features)
    value = (sometimes(draw, keys, small), draw(small)) if inputs > 2 else key
    shapes: list[Shape] = [(queries, features), key, value][:inputs]
    full = (heads, queries, keys)
    if inputs == 4:
        mask = tuple(draw(st.sampled_from([extent, extent, 1])) for extent in full[draw(st.integers(0, 2)) :])
        shapes.append(sometimes(draw, mask, st.lists(small, min_size=1, max_size=4).map(tuple)))
    options = {name: draw(st.booleans()) for name in ("bias", "add_bias_kv", "add_zero_attn")}
    return {"num_heads": heads, "causal": inputs < 4 and draw(st.booleans()), **options}, shapes


@some
@given(attentions())
def test_attention_is_pytorchs_whose_products_are_counted_one_by_one(drawn: tuple[dict[str, Any], list[Shape]]) -> None:
    options, shapes = drawn
    query, key, value = shapes[0], shapes[min(1, len(shapes) - 1)], shapes[min(2, len(shapes) - 1)]

    def module() -> nn.Module:
        rest = {name: options[name] for name in ("bias", "add_bias_kv", "add_zero_attn")}
        return nn.MultiheadAttention(query[1], options["num_heads"], kdim=key[1], vdim=value[1], **rest)

    def run(inner: Any, *tensors: Any) -> Any:
        read = [tensors[min(place, len(tensors) - 1)] for place in range(3)]
        full = (options["num_heads"], query[0], key[0])
        mask = torch.broadcast_to(tensors[3], full) if len(tensors) > 3 else None
        if options["causal"]:
            mask = torch.ones(full[1:]).tril() == 0
        # With the weights asked for, the products run one by one and are counted.
        return inner(*read, need_weights=True, attn_mask=mask)[0]

    assert ours("multihead_attention", options, shapes) == theirs(module, run, shapes)


@st.composite
def products(draw: Any) -> tuple[dict[str, Any], list[Shape]]:
    groups, times = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    grouped = draw(st.booleans())
    outer = draw(st.lists(small, max_size=1))
    heads = groups * times if grouped else groups
    asked = sometimes(draw, heads, st.integers(2, 5)) if groups > 1 else heads
    features = draw(small)
    keys = draw(small)
    shapes: list[Shape] = [
        (*outer, asked, draw(small), features),
        (*outer, groups, keys, sometimes(draw, features, small)),
        (*outer, groups, sometimes(draw, keys, small), draw(small)),
    ]
    return {"is_causal": draw(st.booleans()), "enable_gqa": grouped}, shapes


@some
@given(products())
def test_the_product_of_attention_is_pytorchs(drawn: tuple[dict[str, Any], list[Shape]]) -> None:
    options, shapes = drawn

    def run(_: Any, *tensors: Any) -> Any:
        return functional.scaled_dot_product_attention(*(each.unsqueeze(0) for each in tensors), **options)[0]

    assert ours("scaled_dot_product_attention", options, shapes) == theirs(nn.Identity, run, shapes)


@st.composite
def recurrences(draw: Any) -> tuple[str, dict[str, Any], list[Shape]]:
    type_ = draw(st.sampled_from(["rnn", "lstm", "gru"]))
    hidden, layers, both = draw(st.integers(1, 6)), draw(st.integers(1, 3)), draw(st.booleans())
    options: dict[str, Any] = {"hidden_size": hidden, "num_layers": layers, "bidirectional": both,
                               "bias": draw(st.booleans())}  # fmt: skip
    kept = hidden
    if type_ == "rnn":
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    if type_ == "lstm" and draw(st.booleans()):
        kept = options["proj_size"] = draw(st.integers(1, 6))
    shapes: list[Shape] = [(draw(small), draw(small))]
    if draw(st.booleans()):
        states = [(layers * (1 + both), kept), (layers * (1 + both), hidden)][: 2 if type_ == "lstm" else 1]
        shapes += [sometimes(draw, state, st.tuples(small, small)) for state in states]
    return type_, options, shapes


@some
@given(recurrences())
def test_a_recurrent_layer_is_pytorchs(drawn: tuple[str, dict[str, Any], list[Shape]]) -> None:
    type_, options, shapes = drawn

    def module() -> nn.Module:
        kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[type_]
        return kind(input_size=shapes[0][1], **options)

    def run(inner: Any, x: Any, *states: Any) -> Any:
        output, last = inner(x, states if len(states) > 1 else states[0] if states else None)
        return (output, *(last if isinstance(last, tuple) else (last,)))

    assert ours(type_, options, shapes) == theirs(module, run, shapes)


@st.composite
def cells(draw: Any) -> tuple[str, dict[str, Any], list[Shape]]:
    type_ = draw(st.sampled_from(["rnn_cell", "lstm_cell", "gru_cell"]))
    options = {"hidden_size": draw(small), "bias": draw(st.booleans())}
    shapes: list[Shape] = [(draw(small),)]
    if draw(st.booleans()):
        states = 2 if type_ == "lstm_cell" else 1
        shapes += [(sometimes(draw, options["hidden_size"], small),) for _ in range(states)]
    return type_, options, shapes


@some
@given(cells())
def test_one_step_of_a_recurrence_is_pytorchs(drawn: tuple[str, dict[str, Any], list[Shape]]) -> None:
    type_, options, shapes = drawn

    def module() -> nn.Module:
        kind = {"rnn_cell": nn.RNNCell, "lstm_cell": nn.LSTMCell, "gru_cell": nn.GRUCell}[type_]
        return kind(input_size=shapes[0][0], **options)

    def run(inner: Any, x: Any, *states: Any) -> Any:
        return inner(x, states if len(states) > 1 else states[0] if states else None)

    assert ours(type_, options, shapes) == theirs(module, run, shapes)


@st.composite
def borders(draw: Any) -> tuple[str, int, Any, Shape]:
    word, axes = draw(st.sampled_from(["Zero", "Constant", "Reflection", "Replication", "Circular"])), draw(
        st.integers(1, 3))  # fmt: skip
    sides = draw(st.one_of(st.integers(0, 4), st.lists(st.integers(0, 4), min_size=2 * axes, max_size=2 * axes)))
    return word, axes, sides, tuple(draw(st.lists(small, min_size=axes + 1, max_size=axes + 1)))


@some
@given(borders())
def test_padding_is_pytorchs(drawn: tuple[str, int, Any, Shape]) -> None:
    word, axes, sides, shape = drawn
    value = (7.0,) if word == "Constant" else ()

    def module() -> nn.Module:
        kind = getattr(nn, f"{word}Pad{axes}d")
        return kind(sides if isinstance(sides, int) else tuple(sides), *value)

    options = {"padding": sides, **({"value": 7.0} if value else {})}
    run: Callable[..., Any] = lambda inner, x: inner(x.unsqueeze(0))[0]  # noqa: E731 - a sample is a batch of one
    assert ours(f"{word.lower()}_pad{axes}d", options, [shape]) == theirs(module, run, [shape])


GATES: dict[str, Callable[[Any], Any]] = {
    "glu": torch.sigmoid, "geglu": functional.gelu, "swiglu": functional.silu, "reglu": functional.relu,
}  # fmt: skip


@st.composite
def gates(draw: Any) -> tuple[str, int, int, Shape]:
    type_ = draw(st.sampled_from([*GATES, "maxout"]))
    pieces = draw(st.integers(1, 4)) if type_ == "maxout" else 2
    shape = draw(st.lists(st.integers(1, 3).map(lambda n: n * pieces), min_size=1, max_size=4))
    dim = draw(st.integers(-len(shape), len(shape) - 1))
    shape[dim] = sometimes(draw, shape[dim], small)
    return type_, sometimes(draw, dim, st.integers(-5, 4)), pieces, tuple(shape)


@some
@given(gates())
def test_what_makes_one_value_of_several_is_what_pytorch_makes_of_the_parts(drawn: tuple[str, int, int, Shape]) -> None:
    type_, dim, pieces, shape = drawn

    def run(_: Any, x: Any) -> Any:
        if type_ == "glu":
            return functional.glu(x, dim)
        if type_ == "maxout":
            return x.unflatten(dim, (-1, pieces)).amax(dim + 1 if dim >= 0 else dim)
        value, gate = x.unflatten(dim, (2, -1)).unbind(dim if dim >= 0 else dim - 1)
        return value * GATES[type_](gate)

    options = {"dim": dim, **({"pieces": pieces} if type_ == "maxout" else {})}
    assert ours(type_, options, [shape]) == theirs(nn.Identity, run, [shape])
