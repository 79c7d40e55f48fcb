"""Cells on a real CPU: what runs is right, what is wrong is not timed, and PyTorch is left as it was."""

from __future__ import annotations

import timeit
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import archscope
from archscope.analysis import analyze
from archscope.bench import agreement
from archscope.bench import measure as measuring
from archscope.bench import work as working
from archscope.bench.ceilings import Ceilings
from archscope.bench.clocks import HostClock
from archscope.bench.eager import _Recorder, eager_floor, launches, operations, operations_of
from archscope.bench.floors import floors, total_flops
from archscope.bench.inplace import time_layers
from archscope.bench.measure import Settings, measure_cell
from archscope.bench.plan import Cell, plan
from archscope.bench.precision import PRECISIONS
from archscope.bench.timing import Limits
from archscope.building import build
from archscope.tracing.calling import call_module
from archscope.tracing.inputs import Call, Given
from tests.bench.networks import chain

CPU = torch.device("cpu")
BRIEF = Settings(Limits(figure=0.02, warm_up=0.02, window=0.002))
EXPERTS = {"num_experts": 8, "top_k": 2, "hidden_features": 32}
GIVEN = Ceilings("a device", "by hand", {"bf16": 790e12}, {"copy": 4.3e12})


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that share a busy CPU wait for one another at every layer, and a test would take minutes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def analysis_of(name: str) -> archscope.Analysis:
    return archscope.analyze(archscope.load(name))


LENET = analysis_of("lenet5")


def cell(model: str = "lenet5", **axes: object) -> Cell:
    return Cell(**{"model": model, "batch": 1, "dtype": "fp32", "layout": "nchw", "engine": "eager", "mode": "infer",
                   **axes})  # fmt: skip


@pytest.mark.parametrize("dtype", ["fp32", "bf16", "fp16", "amp-bf16"])
@pytest.mark.parametrize("mode", ["infer", "train"])
def test_lenet_is_right_in_every_precision_and_mode(dtype: str, mode: str) -> None:
    found = measure_cell(LENET, cell(dtype=dtype, mode=mode, batch=3), CPU, HostClock(), BRIEF)
    assert (found["status"], found["error"]) == ("ok", None)
    assert found["check"]["passed"]
    assert len(found["figures"]["latency"]["samples"]) >= 6
    assert found["figures"]["device"] is None
    assert (found["layers"] is not None) == (mode == "infer" and not dtype.startswith("amp"))


def test_what_pytorch_warns_of_while_compiled_code_is_given_back_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._dynamo as compilers

    monkeypatch.setattr(compilers, "reset", lambda: warnings.warn("deprecated", DeprecationWarning, stacklevel=1))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert measure_cell(LENET, cell(), CPU, HostClock(), BRIEF)["status"] == "ok"
    assert not told


def test_channels_last_is_right_too() -> None:
    found = measure_cell(LENET, cell(layout="nhwc", batch=2), CPU, HostClock(), BRIEF)
    assert found["status"] == "ok"


@pytest.mark.parametrize("mode", ["infer", "train"])
def test_a_perturbed_weight_is_incorrect_and_nothing_is_timed(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = working.prepare

    def perturbed(*args: object, **kwargs: object) -> working.Workload:
        work = honest(*args, **kwargs)
        with torch.no_grad():
            next(iter(work.module.parameters()))[0].mul_(1.05)
        return work

    monkeypatch.setattr(measuring, "prepare", perturbed)
    found = measure_cell(LENET, cell(mode=mode), CPU, HostClock(), BRIEF)
    assert found["status"] == "incorrect"
    assert found["error"].startswith("the output is ")
    assert "from the float64 reference, 1e-05 is allowed; nothing was timed" in found["error"]
    assert not found["check"]["passed"]
    assert "figures" not in found


def test_gradients_that_are_wrong_are_told_as_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = working.prepare

    def perturbed(*args: object, **kwargs: object) -> working.Workload:
        work = honest(*args, **kwargs)
        next(iter(work.module.parameters())).register_hook(lambda gradient: gradient * 1.05)
        return work

    monkeypatch.setattr(measuring, "prepare", perturbed)
    found = measure_cell(LENET, cell(mode="train"), CPU, HostClock(), BRIEF)
    assert found["status"] == "incorrect"
    assert found["error"].startswith("the gradients are ")
    assert found["check"]["allowed"] == pytest.approx(1.2e-4, rel=0.1)  # as far as gradients of 1e-5 beside go


def test_training_with_batch_norm_is_held_to_the_network_as_it_was_before_it_ran() -> None:
    network = archscope.read("""
name: norms
input: [3, 8, 8]
layers:
  conv: {type: conv2d, out_channels: 4, kernel_size: 3}
  norm: {type: batch_norm}
  flat: {type: flatten}
  fc: {type: linear, out_features: 2}
""")
    found = measure_cell(archscope.analyze(network), cell(mode="train", batch=4), CPU, HostClock(), BRIEF)
    assert (found["status"], found["error"]) == ("ok", None)
    assert found["check"]["of"] == "gradients"
    assert found["check"]["rel_l2"] < PRECISIONS["fp32"].tolerance


def test_a_value_that_is_not_finite_never_passes() -> None:
    assert agreement.distance(torch.tensor([float("nan")]), torch.tensor([1.0])) == float("inf")


def test_alexnet_in_bf16_on_a_cpu_names_the_layer_the_op_and_the_remedy() -> None:
    found = measure_cell(analysis_of("alexnet"), cell("alexnet", dtype="bf16"), CPU, HostClock(), BRIEF)
    assert found == {
        "status": "unsupported",
        "error": "layer `lrn1` (lrn): PyTorch's avg_pool3d has no bf16 on cpu; "
        "try --dtype amp-bf16, which keeps such layers in fp32, or --dtype fp32",
    }


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"engine": "graph"}, "CUDA graphs need a CUDA device, not cpu; try --engine eager or compile"),
        ({"dtype": "tf32"}, "TF32 is a mode of NVIDIA GPUs, not of cpu; try --dtype fp32"),
    ],
)
def test_what_a_cpu_cannot_do_says_what_to_try(axes: dict[str, str], message: str) -> None:
    found = measure_cell(LENET, cell(**axes), CPU, HostClock(), BRIEF)
    assert found == {"status": "unsupported", "error": message}


def test_a_network_of_vectors_has_no_channels_to_put_last() -> None:
    dense = archscope.analyze(chain("dense", (16,), ("fc", "linear", {"out_features": 4})))
    found = measure_cell(dense, cell("dense", layout="nhwc"), CPU, HostClock(), BRIEF)
    assert found["status"] == "unsupported"
    assert "dense has none; try nchw" in found["error"]


def test_an_absurd_batch_is_refused_with_both_numbers() -> None:
    found = measure_cell(LENET, cell(batch=10**10), CPU, HostClock(), BRIEF)
    assert found["status"] == "oom"
    assert "needs at least" in found["error"]
    assert "are free" in found["error"]


def test_a_failed_allocation_is_out_of_memory_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "free_memory", lambda: None)
    found = measure_cell(LENET, cell(batch=10**10), CPU, HostClock(), BRIEF)
    assert found["status"] == "oom"
    assert "one allocation of" in found["error"]


@pytest.mark.parametrize(
    ("text", "engine", "status"),
    [
        ("CUDA error: an illegal memory access was encountered", "eager", "device_lost"),
        ("InvalidCxxCompiler: No working C++ compiler found", "compile", "unsupported"),
        ("CUDA out of memory. Tried to allocate 2.00 GiB", "eager", "oom"),
        ("shape '[2]' is invalid", "eager", "error"),
    ],
)
def test_what_pytorch_says_is_sorted(text: str, engine: str, status: str) -> None:
    found = measuring._sorted_failure(text, cell(engine=engine))
    assert found["status"] == status
    assert "\n" not in found["error"]


def state_of_pytorch() -> dict[str, object]:
    return {
        "dtype": torch.get_default_dtype(),
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "threads": torch.get_num_threads(),
        "tf32": (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32),
        "precision": torch.get_float32_matmul_precision(),
        "benchmark": torch.backends.cudnn.benchmark,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "random": torch.get_rng_state().tolist(),
        "warnings": list(warnings.filters),
    }


@pytest.mark.parametrize("axes", [{}, {"mode": "train"}, {"dtype": "amp-bf16"}, {"dtype": "bf16"}, {"batch": 10**10}])
def test_pytorch_is_left_as_it_was(axes: dict[str, object]) -> None:
    before = state_of_pytorch()
    measure_cell(LENET, cell(**axes), CPU, HostClock(), BRIEF)
    eager_floor(LENET, GIVEN, PRECISIONS["bf16"], batch=1, mode="train")
    assert state_of_pytorch() == before


def test_tf32_is_on_only_where_it_was_asked_for() -> None:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    for name, allowed in (("fp32", False), ("tf32", True), ("bf16", False)):
        with working.fixed_arithmetic(PRECISIONS[name]):
            assert torch.backends.cuda.matmul.allow_tf32 is allowed
            assert torch.backends.cudnn.allow_tf32 is allowed
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before


@pytest.mark.parametrize("name", ["lenet5", "lenet5-pytorch", "lenet5-1998", "alexnet", "alexnet-pytorch"])
def test_the_flops_of_every_layer_are_those_of_pytorchs_counter(name: str) -> None:
    network = archscope.load(name)
    analysis = archscope.analyze(network)
    module = build(network, device="meta")
    with FlopCounterMode(display=False) as counter:
        module(*module.example_inputs(2, device="meta"))
    counted = counter.get_flop_counts()
    for node in network.nodes:
        path = f"{type(module).__name__}.{module.path(node.name)}"
        found, stated = sum(counted.get(path, {}).values()), 2 * 2 * int(network.facts[node.name].macs or 0)
        if node.layer.type == "rbf":  # a distance, which PyTorch computes without a matrix product
            assert (found, stated) == (0, 2 * 2 * 84 * 10)
        else:
            assert found == stated, node.name
    rest = 2 * 2 * 84 * 10 if name == "lenet5-1998" else 0
    assert counter.get_total_flops() + rest == total_flops(analysis, batch=2)


@pytest.mark.parametrize("name", ["lenet5", "lenet5-pytorch", "alexnet", "alexnet-pytorch"])
@pytest.mark.parametrize("mode", ["infer", "train"])
def test_the_list_of_operations_has_the_flops_of_the_floors(name: str, mode: str) -> None:
    analysis = analysis_of(name)
    found = operations(analysis.network, PRECISIONS["fp32"], batch=3, mode=mode)
    assert sum(each.flops for each in found) == total_flops(analysis, batch=3, mode=mode)


def test_a_local_response_normalization_is_seven_operations_where_one_would_do() -> None:
    network = archscope.load("alexnet-pytorch")
    found = operations(network, PRECISIONS["bf16"], batch=1)
    assert [each.name for each in found if each.node == "lrn1"] == [
        "mul", "constant_pad_nd", "avg_pool3d", "mul", "add", "pow", "div",
    ]  # fmt: skip
    once = 2 * 96 * 55 * 55 * 2
    assert sum(each.traffic for each in found if each.node == "lrn1") > 7 * once
    counted = launches(found, network)
    assert counted["lrn1"] == 7
    assert "flatten" not in counted


def test_an_operation_that_looks_up_reads_one_row_of_its_table() -> None:
    options = {"num_embeddings": 1000, "embedding_dim": 64}
    words = chain("words", (16,), ("e", "embedding", options))
    (found,) = operations(words, PRECISIONS["fp32"], batch=2)
    assert (found.name, found.traffic) == ("embedding", 64 * 4 + 2 * 16 * 8 + 2 * 16 * 64 * 4)
    bags = chain("bags", (16,), ("e", "embedding_bag", options))
    assert sum(each.traffic for each in operations(bags, PRECISIONS["fp32"], batch=2)) < 1000 * 64 * 4


@pytest.mark.parametrize("mode", ["infer", "train"])
@pytest.mark.parametrize("options", [{}, {"bias": True}, {"num_shared_experts": 1}, {"gated": False}], ids=str)
def test_experts_move_no_more_than_what_runs_moves_whatever_they_are_chosen_by(
    options: dict[str, Any], mode: str
) -> None:
    experts = chain("experts", (16, 64), ("m", "mixture_of_experts", EXPERTS | options))
    found = operations(experts, PRECISIONS["fp32"], batch=2, mode=mode)
    assert mode == "train" or sum(each.flops for each in found) == total_flops(analyze(experts), batch=2)
    module = build(experts)
    for seed in range(3):
        torch.manual_seed(seed)
        ran = _Recorder()
        with torch.set_grad_enabled(mode == "train"), ran:
            made = module(torch.randn(2, 16, 64))
            if mode == "train":
                made.sum().backward()
        assert sum(each.traffic for each in found) <= sum(traffic for *_, traffic in ran.ended)
    # Of each of the two that a position chooses its weights are read once, and each product reads 32 positions.
    layers, width = 2 + options.get("gated", True), 64 * 32 * 4
    if mode == "infer" and "num_shared_experts" not in options:
        products = sum(each.traffic for each in found if each.name in ("mm", "addmm") and each.flops > 2 * 32 * 64 * 8)
        assert products == 2 * layers * (width + 32 * (64 + 32) * 4)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_one_operation_at_inference_and_none_of_its_scores_is_written(causal: bool) -> None:
    text = ("name: a\ninput: [8, 16, 32]\nlayers:\n  a: {type: scaled_dot_product_attention, "
            f"is_causal: {str(causal).lower()}, from: [input, input, input]}}\n")  # fmt: skip
    found = operations(archscope.read(text), PRECISIONS["fp32"], batch=2)
    assert [each.name for each in found] == ["scaled_dot_product_attention"]
    assert found[0].traffic == 4 * 4 * 2 * 8 * 16 * 32  # three tensors in, one out
    assert found[0].flops == 2 * 2 * 8 * (136 if causal else 256) * 64


class _Blocks(torch.nn.Module):
    """A layer of PyTorch's own, which calls attention by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.block = torch.nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.block(x, x, x, need_weights=False)[0]


def test_pytorchs_own_attention_is_one_operation_too() -> None:
    called = call_module(_Blocks(), Call((Given((6, 16)),), {}))
    names = [each.name for each in operations_of(called, PRECISIONS["fp32"], batch=2) or ()]
    assert names.count("scaled_dot_product_attention") == 1
    assert not {"_softmax", "_safe_softmax", "mul"} & {*names}


def test_eager_alexnet_cannot_pass_28_percent_of_the_peak() -> None:
    analysis, bf16 = analysis_of("alexnet"), PRECISIONS["bf16"]
    f3 = eager_floor(analysis, GIVEN, bf16, batch=256)
    bounds = floors(analysis, GIVEN, bf16, batch=256)
    assert f3 is not None
    assert bounds.f1 / f3 == pytest.approx(0.277, abs=0.005)
    assert f3 > bounds.f2


def test_autocast_has_no_list_of_operations() -> None:
    assert eager_floor(LENET, GIVEN, PRECISIONS["amp-bf16"], batch=1) is None


def test_the_layers_of_a_spec_are_timed_in_place_and_close() -> None:
    module = build(archscope.load("alexnet-pytorch")).eval()
    inputs = module.example_inputs(1)
    with torch.inference_mode():
        attempts = (time_layers(module, inputs, HostClock(), Limits(figure=0.3)) for _ in range(3))
        closed = next((each for each in attempts if each.closed), None)
    assert closed is not None
    assert closed.names == tuple(name for name, _ in module.nodes())


def test_reading_the_clock_costs_less_than_five_percent_of_lenet() -> None:
    module, clock = build(archscope.load("lenet5")).eval(), HostClock()
    inputs = module.example_inputs(1)
    with torch.inference_mode():
        passes = timeit.repeat(lambda: module(*inputs), number=1, repeat=300)
    readings = timeit.repeat(clock.mark, number=100, repeat=300)
    marks = len(list(module.nodes())) + 1
    assert marks * min(readings) / 100 < 0.05 * min(passes)


def test_the_layers_of_any_module_are_timed_through_hooks_that_are_gone_afterwards() -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Flatten()))
    before = [dict(part._forward_hooks) for part in module.modules()]
    with torch.inference_mode():
        found = time_layers(module, (torch.randn(4, 3, 64, 64),), HostClock(), Limits(figure=0.05))
    assert found.names == ("0", "1.0", "1.1")
    assert all(seconds > 0 for seconds in found.seconds)
    assert [dict(part._forward_hooks) for part in module.modules()] == before


def test_hooks_are_gone_even_if_the_module_fails() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 2))
    with pytest.raises(RuntimeError):
        time_layers(module, (torch.randn(1, 5),), HostClock(), Limits(figure=0.05))
    assert not module[0]._forward_hooks


def test_cells_of_a_plan_are_what_a_worker_builds() -> None:
    (only,) = plan(["lenet5"])
    assert Cell(**only.document()) == only
