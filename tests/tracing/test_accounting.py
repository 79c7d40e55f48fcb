"""Everything that ran is accounted for: hand-worked numbers in every mode, and rows that add up to what was seen."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import pickle
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._higher_order_ops.while_loop import while_loop
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import archscope
from archscope import analyze, trace
from archscope.formats.json import plain
from archscope.formats.sheet import View
from archscope.formats.table import write
from archscope.tracing.inputs import Call, Given
from archscope.tracing.running import Way, run_once
from tests.tracing.accounted import RIGHT, Frozen, LastStep

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


@pytest.mark.parametrize("name", RIGHT)
def test_numbers_are_right_whatever_the_mode_the_device_the_type_and_gradients(name: str) -> None:
    right = RIGHT[name]
    for device in ("cpu", "meta"):
        for dtype in (torch.float32, torch.bfloat16):
            module = right.make().to(dtype)
            if device == "meta" and name != "a scripted part":  # PyTorch does not move that
                module = module.to(device)
            for training in (True, False):
                for grad in (True, False):
                    with torch.set_grad_enabled(grad):
                        analysis = analyze(trace(module.train(training), right.shape))
                    totals = analysis.totals
                    where = (device, dtype, training, grad)
                    assert (totals.parameters, totals.fixed, totals.macs) == right[2:5], where
                    assert len(analysis.network.outputs) == right.outputs, where
                    assert module.training is training
                    observed = analysis.network.observed
                    assert observed is not None
                    assert sum(observed.ran.values()) == observed.operations, where


def test_the_field_of_a_convolution_is_kept_through_a_scripted_gate() -> None:
    assert analyze(trace(RIGHT["a scripted gate"].make(), (4, 8))).rows[-1].receptive_field == (3,)


def test_tensors_that_a_person_gives_are_one_forward_pass_of_them() -> None:
    module = LastStep()
    analysis = analyze(trace(module, torch.zeros(8, 6, 8)))
    assert analysis.totals.macs == 8 * 9248
    assert "8 samples ran at once; MACs are those of all of them" in write(analysis, View())
    assert [row.outputs[0] for row in analysis.rows][-1] == (2,)


def test_frozen_parameters_are_told_from_trained_ones() -> None:
    analysis = analyze(trace(Frozen(), (3, 8, 8)))
    assert "242 in the module, 18 trainable and 224 frozen" in write(analysis, View())
    assert plain(analysis, View())["module"]["parameters"] == 242


@pytest.mark.parametrize(
    ("module", "size", "types"),
    [
        (nn.Linear(4, 3).to(torch.bfloat16), 30, ("bfloat16",)),
        (nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2).double()), 60 + 64, ("float32", "float64")),
    ],
)
def test_bytes_are_those_of_the_weights_own_types(module: nn.Module, size: int, types: tuple[str, ...]) -> None:
    if len(types) > 1:
        module[1].register_forward_pre_hook(lambda _, given: (given[0].double(),))  # type: ignore[index]
    analysis = analyze(trace(module, (4,)))
    assert (analysis.weight_bytes(), analysis.weight_types) == (size, types)


@pytest.mark.filterwarnings("ignore")
def test_quantized_weights_are_fixed_and_counted_as_they_are_packed() -> None:
    module = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), {nn.Linear})
    analysis = analyze(trace(module, (4,)))
    assert (analysis.totals.parameters, analysis.totals.fixed, analysis.totals.macs) == (0, 12 + 3, 12)
    assert analysis.weight_bytes() == 12 * 1 + 3 * 4


class Spectrum(nn.Module):
    """A transform of which nobody says what it multiplies, once or more often."""

    def __init__(self, times: int = 1) -> None:
        super().__init__()
        self.fc, self.times = nn.Linear(8, 8), times

    def forward(self, x: Tensor) -> Any:
        x = self.fc(x)
        for _ in range(self.times):
            x = torch.fft.fft(x).real
        return x


def test_a_total_of_which_something_is_not_known_is_a_lower_bound() -> None:
    analysis = analyze(trace(Spectrum(2), (8,)))
    assert (analysis.totals.macs, analysis.totals.macs_at_least) == (None, 64)
    assert dict(analysis.totals.not_covered) == {"_fft_r2c": 2}
    seen = analysis.network.observed
    assert seen is not None
    text = write(analysis, View())
    assert "≥ 64" in text
    assert f"{seen.operations - 2} of {seen.operations} operations; not covered: _fft_r2c ×2" in text
    totals = json.loads(json.dumps(plain(analysis, View())))["totals"]
    assert totals["macs"] is None
    assert totals["macs_at_least"] == 64
    assert totals["not_covered"] == [{"operation": "_fft_r2c", "times": 2}]


def test_an_operation_of_somebody_elses_is_named_with_its_library() -> None:
    library = torch.library.Library("archscope_tests", "DEF")
    library.define("twice(Tensor x) -> Tensor")
    library.impl("twice", lambda x: x * 2, "CompositeExplicitAutograd")

    class Foreign(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Any:
            return torch.ops.archscope_tests.twice(self.fc(x))

    totals = analyze(trace(Foreign(), (4,))).totals
    assert dict(totals.not_covered) == {"archscope_tests::twice": 1}
    assert totals.macs_at_least == 16


class Apart(nn.Module):
    """Works on values in a way of its own, between two layers."""

    def __init__(self, way: Callable[[nn.Module, Tensor], Tensor], **parts: nn.Module | nn.Parameter) -> None:
        super().__init__()
        self.way, self.a, self.b = way, nn.Linear(4, 4), nn.Linear(4, 2)
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.way(self, self.a(x)))


def _in_threads(module: nn.Module, x: Tensor) -> Tensor:
    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(lambda part: part(x), (module.c, module.d)))  # type: ignore[return-value, arg-type]


def _strided(module: nn.Module, x: Tensor) -> Tensor:
    return torch.nested.to_padded_tensor(torch.nested.as_nested_tensor(list(x)), 0.0)


@pytest.mark.parametrize(
    ("way", "parts", "parameters", "macs"),
    [
        (lambda s, x: torch.cond(x.sum() > 9, s.c, s.d, (x,)), {"c": nn.Linear(4, 4), "d": nn.Linear(4, 4)}, 20, 16),
        (lambda s, x: while_loop(lambda n, _: n < 3, lambda n, v: (n + 1, s.c(v)), (torch.tensor(0), x))[1],
         {"c": nn.Linear(4, 4)}, 20, 3 * 16),
        (_in_threads, {"c": nn.Linear(4, 4), "d": nn.Linear(4, 4, bias=False)}, 36, 2 * 16),
        (lambda s, x: torch.vmap(lambda w, v: w @ v, (0, None))(s.w, x[0]).mean(0)[None],
         {"w": nn.Parameter(torch.rand(3, 4, 4))}, 48, 3 * 16),
        (lambda s, x: torch.func.grad(lambda v: s.c(v).sum())(x), {"c": nn.Linear(4, 4)}, 20, 2 * 16),
        (lambda s, x: torch.func.functional_call(s.c, {"weight": s.c.weight * 2}, x), {"c": nn.Linear(4, 4)}, 20, 16),
        (lambda s, x: torch.utils.checkpoint.checkpoint(s.c, x, use_reentrant=False), {"c": nn.Linear(4, 4)}, 20, 16),
        (lambda s, x: torch.add(x, 1, out=torch.empty_like(x)), {}, 0, 0),
        (lambda s, x: torch.zeros_like(x).scatter_(1, torch.zeros_like(x, dtype=torch.long), x), {}, 0, 0),
        (lambda s, x: torch.zeros_like(x).masked_scatter(x > 0, x), {}, 0, 0),
        (_strided, {}, 0, 0),
    ],
)  # fmt: skip
def test_work_that_is_called_in_ways_of_its_own_has_its_rows_and_keeps_its_edges(
    way: Any, parts: dict[str, Any], parameters: int, macs: int
) -> None:
    analysis = analyze(trace(Apart(way, **parts), (4,)))
    used = {name for row in analysis.rows for name in row.inputs}
    assert used >= {"input", "a"}
    assert analysis["b"].inputs[0] not in ("input", "b.constant")
    held = sum(row.parameters for row in analysis.rows)
    assert (held, analysis.totals.macs) == (30 + parameters, 16 + 8 + macs)
    observed = analysis.network.observed
    assert observed is not None
    assert sum(observed.ran.values()) == observed.operations


@pytest.mark.parametrize("way", ["numpy", "tolist", "dlpack"])
def test_values_that_come_back_another_way_keep_their_edges_too(way: str) -> None:
    back = {
        "numpy": lambda _, x: torch.from_numpy(np.tanh(x.numpy())),
        "tolist": lambda _, x: torch.tensor(x.tolist()),
        "dlpack": lambda _, x: torch.from_dlpack(x),
    }
    analysis = analyze(trace(Apart(back[way]), (4,)))
    outside = next(row for row in analysis.rows if row.node.layer.label == "outside")
    assert outside.inputs == ("a",)
    assert analysis["b"].inputs == (outside.name,)
    assert f"values left PyTorch by `{way}`" in str(outside.reason("macs"))


@pytest.mark.parametrize(
    ("way", "read"),
    [
        # What leaves once may come back as often as it likes.
        (lambda x: sum(torch.tensor([row]) for row in [x.tolist()[0]] * 2), True),
        (lambda x: x + torch.tensor(x.max().item()) * torch.tensor(2.0 * x.min().item()), True),
        # A number that decides what runs is none that comes back, nor is an empty tensor.
        (lambda x: torch.cat([torch.tensor([], device=x.device), x]) if x.max().item() < 1e9 else x, False),
        (lambda x: (torch.tensor(x.max().item()), x)[1], False),
    ],
)
def test_a_tensor_of_numbers_is_what_values_that_left_became_where_it_is_read(way: Any, *, read: bool) -> None:
    analysis = analyze(trace(Apart(lambda _, x: way(x)), (4,)))
    outside = [row for row in analysis.rows if row.node.layer.label == "outside"]
    assert bool(outside) is read
    assert (analysis.totals.macs is None) is read
    assert analysis.totals.macs_at_least == 16 + 8
    used = {name for row in analysis.rows for name in row.inputs}
    assert {row.name for row in outside} <= used
    assert "a" in used


def test_a_result_that_was_written_through_a_view_or_comes_from_outside_is_what_was_last_made() -> None:
    class Ends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Any:
            made = self.a(x)
            view = made[:, :2]
            view.copy_(self.b(view))
            return made, torch.tensor(view.tolist())

    network = trace(Ends(), (4,))
    assert [ref.node for ref in network.outputs] == ["written", "outside"]
    made = {node.name: [ref.node for ref in node.inputs] for node in network.nodes}
    assert made["written"] == ["a", "copy"]
    assert made["copy"] == ["slice", "b"]


def _saved(x: Tensor, **options: Any) -> Tensor:
    file = io.BytesIO()
    torch.save({"x": x}, file, **options)
    file.seek(0)
    return torch.load(file)["x"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(
    "way",
    [
        copy.copy,
        lambda x: pickle.loads(pickle.dumps(x)),
        lambda x: [*pickle.loads(pickle.dumps([x[:, :2], x]))][1],
        _saved,
        lambda x: _saved(x, _use_new_zipfile_serialization=False),
    ],
)
def test_a_value_that_is_pickled_on_its_way_keeps_its_edge_in_a_row_that_says_so(way: Any, device: str) -> None:
    analysis = analyze(trace(Apart(lambda _, x: way(x)).to(device), (4,)))
    row = next(row for row in analysis.rows if row.name == analysis["b"].inputs[0])
    assert (row.node.layer.label, row.inputs) == ("unpickled", ("a",))
    assert "its values were pickled" in str(row.reason("receptive_field"))
    assert (analysis.totals.parameters, analysis.totals.macs) == (30, 16 + 8)


def test_a_weight_that_is_pickled_on_its_way_is_still_that_weight() -> None:
    def used(module: nn.Module, x: Tensor) -> Tensor:
        return F.linear(x, pickle.loads(pickle.dumps(module.c.weight)))  # type: ignore[union-attr]

    analysis = analyze(trace(Apart(used, c=nn.Linear(4, 4, bias=False)), (4,)))
    assert (analysis.totals.parameters, analysis.totals.macs) == (30 + 16, 16 + 16 + 8)
    assert analysis["b"].inputs == ("c",) or analysis["b"].inputs == ("linear",)


def test_no_line_claims_more_of_a_number_that_left_than_is_known() -> None:
    """One scales what comes after, another is followed by a constant that has nothing to do with it."""

    class Numbers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.fc(x)
            return x * float(x.max()) + torch.tensor(0.0)

    analysis = analyze(trace(Numbers(), torch.zeros(1, 4)))
    text = " ".join(write(analysis, View()).split())
    assert "may have decided what ran, or gone on as numbers: `float` gave " in text
    assert "whether this is made of them, and how, is not known" in str(analysis["outside"].reason("macs"))
    assert (analysis.totals.macs, analysis.totals.macs_at_least) == (None, 16)


def test_a_tensor_made_around_the_memory_of_another_keeps_its_edge() -> None:
    def around(_: nn.Module, x: Tensor) -> Tensor:
        return torch.empty(0).set_(x.untyped_storage(), 0, (1, 4))

    assert analyze(trace(Apart(around), (4,)))["set"].inputs == ("a",)


@pytest.mark.parametrize("as_number", [float, int, complex])
def test_values_that_become_numbers_one_by_one_keep_their_edges(as_number: Any) -> None:
    def numbers(_: nn.Module, x: Tensor) -> Tensor:
        return torch.tensor([[as_number(each) for each in row] for row in x]).real.float()

    analysis = analyze(trace(Apart(numbers), (4,)))
    assert f"values left PyTorch by `{as_number.__name__}`" in str(analysis["outside"].reason("macs"))
    assert analysis.totals.macs_at_least == 16 + 8


def test_an_error_of_our_own_is_not_told_as_the_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tries(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Any:
            try:
                return self.fc(x)
            except ZeroDivisionError:
                return x

    def breaks(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("in archscope")

    monkeypatch.setattr("archscope.recognising.nodes.Nodes.keep", breaks)
    for module in (nn.Linear(4, 4), Tries()):
        with pytest.raises(ZeroDivisionError, match="in archscope"):
            trace(module, (4,))


def test_values_that_leave_pytorch_and_come_back_keep_their_edges_and_say_so() -> None:
    class Leaves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Any:
            return self.b(torch.from_numpy(self.a(x).numpy() * 2))

    analysis = analyze(trace(Leaves(), (4,)))
    assert analysis["outside"].inputs == ("a",)
    assert analysis["b"].inputs == ("outside",)
    assert (analysis.totals.macs, analysis.totals.macs_at_least) == (None, 18)
    assert "values left PyTorch by `numpy`" in str(analysis["outside"].reason("macs"))


def test_a_value_that_decides_what_runs_is_said() -> None:
    class Routes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate, self.ways = nn.Linear(4, 3), nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])

        def forward(self, x: Tensor) -> Any:
            return self.ways[int(self.gate(x).argmax())](x)

    analysis = analyze(trace(Routes(), (4,)))
    assert analysis.totals.parameters == 15 + 3 * 20
    assert sum(row.parameters for row in analysis.rows) == 15 + 20
    assert "may have decided what ran, or gone on as numbers, on inputs of zeros: `int` gave " in write(
        analysis, View()
    )
    assert "40 parameters in this forward pass" in write(analysis, View())
    (looked,) = plain(analysis, View())["module"]["looked_at_values"]
    assert (looked["function"], looked["times"], len(looked["values"])) == ("int", 1, 1)


def test_of_many_values_that_decided_the_first_are_said() -> None:
    class Steps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.count = nn.Linear(4, 4), nn.Parameter(torch.tensor(6.0), requires_grad=False)

        def forward(self, x: Tensor) -> Any:
            for step in range(int(self.count)):
                if (x.sum() * 0 + step).item() < 5:
                    x = self.a(x)
            return x

    analysis = analyze(trace(Steps(), torch.zeros(1, 4)))
    assert analysis.totals.macs == 5 * 16
    assert "may have decided what ran, or gone on as numbers: `int` gave 6, `item` gave 0, 1, 2, …" in " ".join(
        write(analysis, View()).split()
    )


Block = Callable[[random.Random, int], tuple[nn.Module, int]]
"""Makes a module over ``(positions, features)`` of so many features, and says how many it makes."""


class Does(nn.Module):
    def __init__(self, run: Callable[..., Tensor], **parts: Any) -> None:
        super().__init__()
        self.run = run
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self, x)


def _dense(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    made = draw.randint(1, 9)
    return nn.Linear(wide, made, bias=draw.random() < 0.5), made


def _conv(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    made, kernel = draw.randint(1, 6), draw.choice((1, 3))
    part = nn.Conv1d(wide, made, kernel, padding=kernel // 2, bias=draw.random() < 0.5)
    return Does(lambda s, x: s.part(x.transpose(1, 2)).transpose(1, 2), part=part), made


def _recurrent(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    kind, made, both = draw.choice((nn.RNN, nn.LSTM, nn.GRU)), draw.randint(1, 4), draw.random() < 0.5
    part = kind(wide, made, num_layers=draw.randint(1, 2), bidirectional=both, batch_first=True)
    return Does(lambda s, x: s.part(x)[0], part=part), made * (2 if both else 1)


def _attention(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    part = nn.MultiheadAttention(wide, 1, batch_first=True, add_zero_attn=draw.random() < 0.3)
    return Does(lambda s, x: s.part(x, x, x, need_weights=draw.random() < 0.5)[0], part=part), wide


def _function(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    made = draw.randint(1, 5)
    weight = nn.Parameter(torch.rand(wide, made))
    run = draw.choice((
        lambda s, x: torch.einsum("bij,jk->bik", x, s.w), lambda s, x: x @ s.w,
        lambda s, x: torch.bmm(x, s.w.expand(len(x), -1, -1)), lambda s, x: torch.tensordot(x, s.w, 1),
    ))  # fmt: skip
    return Does(run, w=weight), made


def _scores(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    if draw.random() < 0.5:
        return Does(lambda s, x: F.scaled_dot_product_attention(x, x, x)), wide
    return Does(lambda s, x: (x @ x.transpose(1, 2)).softmax(-1) @ x), wide


def _constant(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    made = draw.randint(1, 5)
    parts = {"k": nn.Parameter(torch.rand(1, 3, wide)), "fc": nn.Linear(wide, wide), "out": nn.Linear(wide, made)}
    return Does(lambda s, x: s.out(torch.cat([s.fc(s.k).expand(len(x), -1, -1), x], 1)), **parts), made


def _tried(x: Tensor) -> Tensor:
    """A call that raises after half of it has run, and a constant that nobody reads."""
    torch.ones(3, device=x.device).sqrt()
    try:
        return F.linear(x, x.new_ones(2, x.shape[-1]), x.new_ones(3))
    except RuntimeError:
        return x.exp()


def _halves(x: Tensor) -> Tensor:
    made = torch.zeros_like(x)
    made[:, :2] = x[:, :2]
    made[:, 2:].add_(x[:, 2:])
    return made


def _plain(draw: random.Random, wide: int) -> tuple[nn.Module, int]:
    run = draw.choice((
        lambda s, x: x.relu() + x, lambda s, x: F.layer_norm(x, x.shape[-1:]), lambda s, x: x.flip(1).contiguous(),
        lambda s, x: torch.cat([x[:, :1], x[:, 1:] * 2], 1), lambda s, x: x.clone().add_(x.mean(1, keepdim=True)),
        lambda s, x: torch.stack(list(x * 2)), lambda s, x: x.masked_fill(x > 0, 0.0),
        lambda s, x: x + torch.arange(5, device=x.device)[:, None].flip(0) * 2, lambda s, x: x[:, [0, 2, 1]],
        lambda s, x: _tried(x) + x, lambda s, x: torch.vmap(torch.tanh)(x) + torch.zeros(1, device=x.device).cos(),
        lambda s, x: x.double().float().detach().view(x.shape), lambda s, x: _halves(x),
    ))  # fmt: skip
    return Does(run), wide


BLOCKS: tuple[Block, ...] = (_dense, _conv, _recurrent, _attention, _function, _scores, _constant, _plain)


@pytest.mark.parametrize("seed", range(40))
def test_the_rows_of_any_module_add_up_to_what_the_dispatcher_saw(seed: int) -> None:
    draw = random.Random(seed)
    wide = first = draw.randint(1, 8)
    parts: list[nn.Module] = []
    for _ in range(draw.randint(1, 6)):
        part, wide = draw.choice(BLOCKS)(draw, wide)
        parts.append(part)
    module, batch = nn.Sequential(*parts), draw.choice((1, 1, 3))
    analysis = analyze(trace(module, torch.empty(batch, 5, first, device="meta")))
    run = run_once(module, Call((Given((5, first), "float32"),), batch=batch), ["x"], Way(False, False, False, True))
    seen = sum(int(each.macs or 0) for each in run.tracer.ledger.every)
    assert sum(int(row.macs or 0) for row in analysis.rows) == analysis.totals.macs == seen
    observed = analysis.network.observed
    assert observed is not None
    assert observed.ran.keys() == {node.name for node in analysis.network.nodes}
    assert sum(observed.ran.values()) == observed.operations == len(run.tracer.ledger.every)
    assert analysis.totals.parameters == sum(each.numel() for each in module.parameters())
    module.to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        module(torch.empty(batch, 5, first, device="meta"))
    assert counter.get_total_flops() == 2 * seen


def test_layers_of_our_own_keep_their_rules() -> None:
    """C3 of LeNet-5 multiplies 150,000 times, though PyTorch's convolution under it runs over all pairs of maps."""
    analysis = analyze(trace(archscope.build(archscope.load("lenet5")), (1, 32, 32)))
    assert (analysis["C3"].macs, analysis.totals.macs) == (150_000, 326_520)


class _GivesUp(nn.Module):
    """Tries attention with a mask of another size, which is noticed after the projections have run, and goes on."""

    def __init__(self, *, inside: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.inside, self.out = inside, nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Any:
        mask = torch.zeros(2, 2)
        with contextlib.suppress(RuntimeError):
            if self.inside:
                return self.attention(x, x, x, attn_mask=mask)
            rows, one = x.transpose(0, 1), self.attention
            return F.multi_head_attention_forward(
                rows, rows, rows, 8, 2, one.in_proj_weight, one.in_proj_bias, None, None, False, 0.0,
                one.out_proj.weight, one.out_proj.bias, attn_mask=mask,
            )  # fmt: skip
        return self.out(x)


@pytest.mark.parametrize("inside", [False, True])
def test_what_ran_before_an_error_that_a_module_catches_is_in_its_own_row(inside: bool) -> None:
    module = _GivesUp(inside=inside).eval()
    analysis = analyze(trace(module, (5, 8)))
    observed = analysis.network.observed
    assert observed is not None
    assert sum(observed.ran.values()) == observed.operations
    # Three projections of 8 to 8 for each of 5 positions, and then the layer after them.
    assert analysis.totals.macs == 5 * 3 * 8 * 8 + 5 * 8 * 3
    assert sum(row.macs or 0 for row in analysis.rows if row.name != "out") == 5 * 3 * 8 * 8
