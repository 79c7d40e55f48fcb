"""Modules of Flax NNX and Equinox, read layer by layer."""

from __future__ import annotations

import os
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
from archscope.formulas import at
from archscope.importing.jax.calling import Sample, call_module
from archscope.opening import open_network
from tests.conftest import Run
from tests.importing import jax_nets
from tests.importing.jax_nets import Own

NETS = "tests.importing.jax_nets"


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
        ("drop", "dropout"), ("add_4", "add"), ("linear", "linear"),
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
    assert analyze(f"{NETS}:EquinoxNormed@3,8,8").totals == normed.totals  # a class is given its state


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
    network = call_module(Tagger(), [jax.ShapeDtypeStruct((batch, 7), jnp.int32)], {}).network
    assert [network.facts[node.name].output for node in network.nodes][-2:] == [(7, 12), (7, 5)]
    steps, seen, out = 7 * 4 * 12 * (8 + 12), 4 * 7 * 12 * 12 + 2 * 7 * 7 * 12, 7 * 12 * 5
    assert [network.facts[node.name].macs for node in network.nodes] == [0, batch * steps, batch * seen, batch * out]


@pytest.mark.parametrize(("named", "said"), [
    ("lenet5", "does not say what it takes"),
    ("lenet5@28,28,1", "does not run on such inputs"),
    ("nothing@3", "returned an int"),
    ("Stops@3", "RuntimeError: no \N{REPLACEMENT CHARACTER}[31m weights here (at tests/importing/jax_nets.py:"),
])  # fmt: skip
def test_what_does_not_run_is_one_line(named: str, said: str, archscope_run: Callable[..., Run]) -> None:
    ran = archscope_run("table", f"{NETS}:{named}")
    assert ran.status == 2
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.err.count("\n") == 1


def test_mistakes_in_a_module_of_flax_are_said_as_what_they_are(archscope_run: Callable[..., Run]) -> None:
    without = archscope_run("table", f"{NETS}:Slips@3")
    assert "Slips` cannot be called without `width`; state them, `--kwargs" in without.err
    slip = archscope_run("table", f"{NETS}:Slips@3", "--kwargs", "width=2")
    assert "Slips does not run: AttributeError: 'Slips' object has no attribute 'ouut' (at " in slip.err
    assert "--input" not in slip.err
    assert (without.status, slip.status) == (2, 2)


@pytest.mark.parametrize("named", ["Net", "make", "net"])
def test_a_library_that_is_not_read_is_one_line(
    named: str, archscope_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type("Net", (), {"__module__": "haiku._src.transform" if named == "net" else "flax.linen.module"})
    for name, thing in (("Net", type("Own", (kind,), {})), ("make", lambda: kind()), ("net", kind())):
        monkeypatch.setattr(jax_nets, name, thing, raising=False)
    ran = archscope_run("table", f"{NETS}:{named}@3")
    what = "of Haiku" if named == "net" else "a module of Flax linen"
    said = "which is not read; of libraries for JAX, Flax NNX (`flax.nnx`) and Equinox are"
    assert (ran.status, ran.err) == (2, f"error: `{NETS}:{named}` is {what}, {said}\n")


@pytest.mark.parametrize("named", ["LeNet5", "EquinoxLeNet5"])
def test_a_class_that_wants_a_random_key_is_given_one(named: str) -> None:
    shape = "32,32,1" if named == "LeNet5" else "1,32,32"
    assert analyze(open_network(f"{NETS}:{named}@{shape}")).totals.parameters == 61_706


@pytest.mark.parametrize("broken", ["reading.network_of", "modules.products.conv"])
def test_a_fault_of_the_reader_is_none_of_the_module(
    broken: str, archscope_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise AttributeError("a slip of the reader")

    fails.__code__ = fails.__code__.replace(co_filename=archscope.__file__)  # whose fault it is, its file says
    monkeypatch.setattr(f"archscope.importing.jax.{broken}", fails)
    ran = archscope_run("table", f"{NETS}:lenet5@32,32,1")
    assert ran.status == 70
    assert "does not run on such inputs" not in ran.err


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


def test_a_function_of_pytorch_alone_is_not_called_to_see_whether_it_makes_a_module_of_jax() -> None:
    # JAX is loaded here. On the CPU its weights are 400 TB; on meta it is told what does not fit.
    with pytest.raises(UsageError, match="takes 10,000,000 features and is given 3"):
        open_network("tests.tracing.called:larger_than_any_machine@3")


def test_a_function_that_imports_jax_itself_in_a_file_of_pytorch_is_one_of_jax() -> None:
    assert analyze(open_network("tests.tracing.called:linear_of_flax@3")).totals.parameters == 8


def test_a_factory_is_read_without_drawing_a_weight_and_one_that_looks_at_values_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[Any] = []

    def looking(rngs: nnx.Rngs) -> nnx.Module:
        made = nnx.Linear(3, 2, rngs=rngs)
        drawn.append(made.kernel.get_value())
        return made

    def insisting(rngs: nnx.Rngs) -> nnx.Module:
        made = looking(rngs)
        assert float(jnp.abs(made.kernel.get_value()).max()) > 0
        return made

    for name, function in (("looking", looking), ("insisting", insisting)):
        monkeypatch.setattr(jax_nets, name, function, raising=False)
    assert analyze(f"{NETS}:looking@3").totals.parameters == 8
    assert [isinstance(each, jax.core.Tracer) for each in drawn] == [True]
    assert analyze(f"{NETS}:insisting@3").totals.parameters == 8
    assert [isinstance(each, jax.core.Tracer) for each in drawn] == [True, True, False]


class Far(nnx.Module):
    """A layer more for long sequences, and the first half of them."""

    def __init__(self) -> None:
        self.near, self.far = nnx.Linear(8, 8, rngs=nnx.Rngs(0)), nnx.Linear(8, 5, rngs=nnx.Rngs(0))

    def __call__(self, x: Any) -> Any:
        x = self.near(x)[:, : x.shape[1] // 2]
        return self.far(x) if x.shape[1] > 3 else x


class Wide(nnx.Module):
    """Pictures have their channels last; those of low height are read once more."""

    def __init__(self) -> None:
        self.conv = nnx.Conv(2, 2, (3, 1), rngs=nnx.Rngs(0))

    def __call__(self, x: Any) -> Any:
        return self.conv(self.conv(x)) if x.shape[1] < 6 else self.conv(x)


@pytest.mark.parametrize(("module", "axis", "shape", "others"), [
    (Far(), "length", (5, 8), [(9, 8), (6, 8), (2, 8)]),
    (Wide(), "height", (8, 6, 2), [(9, 6, 2), (4, 6, 2)]),
])  # fmt: skip
def test_a_module_at_another_size_is_read_anew(
    module: Any, axis: str, shape: tuple[int, ...], others: list[tuple[int, ...]]
) -> None:
    network = call_module(module, [Sample(shape)], {}).network
    for other in others:
        there = at(network, {axis: other[0]})
        assert rows(there) == rows(call_module(module, [Sample(other)], {}).network)
        assert rows(at(there, {axis: shape[0]})) == rows(network)


def test_inputs_by_name_keep_their_names_in_whatever_order_they_are_said() -> None:
    class Both(nnx.Module):
        def __call__(self, z: Any, a: Any) -> Any:
            return z.sum(-1) + a.sum(-1)

    network = call_module(Both(), [], {"z": Sample((5, 8)), "a": Sample((5, 4))}).network
    assert dict(network.inputs) == {"z": (5, 8), "a": (5, 4)}
    assert dict(at(network, {"a.features": 3}).inputs) == {"z": (5, 8), "a": (5, 3)}
