"""Modules of Flax NNX and Equinox, read from their jaxprs."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from torch import nn

import archscope
from archscope import UsageError, analyze
from archscope.importing.jax.counting import Tally, tally
from archscope.importing.jax.reading import graph_of, read_module
from archscope.importing.jax.tracing import traced
from archscope.opening import open_network
from tests.conftest import Run
from tests.importing import jax_nets

NETS = "tests.importing.jax_nets"


class Own(nnx.Module):
    """A function of its own, with weights of some shapes."""

    def __init__(self, function: Callable[..., Any], **shapes: tuple[int, ...]) -> None:
        self.function = function
        for name, shape in shapes.items():
            setattr(self, name, nnx.Param(jax.ShapeDtypeStruct(shape, jnp.float32)))

    def __call__(self, x: Any) -> Any:
        weights = {name: value[...] for name, value in vars(self).items() if isinstance(value, nnx.Param)}
        return self.function(x, **weights)


def jaxpr_of(module: Any, shape: tuple[int, ...]) -> Any:
    return traced(module, [jax.ShapeDtypeStruct((1, *shape), "float32")], {}, None).jaxpr


def rows(network: Any) -> list[tuple[Any, ...]]:
    """What a table says, row by row, without the names; pools and the like are there too."""
    return [(row.label, row.output, row.parameters, row.fixed, row.macs, row.connections, row.receptive_field)
            for row in analyze(network).rows]  # fmt: skip


@pytest.mark.parametrize("made", ["lenet5@32,32,1", "equinox_lenet5@1,32,32"])
def test_lenet_5_has_the_numbers_of_the_spec(made: str) -> None:
    ours, spec = analyze(f"{NETS}:{made}"), analyze("lenet5-pytorch")
    numbers = [[(row.output, row.parameters, row.macs, row.connections) for row in each.rows] for each in (ours, spec)]
    assert numbers[0] == numbers[1]
    assert ours.totals.parameters == 61_706
    assert ours.totals.macs == 416_520


def test_resnet_50_in_flax_has_the_parameters_and_the_products_of_the_spec() -> None:
    ours, spec = analyze(f"{NETS}:resnet50@224,224,3").totals, analyze("resnet@50-v1.5").totals
    assert ours.parameters == spec.parameters == 25_557_032
    assert ours.macs == spec.macs
    assert ours.fixed == spec.fixed
    assert ours.connections == spec.connections


def test_a_small_residual_network_is_that_of_pytorch_row_by_row() -> None:
    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            width = outputs // 4
            self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
            self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
            self.conv3, self.bn3 = nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
            self.down, self.norm = nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)

        def forward(self, x: Any) -> Any:
            y = self.bn1(self.conv1(x)).relu()
            y = self.bn3(self.conv3(self.bn2(self.conv2(y)).relu()))
            return (y + self.norm(self.down(x))).relu()

    stem = (nn.Conv2d(3, 4, 7, 2, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 1000))
    theirs = nn.Sequential(*stem, Block(4, 16, 1), Block(16, 32, 2), *head)
    assert rows(open_network(f"{NETS}:small_resnet@32,32,3")) == rows(archscope.trace(theirs, (3, 32, 32)))


def test_a_block_with_tokens_has_the_layers_by_name_and_a_table_that_counts_once() -> None:
    found = analyze(jax_nets.encoder(), (6,))
    assert [(row.name, row.label) for row in found.rows] == [
        ("table", "embedding of 50"), ("places", "parameter"), ("add", "add"), ("ln1", "LN"),
        ("attention", "attention, 4 heads"), ("add_2", "add"), ("ln2", "LN"), ("fc1", "linear"), ("fc2", "linear"),
        ("drop", "dropout"), ("add_3", "add"), ("linear", "linear"),
    ]  # fmt: skip
    # 50·16 + 6·16 + 2·32 + 4·(16·16 + 16) + 17·64 + 65·16; the table that ends it is the first one
    assert found.totals.parameters == 800 + 96 + 64 + 1088 + 1088 + 1040
    # projections 4·6·16·16, scores and sums 2·6·6·16, the two dense layers 2·6·16·64, the table 6·16·50
    assert found.totals.macs == 6144 + 1152 + 12_288 + 4800


def test_an_equinox_block_is_read_with_its_key_and_its_state() -> None:
    found = analyze(f"{NETS}:equinox_block@6,16")
    assert [row.name for row in found.rows] == ["ln1", "attention", "add", "ln2", "mlp.layers.0", "mlp.layers.1",
                                                "drop", "add_2"]  # fmt: skip
    assert found["attention"].parameters == 4 * 16 * 16
    normed = analyze(f"{NETS}:equinox_normed@3,8,8")
    assert [row.label for row in normed.rows] == ["conv 3×3", "BN", "global average pool", "flatten", "linear"]
    assert normed["norm"].fixed == 16
    assert analyze(jax_nets.equinox_normed(), (3, 8, 8)).totals == normed.totals


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
    ("a function that is compiled", lambda x, w: jax.jit(lambda y: y @ w)(x), (4,), {"w": (4, 3)}, 12),
]  # fmt: skip


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


def test_nothing_of_a_module_or_of_its_classes_changes() -> None:
    rngs = nnx.Rngs(0)
    module = nnx.Sequential(nnx.Linear(3, 3, rngs=rngs), nnx.BatchNorm(3, rngs=rngs), nnx.Dropout(0.5, rngs=rngs))
    beside = jax_nets.equinox_normed()
    calls = {
        owner: vars(owner).get("__call__") for owner in (nnx.Linear, nnx.MultiHeadAttention, eqx.nn.Conv2d, eqx.nn.Conv)
    }
    before = jax.tree.map(np.asarray, nnx.to_pure_dict(nnx.state(module, nnx.Not(nnx.RngKey))))
    leaves = [id(each) for each in jax.tree.leaves(beside)]
    run = jax.jit(lambda x: nnx.relu(x) * 2)
    first = run(jnp.ones(3))
    analyze(module, (3,))
    analyze(beside, (3, 8, 8))
    after = jax.tree.map(np.asarray, nnx.to_pure_dict(nnx.state(module, nnx.Not(nnx.RngKey))))
    assert jax.tree.all(jax.tree.map(np.array_equal, before, after))
    assert module.layers[2].deterministic is False
    assert module.layers[1].use_running_average is False
    assert module.layers[2].rngs.count[...] == before["layers"][2]["rngs"]["count"]
    assert [id(each) for each in jax.tree.leaves(beside)] == leaves
    assert calls == {owner: vars(owner).get("__call__") for owner in calls}
    assert (run(jnp.ones(3)) == first).all()


def test_what_is_compiled_beside_a_module_has_no_marks_in_it() -> None:
    layer = nnx.Linear(3, 2, rngs=nnx.Rngs(0))
    graph, state = nnx.split(layer)
    run = jax.jit(lambda state, x: nnx.merge(graph, state)(x))

    class Compiled(nnx.Module):
        def __init__(self) -> None:
            self.layer = layer

        def __call__(self, x: Any) -> Any:
            return run(nnx.state(self.layer), x)

    found = analyze(Compiled(), (3,))
    assert found.totals.macs == 6
    assert "archscope" not in str(jax.make_jaxpr(run)(state, jnp.zeros((1, 3))))


def test_values_written_out_are_the_layers_that_they_are() -> None:
    def written(x: Any, w: Any) -> Any:
        x = x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + 1e-6) * w
        return jax.nn.softmax(jax.nn.gelu(x, approximate=False))

    found = analyze(Own(written, w=(4,)), (5, 4))
    assert [(row.label, row.parameters) for row in found.rows] == [("RMS norm", 4), ("softmax", 0)]
    assert [node.layer.type for node in found.network.nodes] == ["rms_norm", "gelu", "softmax"]


def test_average_pools_say_whether_the_border_counts() -> None:
    found = [analyze(Own(lambda x, counted=counted: nnx.avg_pool(x, (2, 2), padding="SAME", count_include_pad=counted)),
                     (5, 5, 2)).network.nodes[0].layer for counted in (True, False)]  # fmt: skip
    assert [each.type for each in found] == ["avg_pool2d"] * 2
    assert [each.count_include_pad for each in found] == [True, False]


def test_several_samples_are_counted_together() -> None:
    one, three = (open_network(f"{NETS}:lenet5@32,32,1", batch=batch) for batch in (1, 3))
    assert analyze(three).totals.macs == 3 * analyze(one).totals.macs
    assert [row.output for row in analyze(three).rows] == [row.output for row in analyze(one).rows]


class Tagger(nnx.Module):
    """Recurrence, whose steps come out in front of the samples, and attention over them."""

    def __init__(self) -> None:
        keys = nnx.Rngs(0)
        self.table, self.out = nnx.Embed(20, 8, rngs=keys), nnx.Linear(12, 5, rngs=keys)
        self.steps = nnx.RNN(nnx.LSTMCell(8, 12, rngs=keys), rngs=keys)
        self.seen = nnx.MultiHeadAttention(4, 12, rngs=keys, decode=False)

    def __call__(self, x: Any) -> Any:
        return self.out(self.seen(self.steps(self.table(x))))


@pytest.mark.parametrize("batch", [1, 2])
def test_what_a_scan_stacks_has_its_samples_behind_the_steps(batch: int) -> None:
    network = read_module(Tagger(), [jax.ShapeDtypeStruct((batch, 7), jnp.int32)], {}, name="tagger", path="",
                          batch=batch)  # fmt: skip
    assert [network.facts[node.name].output for node in network.nodes][-2:] == [(7, 12), (7, 5)]
    steps, seen, out = 7 * 4 * 12 * (8 + 12), 4 * 7 * 12 * 12 + 2 * 7 * 7 * 12, 7 * 12 * 5
    assert [network.facts[node.name].macs for node in network.nodes] == [0, batch * steps, batch * seen, batch * out]


def test_rows_that_would_not_add_up_give_no_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def twice(*args: Any, as_layers: bool) -> Any:
        asked.append(as_layers)
        graph = graph_of(*args, as_layers=as_layers)
        return graph.replace(operators=tuple(
            each.replace(attributes={**each.attributes, "tally": Tally(2 * each.attributes["tally"].macs)})
            if each.type == "MatMul" and each.path == "f6" else each for each in graph.operators
        ))  # fmt: skip

    monkeypatch.setattr("archscope.importing.jax.reading.graph_of", twice)
    with pytest.raises(UsageError, match=r"the rows multiply 426,600 and its jaxpr 416,520; .* rather than wrong ones"):
        analyze(jax_nets.LeNet5(nnx.Rngs(0)), (32, 32, 1))
    assert asked == [True, False]


@pytest.mark.parametrize(("named", "said"), [
    ("lenet5", "does not say what it takes"),
    ("lenet5@28,28,1", "does not run on such inputs"),
    ("nothing@3", "returned an int"),
])  # fmt: skip
def test_what_does_not_run_is_one_line(named: str, said: str, archscope_run: Callable[..., Run]) -> None:
    ran = archscope_run("table", f"{NETS}:{named}")
    assert ran.status == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("named", ["LeNet5", "EquinoxLeNet5"])
def test_a_class_that_wants_a_random_key_is_given_one(named: str) -> None:
    shape = "32,32,1" if named == "LeNet5" else "1,32,32"
    assert analyze(open_network(f"{NETS}:{named}@{shape}")).totals.parameters == 61_706


def test_inputs_that_fit_no_module_say_what_to_write() -> None:
    with pytest.raises(UsageError, match="channels last in Flax"):
        analyze(jax_nets.lenet5(), (1, 32, 32))


def test_without_jax_the_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("from flax import nnx\n\n\ndef make(): ...\n")
    code = ("import sys\n"
            "sys.modules.update(dict.fromkeys(('jax', 'jaxlib', 'flax', 'equinox', 'torch')))\n"
            "from archscope.cli import main\n"
            "sys.exit(main(['table', 'net:make@3']))\n")  # fmt: skip
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 3
    assert "pip install 'archscope[jax]'" in ran.stderr
