"""Every witness agrees with every spec, notices a broken rule, and leaves the module as it found it."""

from __future__ import annotations

import gc
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import archscope
from archscope.layers import Facts, Linear, Weight
from archscope.network import Network, Node, Ref
from archscope.oracles import WITNESSES, Verdict, verify
from archscope.oracles.case import Case
from archscope.oracles.verification import _asked
from archscope.working import Count
from tests.collection import SAMPLE

QUICK = [name for name in WITNESSES if name != "Keras"]


@pytest.mark.parametrize("name", SAMPLE)
def test_every_witness_agrees_with_every_spec(name: str) -> None:
    found = verify(archscope.load(name), QUICK)
    assert [each.sentence for each in found.differing] == []
    assert len(found.of(Verdict.AGREES)) > 20


def test_keras_agrees_with_the_spec_of_its_model() -> None:
    found = verify(archscope.load("alexnet-keras"), ["Keras"])
    assert [each.sentence for each in found.differing] == []
    stated = {each.quantity: each.theirs for each in found.findings if each.layer is None}
    assert stated["count_params"] == 25_730_506
    assert (stated["parameters"], stated["fixed"]) == (25_709_350, 21_156)


def totals(name: str, witness: str) -> dict[str, object]:
    found = verify(archscope.load(name), [witness])
    return {each.quantity: each.theirs for each in found.findings if each.layer is None}


def test_witnesses_say_the_figures_of_the_course_models() -> None:
    assert totals("lenet5-pytorch", "torchinfo")["connections"] == 423_038
    assert totals("alexnet-pytorch", "torchinfo")["connections"] == 725_066_088
    assert totals("lenet5-pytorch", "fvcore")["macs"] == 416_520
    assert totals("alexnet-pytorch", "fvcore")["macs"] == 724_406_816
    assert totals("alexnet-pytorch", "FLOPs")["flops"] == 2 * 724_406_816
    assert totals("lenet5", "Jacobian")["connections"] == 340_918
    assert totals("lenet5-1998", "Jacobian")["connections"] == 340_908


def broken(network: Network, node: str, change: Callable[[Facts], Facts]) -> Network:
    """The network as if the rule of one layer were wrong."""
    return network.replace(facts={**network.facts, node: change(network.facts[node])})


def more(quantity: str) -> Callable[[Facts], Facts]:
    return lambda facts: facts.replace(**{quantity: Count(int(getattr(facts, quantity)) + 1)})


def wider(facts: Facts) -> Facts:
    return facts.replace(outputs=((*facts.outputs[0][:-1], facts.outputs[0][-1] + 1),))


def with_another_weight(facts: Facts) -> Facts:
    return facts.replace(weights=(*facts.weights, Weight("extra", (Count(3),))))


def renamed(facts: Facts) -> Facts:
    first, *rest = facts.weights
    return facts.replace(weights=(first.replace(name="wait"), *rest))


def fixed(facts: Facts) -> Facts:
    return facts.replace(weights=tuple(w.replace(trainable=False) for w in facts.weights))


def seeing_more(facts: Facts) -> Facts:
    windows = tuple(each.replace(kernel=each.kernel + 1) for each in facts.windows or ())
    return facts.replace(windows=windows)


def moved(facts: Facts) -> Facts:
    windows = tuple(each.replace(padding=each.padding + 1) for each in facts.windows or ())
    return facts.replace(windows=windows)


def slower(facts: Facts) -> Facts:
    windows = tuple(each.replace(stride=each.stride + 1) for each in facts.windows or ())
    return facts.replace(windows=windows)


@pytest.mark.parametrize(
    ("witness", "change"),
    [
        ("module", wider), ("module", with_another_weight), ("module", renamed), ("module", fixed),
        ("torchinfo", wider), ("torchinfo", with_another_weight), ("torchinfo", more("connections")),
        ("fvcore", more("macs")),
        ("FLOPs", more("macs")),
        ("Jacobian", more("connections")), ("Jacobian", more("connections_in_bounds")),
        ("Jacobian", more("macs_in_bounds")),
        ("field", seeing_more), ("field", moved), ("field", slower),
        ("Keras", wider), ("Keras", with_another_weight), ("Keras", fixed),
    ],
    ids=lambda each: each if isinstance(each, str) else getattr(each, "__name__", "change"),
)  # fmt: skip
def test_a_witness_notices_a_broken_rule(witness: str, change: Callable[[Facts], Facts]) -> None:
    # Keras has an activation inside its layer, so it is the activation's output that it states.
    node = "conv2.tanh" if (witness, change) == ("Keras", wider) else "conv2"
    network = broken(archscope.load("lenet5-keras"), node, change)
    found = verify(network, [witness])
    assert found.differing
    assert {each.layer for each in found.differing} & {"conv2"}


def test_the_published_figures_notice_a_broken_rule() -> None:
    # Of C1, whose figure has no zeros at its end: a figure is as precise as it is printed.
    found = verify(broken(archscope.load("lenet5"), "C1", more("connections")), ["published"])
    assert [each.layer for each in found.differing] == ["C1", "C1", None]
    assert "C1: connections is 122,305; lecun1998 printed 122,304" in [each.sentence for each in found.differing]


def fingerprint(model: torch.nn.Module) -> object:
    return (
        [(name, id(each), each.training, len(each._forward_hooks), len(each._forward_pre_hooks))
         for name, each in model.named_modules()],
        [(name, id(each), each.device, each._version, each.requires_grad, each.grad is None)
         for name, each in (*model.named_parameters(), *model.named_buffers())],
        [(name, each.tolist()) for name, each in model.state_dict().items() if each.device.type != "meta"],
    )  # fmt: skip


@pytest.fixture(scope="module")
def everything_is_imported() -> None:
    """What first runs on meta imports PyTorch's compiler, which leaves a variable and a filter of warnings behind."""
    verify(archscope.load("alexnet-keras"), ["module", "torchinfo", "fvcore", "FLOPs"])


def settings() -> object:
    """What PyTorch and Python hold for everybody in the process."""
    return (
        torch.get_default_dtype(), torch.get_default_device(), torch.get_num_threads(), torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu"), torch.get_rng_state().tolist(),
        torch.are_deterministic_algorithms_enabled(), torch.backends.mkldnn.enabled,  # type: ignore[attr-defined]
        torch.overrides._get_current_function_mode_stack(), torch.utils._python_dispatch._get_current_dispatch_mode(),
        dict(torch.nn.modules.module._global_forward_hooks), dict(os.environ), random.getstate(), [*warnings.filters],
        gc.isenabled(), {each: getattr(torch.nn.functional, each) for each in ("conv2d", "linear", "max_pool2d")},
    )  # fmt: skip


@pytest.mark.usefixtures("everything_is_imported")
@pytest.mark.parametrize("witness", QUICK)
@pytest.mark.parametrize("name", ["lenet5-1998", "alexnet-keras"])
def test_a_witness_leaves_the_module_and_pytorch_as_it_found_them(witness: str, name: str) -> None:
    case = Case(archscope.analyze(archscope.load(name)))
    case.model.requires_grad_(False)
    model, around = fingerprint(case.model), settings()
    list(_asked(witness, case, as_written=True))
    assert fingerprint(case.model) == model
    assert settings() == around


@contextmanager
def default(**chosen: Any) -> Iterator[None]:
    """A default that somebody has set in their notebook."""
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    torch.set_default_dtype(chosen.get("dtype", dtype))
    torch.set_default_device(chosen.get("device"))
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_default_device(None if device.type == "cpu" else device)


@pytest.mark.usefixtures("everything_is_imported")
@pytest.mark.parametrize(
    "around",
    [
        torch.no_grad, torch.inference_mode, lambda: default(device="meta"), lambda: default(dtype=torch.float64),
        lambda: default(dtype=torch.bfloat16), lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    ],
    ids=["no_grad", "inference_mode", "meta", "float64", "bfloat16", "autocast"],
)  # fmt: skip
def test_witnesses_agree_whatever_the_caller_has_set_and_leave_it_so(
    around: Callable[[], AbstractContextManager[Any]],
) -> None:
    with around():
        before = settings()
        found = verify(archscope.load("lenet5"), QUICK)
        assert settings() == before
    assert [each.sentence for each in found.differing] == []


def test_shared_weights_are_counted_once_or_not_at_all() -> None:
    layers = [Node("a", Linear(out_features=4), (Ref("input"),), "a"),
              Node("b", Linear(out_features=4), (Ref("a"),), "b", shares="a")]  # fmt: skip
    found = verify(Network("tied", {"input": (4,)}, layers), QUICK)
    assert [each.sentence for each in found.differing] == []
    totals_ = {each.witness: each for each in found.findings if each.layer is None and each.quantity == "parameters"}
    assert totals_["module"].theirs == 20
    assert totals_["torchinfo"].why == "torchinfo counts shared weights once for each layer that has them"


def test_a_large_network_is_counted_on_meta_and_a_small_one_on_the_cpu() -> None:
    large = Case(archscope.analyze(archscope.load("alexnet")))
    assert {each.device.type for each in large.model.parameters()} == {"meta"}
    assert Case(archscope.analyze(archscope.load("lenet5"))).device == "cpu"


class Largest(TorchDispatchMode):
    """Notes the most values of a tensor that is not on meta."""

    values = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for each in made if isinstance(made, (tuple, list)) else [made]:
            if isinstance(each, torch.Tensor) and each.device.type != "meta":
                self.values = max(self.values, each.numel())
        return made


@pytest.mark.parametrize(
    ("witness", "most"),
    # fvcore traces one convolution at a time on the CPU; the largest tensor among those is the weight of conv3.
    [("module", 0), ("torchinfo", 0), ("FLOPs", 0), ("fvcore", 384 * 256 * 3 * 3)],
)
def test_counting_a_large_network_takes_none_of_its_values(witness: str, most: int) -> None:
    case = Case(archscope.analyze(archscope.load("alexnet-pytorch")))
    with Largest() as largest:
        list(_asked(witness, case, as_written=True))
    assert largest.values <= most


def test_an_operation_without_a_formula_is_not_covered_and_never_0() -> None:
    found = verify(archscope.load("lenet5-1998"), ["FLOPs", "fvcore"])
    pooled = [each for each in found.findings if each.layer == "S2"]
    assert [each.verdict for each in pooled] == [Verdict.NOT_COVERED] * 4
    assert {each.why for each in pooled} == {
        "no formula for avg_pool2d", "no formula for mul, tanh", "no rule for avg_pool2d", "no rule for mul, tanh",
    }  # fmt: skip


def test_the_sample_of_a_large_layer_has_the_corners_and_32_units_in_all() -> None:
    from archscope.oracles.jacobian import UNITS, _units

    units = _units((4, 55, 55))
    assert len(units) == UNITS >= 32
    corners = {(c, h, w) for c in (0, 3) for h in (0, 54) for w in (0, 54)}
    assert corners <= set(units)
    assert units == _units((4, 55, 55)), "the same sample every time"


def test_lenets_are_probed_whole_and_alexnets_convolutions_by_a_sample() -> None:
    for name in ("lenet5", "lenet5-1998", "lenet1"):
        found = verify(archscope.load(name), ["Jacobian"])
        assert {each.why for each in found.findings if each.layer} == {"every output against every input"}
    found = verify(archscope.load("alexnet-pytorch"), ["Jacobian"])
    assert all(each.why.startswith("32 units by gradient") for each in found.findings if each.layer)


def test_keras_chooses_its_backend_in_its_own_process_alone() -> None:
    before = dict(os.environ)
    assert "KERAS_BACKEND" not in before
    verify(archscope.load("lenet5-keras"), ["Keras"])
    assert dict(os.environ) == before
    assert "keras" not in sys.modules


def test_an_unknown_witness_is_named_with_the_near_one() -> None:
    with pytest.raises(archscope.NotFound, match="there is no witness `torchinfos`; did you mean `torchinfo`"):
        verify(archscope.load("lenet5"), ["torchinfos"])


@pytest.mark.parametrize(
    ("missing", "witness", "message"),
    [
        ("torch", "module", "verify needs PyTorch: pip install 'archscope[torch]'"),
        ("fvcore", "fvcore", "verify needs fvcore: pip install 'archscope[torch]'"),
        ("keras", "Keras", "the Keras witness of lenet5-keras needs Keras: pip install 'archscope[keras]'"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, missing: str, witness: str, message: str
) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == missing else real(name, *more))
    with pytest.raises(archscope.MissingExtra) as caught:
        verify(archscope.load("lenet5-keras"), [witness])
    assert str(caught.value) == message
    assert caught.value.exit_code == 3
