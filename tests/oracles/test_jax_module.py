"""JAX as the witness of a module of Flax or Equinox: shapes, leaves of the tree, and XLA's count of products."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from archscope.importing.jax.calling import call_module, described
from archscope.importing.jax.things import JaxCalled
from archscope.opening import opened, request_for
from archscope.oracles import Verification, verify
from archscope.oracles.findings import Verdict
from archscope.oracles.verification import asked_of
from tests.conftest import Run
from tests.importing.jax_nets import Own
from tests.importing.test_jax_products import PRODUCTS, UNKNOWN, chained, stacked

NETS = "tests.importing.jax_nets"


def called(module: Any, shape: tuple[int, ...]) -> JaxCalled:
    return call_module(module, [described(shape)], {})


def asked(found: JaxCalled) -> Verification:
    return verify(found.network, ["JAX"], module=found)


def sentences(found: Verification, verdict: Verdict) -> list[str]:
    return [each.sentence for each in found.of(verdict)]


@pytest.mark.parametrize(("named", "facts"), [
    # Five layers each have an output, products and parameters, and the whole has its products and parameters.
    ("lenet5@32,32,1", 17), ("equinox_lenet5@1,32,32", 17), ("encoder@6", 19), ("equinox_block@7,16", 16),
    ("equinox_normed@3,8,8", 10), ("small_resnet@32,32,3", 50),
])  # fmt: skip
def test_jax_says_what_a_table_says(named: str, facts: int) -> None:
    network, module = opened(request_for(f"{NETS}:{named}"))
    assert isinstance(module, JaxCalled)
    assert "JAX" in asked_of(network, module=module)
    found = asked(module)
    assert found.differing == ()
    assert len(found.of(Verdict.AGREES)) == facts


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("made", [stacked, chained])
def test_jax_agrees_whatever_is_stacked(made: Callable[[int], Any], seed: int) -> None:
    found = asked(called(*made(seed)))
    assert found.differing == ()
    assert len(found.of(Verdict.AGREES)) >= 4


@pytest.mark.parametrize(("name", "function", "sample", "weights", "macs"), PRODUCTS,
                         ids=[each[0] for each in PRODUCTS])  # fmt: skip
def test_xla_counts_the_products_of_every_operation(
    name: str, function: Any, sample: Any, weights: Any, macs: int
) -> None:
    found = asked(called(Own(function, **weights), sample))
    assert found.differing == ()
    total = next(each for each in found.findings if each.layer is None and each.quantity.startswith("macs"))
    if name == "rows with a matrix for each group":
        assert total.why == "XLA's count of a `ragged_dot_general` is not that of its operation alone"
    else:
        assert total.verdict in (Verdict.AGREES, Verdict.EXPLAINED)
        assert total.ours == macs


@pytest.mark.parametrize("function", [each[0] for each in UNKNOWN], ids=["while", "cond", "svd"])
def test_what_values_decide_is_not_covered_here_either(function: Any) -> None:
    found = asked(called(Own(function, w=(4, 4)), (4,)))
    assert found.differing == ()
    assert any(each.quantity == "macs" and each.layer is None for each in found.of(Verdict.NOT_COVERED))


class Wide(nnx.Module):
    def __init__(self, units: int) -> None:
        rngs = nnx.Rngs(0)
        self.one, self.other = nnx.Linear(4, units, rngs=rngs), nnx.Linear(4, 2, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.one(x)


def test_what_nothing_reads_is_held_and_another_width_differs() -> None:
    five, six = called(Wide(5), (4,)), called(Wide(6), (4,))
    assert asked(five).differing == ()
    assert sentences(asked(replace(six, network=five.network)), Verdict.DIFFERS) == [
        "one: output is 5; JAX counts 6",
        "one: macs_in_bounds is 20; JAX counts 24",
        "total: macs is 20; JAX counts 24",
        "one: parameters is 25; JAX counts 30",
        "total: parameters is 35; JAX counts 40",
    ]


def test_products_with_padding_are_ours_alone() -> None:
    # 5 places of 3 taps on 1 row, of which the first and the last have one tap in the padding: 13 of 15, 2 channels.
    conv = nnx.Conv(1, 2, (3,), padding="SAME", use_bias=False, rngs=nnx.Rngs(0))
    assert sentences(asked(called(nnx.Sequential(conv), (5, 1))), Verdict.EXPLAINED) == [
        "total: macs is 30; JAX counts 26 (4 of ours are with padding, which XLA leaves out)"
    ]


class Again(nnx.Module):
    """One layer, called for each of three steps and once more by itself."""

    def __init__(self) -> None:
        self.each = nnx.Linear(4, 4, rngs=nnx.Rngs(0))

    def __call__(self, x: Any) -> Any:
        steps, _ = jax.lax.scan(lambda c, _: (self.each(c), None), x, None, length=3)
        return self.each(steps)


class Mapped(eqx.Module):
    layers: eqx.nn.Linear

    def __init__(self) -> None:
        self.layers = eqx.filter_vmap(lambda key: eqx.nn.Linear(4, 4, key=key))(jax.random.split(jax.random.key(0), 3))

    def __call__(self, x: Any) -> Any:
        held, form = eqx.partition(self.layers, eqx.is_array)
        return jax.lax.scan(lambda c, each: (eqx.combine(each, form)(c), None), x, held)[0]


@pytest.mark.parametrize(("module", "macs"), [(Again(), 4 * 16), (Mapped(), 3 * 16)], ids=["again", "mapped"])
def test_what_runs_in_a_loop_is_counted_as_often_as_it_runs(module: Any, macs: int) -> None:
    found = asked(called(module, (4,)))
    assert found.differing == ()
    assert f"total: macs is {macs}; JAX agrees" in sentences(found, Verdict.AGREES)


class Recurrent(nnx.Module):
    def __init__(self, *, both: bool) -> None:
        rngs = nnx.Rngs(0)
        self.steps: Any = nnx.RNN(nnx.LSTMCell(8, 12, rngs=rngs), rngs=rngs)
        if both:
            self.steps = nnx.Bidirectional(self.steps, nnx.RNN(nnx.GRUCell(8, 12, rngs=rngs), rngs=rngs), rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.steps(x)[:, -1]


@pytest.mark.parametrize("both", [False, True])
def test_a_recurrence_gives_every_state_and_jax_says_so(both: bool) -> None:
    found = called(nnx.eval_shape(lambda: Recurrent(both=both)), (5, 8))
    labels = [(node.layer.label, found.network.facts[node.name].outputs[0]) for node in found.network.nodes]
    assert ("LSTM, one bias a gate", (5, 12)) in labels
    assert (("GRU, one bias a gate", (5, 12)) in labels) == both
    assert asked(found).differing == ()


def test_nothing_of_the_module_changes() -> None:
    module = nnx.Sequential(nnx.Linear(4, 3, rngs=nnx.Rngs(0)), nnx.Dropout(0.5, rngs=nnx.Rngs(1)))
    before = jax.tree.map(jnp.copy, nnx.to_pure_dict(nnx.state(module, nnx.Param)))
    asked(called(module, (4,)))
    assert [type(each) for _, each in nnx.iter_modules(module)].count(nnx.Linear) == 1
    assert type(module.layers[1]) is nnx.Dropout
    assert not module.layers[1].deterministic
    after = nnx.to_pure_dict(nnx.state(module, nnx.Param))
    assert all(jax.tree.leaves(jax.tree.map(lambda one, other: bool((one == other).all()), before, after)))


def test_of_another_network_nothing_is_asked() -> None:
    assert "JAX" not in asked_of(opened(request_for("lenet5"))[0])
    (only,) = verify(opened(request_for("lenet5"))[0], ["JAX"]).findings
    assert only.why == "it looks at modules of Flax and Equinox, and this is none"


def test_the_command_asks_jax(archscope_run: Callable[..., Run]) -> None:
    ran = archscope_run("verify", f"{NETS}:lenet5@32,32,1", "--witness", "JAX")
    assert ran.status == 0
    assert "17 facts confirmed by 1 independent witness; nothing differs." in ran.out


def test_a_module_that_stops_the_second_time_says_so() -> None:
    class Once(nnx.Module):
        runs = 0

        def __call__(self, x: Any) -> Any:
            Once.runs += 1
            if Once.runs > 1:
                raise RuntimeError("only once")
            return x * 2

    (only,) = asked(called(Once(), (4,))).findings
    assert only.why == "JAX does not trace it once more: only once"
