"""What is counted of modules of Flax NNX and Equinox: the products and the weights of their jaxprs, and no others."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from archscope import UsageError, analyze
from archscope.importing.graph import Graph
from archscope.importing.jax import counting
from archscope.importing.jax.calling import call_module
from archscope.importing.jax.counting import Tally, tally
from archscope.importing.jax.reading import graph_of
from archscope.importing.jax.tracing import traced
from archscope.opening import open_network
from tests.importing import jax_nets
from tests.importing.jax_nets import Own


def jaxpr_of(module: Any, shape: tuple[int, ...]) -> Any:
    return traced(module, [jax.ShapeDtypeStruct((1, *shape), "float32")], {}, None).jaxpr


PRODUCTS = [
    # name, function, sample, weights, multiply-accumulates
    ("a matrix", lambda x, w: x @ w, (5, 4), {"w": (4, 3)}, 5 * 4 * 3),
    ("several axes at once", lambda x, w: jnp.einsum("bld,dhe->bhle", x, w), (5, 4), {"w": (4, 2, 3)}, 5 * 4 * 2 * 3),
    ("two values", lambda x: jnp.einsum("bid,bjd->bij", x, x), (5, 4), {}, 5 * 5 * 4),
    ("matrices alone", lambda x, a, b: x @ (a @ b), (4,), {"a": (4, 2), "b": (2, 4)}, 4 * 2 * 4 + 4 * 4),
    ("groups", lambda x, w: jax.lax.conv_general_dilated(x, w, (2, 2), "VALID", feature_group_count=2,
        dimension_numbers=("NHWC", "HWIO", "NHWC")), (7, 7, 4), {"w": (3, 3, 2, 6)}, 3 * 3 * 6 * 9 * 2),
    ("holes in the kernel", lambda x, w: jax.lax.conv_general_dilated(x, w, (1, 1), "VALID", rhs_dilation=(2, 2)),
        (2, 7, 7), {"w": (6, 2, 3, 3)}, 3 * 3 * 6 * 9 * 2),
    ("zeros between values", lambda x, w: jax.lax.conv_transpose(x, w, (2, 2), "SAME"), (8, 8, 4), {"w": (3, 3, 4, 6)},
        8 * 8 * 4 * 6 * 9),
    ("samples as groups", lambda x, w: jax.lax.conv_general_dilated(jnp.concatenate([x, x]), w, (1, 1), "VALID",
        batch_group_count=2), (2, 5, 5), {"w": (6, 2, 3, 3)}, 3 * 3 * 6 * 9 * 2),
    ("rows with a matrix for each group", lambda x, w: jax.lax.ragged_dot(x[0], w, jnp.array([2, 3])), (5, 4),
        {"w": (2, 4, 3)}, 5 * 4 * 3),
    ("steps of a scan", lambda x, w: jax.lax.scan(lambda c, _: (jnp.tanh(c @ w), None), x, None, length=7)[0], (4,),
        {"w": (4, 4)}, 7 * 4 * 4),
    ("a loop that multiplies nothing", lambda x: jax.lax.while_loop(lambda c: c.sum() < 9, lambda c: c + 1, x), (4,),
        {}, 0),
    ("branches that are alike", lambda x, w: jax.lax.cond(x.sum() > 0, lambda c: c @ w, lambda c: c @ w + 1, x), (4,),
        {"w": (4, 4)}, 16),
    ("what is worked out twice while training", lambda x, w: jax.checkpoint(lambda y: jnp.sin(y @ w))(x), (4,),
        {"w": (4, 4)}, 16),
    ("a function with its own derivative", lambda x, w: _halved(x @ w), (4,), {"w": (4, 4)}, 16 + 16),
    ("attention", lambda x: jax.nn.dot_product_attention(x, x, x), (6, 2, 4), {}, 2 * 2 * 6 * 6 * 4),
    ("sums of halves, and of halves of these", lambda x, w: jax.lax.associative_scan(jnp.add, x @ w, axis=1), (5, 4),
        {"w": (4, 4)}, 5 * 16),
    ("with a matrix of one number", lambda x: x @ jnp.full((4, 3), 2.0), (5, 4), {}, 5 * 4 * 3),
    ("a matrix of one number with weights", lambda x, w: x + jnp.full((1, 3), 2.0) @ w, (4,), {"w": (3, 4)}, 3 * 4),
    ("a function that is compiled", lambda x, w: jax.jit(lambda y: y @ w)(x), (4,), {"w": (4, 3)}, 12),
]  # fmt: skip


NO_PRODUCTS_KNOWN = {"custom_linear_solve", "dce_sink", "fft", "stage"}
"""Of JAX's operations those that say "not covered": it is not known what they multiply, or they hold other code."""


def test_every_operation_of_jax_has_a_rule_or_none_on_purpose() -> None:
    every = {each.name for name, each in vars(jax.lax).items() if name.endswith("_p")}
    assert every - {*counting._NONE, *counting._RULES, *counting.INSIDE} <= NO_PRODUCTS_KNOWN


def test_what_is_multiplied_to_make_a_weight_of_another_is_not_covered_where_nobody_knows_it() -> None:
    found = analyze(Own(lambda x, w: x @ jnp.linalg.qr(w)[0], w=(4, 4)), (5, 4))
    (node,) = found.network.nodes
    assert (found.totals.macs, found.totals.parameters) == (None, 16)
    assert found.network.facts[node.name].reasons["macs"] == "what `qr` multiplies is not known"
    assert found.network.facts[node.name].macs_at_least == 5 * 16


def test_what_is_stacked_and_taken_apart_multiplies_nothing() -> None:
    def cut(x: Any) -> Any:
        first, _, last = jnp.unstack(x, axis=1)
        return jnp.stack([first.at[0].subtract(1.0), last], axis=-1)

    found = analyze(call_module(Own(cut), [jax.ShapeDtypeStruct((1, 3, 4), jnp.float32)], {}).network)
    assert (found.totals.macs, found.rows[-1].label, found.rows[-1].output) == (0, "stack", (4, 2))
    assert [each.label for each in found.rows if each.label.startswith("select")] == ["select 0", "select 2"]


def test_a_number_is_the_same_number_however_it_is_cut() -> None:
    def run(x: Any) -> Any:
        twos = jnp.full((2, 4, 3), 2.0)
        return x + jnp.flip(jnp.transpose(twos, (0, 2, 1)), 1)[:1, 1, 1:][..., 0]

    found = analyze(call_module(Own(run), [jax.ShapeDtypeStruct((1, 4), jnp.float32)], {}).network)
    assert [(each.label, each.output, each.macs) for each in found.rows] == [("+2", (4,), 0)]


@jax.custom_vjp
def _halved(x: Any) -> Any:
    return x @ jnp.eye(4) / 2


_halved.defvjp(lambda x: (_halved(x), None), lambda _, g: (g / 2,))


@pytest.mark.parametrize(("function", "sample", "weights", "macs"), [each[1:] for each in PRODUCTS],
                         ids=[each[0] for each in PRODUCTS])  # fmt: skip
def test_products_are_those_of_the_jaxpr(
    function: Callable[..., Any], sample: tuple[int, ...], weights: dict[str, tuple[int, ...]], macs: int
) -> None:
    module = Own(function, **weights)
    assert tally(jaxpr_of(module, sample).jaxpr).macs == macs
    found = analyze(module, sample).totals
    assert found.macs == macs
    assert found.parameters == sum(int(np.prod(each)) for each in weights.values())


UNKNOWN = [
    (lambda x, w: jax.lax.while_loop(lambda c: c.sum() < 3, lambda c: jnp.tanh(c @ w), x),
     "how often a `while_loop` runs is not known without its values", 0),
    (lambda x, w: jax.lax.cond(x.sum() > 0, lambda c: c @ w @ w, lambda c: c @ w, x),
     "which branch of a `cond` runs is not known without its values", 16),
    (lambda x, w: jnp.linalg.svd(w @ x[0][:, None])[0], "what `svd` multiplies is not known", 16),
]  # fmt: skip


@pytest.mark.parametrize(("function", "why", "least"), UNKNOWN, ids=["while", "cond", "svd"])
def test_what_depends_on_values_is_not_covered_and_says_why(function: Any, why: str, least: int) -> None:
    found = analyze(Own(function, w=(4, 4)), (4,))
    assert found.totals.macs is None
    assert why in [row.reason("macs") for row in found.rows]
    assert found.totals.macs_at_least == least


def stacked(seed: int) -> tuple[Any, tuple[int, ...]]:
    """Layers of Flax one after another, as they fit."""
    draw = random.Random(seed)
    channels, size = draw.randint(1, 4), draw.randint(6, 9)
    return nnx.eval_shape(lambda: _stacked(draw, channels)), (size, size, channels)


def _stacked(draw: random.Random, channels: int) -> nnx.Sequential:
    layers, rngs = [], nnx.Rngs(0)
    for _ in range(draw.randint(2, 6)):
        kind = draw.choice(
            ["conv", "depthwise", "transposed", "batch", "group", "layer", "dense", "relu", "pool", "drop"]
        )
        after = draw.randint(1, 5)
        if kind == "conv":
            layers.append(nnx.Conv(channels, after, (draw.randint(1, 3),) * 2, strides=draw.randint(1, 2), rngs=rngs,
                                   padding=draw.choice(["SAME", 1]), use_bias=draw.random() < 0.5))  # fmt: skip
        elif kind == "depthwise":
            after = channels
            layers.append(nnx.Conv(channels, channels, (3, 3), feature_group_count=channels, rngs=rngs))
        elif kind == "transposed":
            layers.append(nnx.ConvTranspose(channels, after, (3, 3), strides=2, padding="SAME", rngs=rngs))
        elif kind == "dense":
            layers.append(nnx.Linear(channels, after, rngs=rngs))
        else:
            after = channels
            made: dict[str, Callable[[], Any]] = {
                "batch": lambda: nnx.BatchNorm(channels, rngs=rngs),  # noqa: B023
                "group": lambda: nnx.GroupNorm(channels, num_groups=1, rngs=rngs),  # noqa: B023
                "layer": lambda: nnx.LayerNorm(channels, rngs=rngs),  # noqa: B023
                "relu": lambda: nnx.silu,
                "pool": lambda: lambda x: nnx.max_pool(x, (2, 2), padding="SAME"),
                "drop": lambda: nnx.Dropout(0.5, rngs=rngs),
            }
            layers.append(made[kind]())
        channels = after
    return nnx.Sequential(*layers)


def chained(seed: int) -> tuple[Any, tuple[int, ...]]:
    """Layers of Equinox one after another, as they fit."""
    draw = random.Random(seed)
    channels, size = draw.randint(1, 4), draw.randint(6, 9)
    return eqx.filter_eval_shape(lambda key: _chained(draw, channels, key), jax.random.key(0)), (channels, size, size)


def _chained(draw: random.Random, channels: int, key: Any) -> eqx.nn.Sequential:
    layers: list[Any] = []
    for _ in range(draw.randint(1, 4)):
        kind, after = draw.choice(["conv", "transposed", "group", "relu", "pool", "drop"]), draw.randint(1, 5)
        if kind == "conv":
            layers.append(eqx.nn.Conv2d(channels, after, 3, padding=1, stride=draw.randint(1, 2), key=key))
        elif kind == "transposed":
            layers.append(eqx.nn.ConvTranspose2d(channels, after, 3, stride=2, key=key))
        else:
            after = channels
            layers.append({"group": eqx.nn.GroupNorm(1, channels), "relu": eqx.nn.Lambda(jax.nn.gelu),
                           "pool": eqx.nn.AvgPool2d(2, 1, padding=1), "drop": eqx.nn.Dropout()}[kind])  # fmt: skip
        channels = after
    ends = [eqx.nn.AdaptiveAvgPool2d(1), eqx.nn.Lambda(jnp.ravel), eqx.nn.Linear(channels, 3, key=key)]
    return eqx.nn.Sequential([*layers, *ends])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("made", [stacked, chained])
def test_rows_add_up_to_the_jaxpr_whatever_is_stacked(made: Callable[[int], Any], seed: int) -> None:
    module, shape = made(seed)
    found = analyze(module, shape)
    assert found.totals.macs == tally(jaxpr_of(module, shape).jaxpr).macs
    weights = jax.tree.leaves(nnx.state(module, nnx.Param) if isinstance(module, nnx.Module) else module)
    assert found.totals.parameters == sum(
        each.size for each in weights if jnp.issubdtype(getattr(each, "dtype", int), jnp.inexact)
    )


def test_xla_counts_as_many_operations() -> None:
    def made() -> nnx.Sequential:
        rngs = nnx.Rngs(0)
        conv = nnx.Conv(3, 8, (3, 3), padding="VALID", use_bias=False, rngs=rngs)
        return nnx.Sequential(conv, lambda x: x.reshape(1, -1), nnx.Linear(8 * 36, 5, use_bias=False, rngs=rngs))

    module = nnx.eval_shape(made)
    graph, state = nnx.split(module)
    run = jax.jit(lambda state, x: nnx.merge(graph, state)(x))
    cost = run.lower(state, jax.ShapeDtypeStruct((1, 8, 8, 3), "float32")).cost_analysis()
    assert cost["flops"] == 2 * analyze(module, (8, 8, 3)).totals.macs


def test_several_samples_are_counted_together() -> None:
    one, three = (open_network(f"{jax_nets.__name__}:lenet5@32,32,1", batch=batch) for batch in (1, 3))
    assert analyze(three).totals.macs == 3 * analyze(one).totals.macs
    assert [row.output for row in analyze(three).rows] == [row.output for row in analyze(one).rows]


def test_layers_of_files_in_which_a_product_would_be_lost_are_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(graph: Graph, *_: Any) -> Graph:
        return graph.replace(operators=tuple(each.replace(attributes={}) for each in graph.operators))

    monkeypatch.setattr("archscope.importing.jax.reading.as_files", lost)
    assert analyze(Own(lambda x, w: x @ w, w=(4, 3)), (5, 4)).totals.macs == 5 * 4 * 3


def test_rows_that_would_not_add_up_give_no_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def twice(*args: Any, as_layers: bool, factory: str) -> Any:
        asked.append(as_layers)
        graph = graph_of(*args, as_layers=as_layers, factory=factory)
        return graph.replace(operators=tuple(
            each.replace(attributes={**each.attributes, "tally": Tally(2 * each.attributes["tally"].macs)})
            if each.type == "MatMul" and each.path == "f6" else each for each in graph.operators
        ))  # fmt: skip

    monkeypatch.setattr("archscope.importing.jax.reading.graph_of", twice)
    with pytest.raises(UsageError, match=r"the rows multiply 426,600 and its jaxpr 416,520; .* rather than wrong ones"):
        analyze(jax_nets.lenet5(), (32, 32, 1))
    assert asked == [True, False]
