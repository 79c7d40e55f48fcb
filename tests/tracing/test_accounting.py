"""Everything that ran is accounted for: hand-worked numbers in every mode, and rows that add up to what was seen."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archscope
from archscope import analyze, trace
from archscope.formats.json import plain
from archscope.formats.sheet import View
from archscope.formats.table import write
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


class Whitened(nn.LSTM):
    """A layer of PyTorch's, in whose place more runs than it does."""

    def forward(self, x: Tensor) -> Any:
        made, states = super().forward(x)
        return made + torch.fft.fft(made, dim=1).real, states


@pytest.mark.parametrize("batch", [1, 3])
def test_what_runs_beside_a_layer_in_its_own_place_leaves_it_a_lower_bound(batch: int) -> None:
    analysis = analyze(trace(Whitened(4, 4, batch_first=True), torch.zeros(batch, 5, 4)))
    (row,) = analysis.rows
    assert (row.macs, row.macs_at_least, row.connections) == (None, batch * 5 * 16 * (4 + 4), None)
    assert row.reasons["macs"] == "what `_fft_r2c` multiplies is not known"
    assert row.reasons["connections"] == "more ran there than the layer does"
    assert (row.label, analysis.totals.parameters) == ("LSTM, _fft_r2c", 160)


class Together(nn.Module):
    """Attention, time first, and a product that sums over its samples."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.MultiheadAttention(6, 2)

    def forward(self, x: Tensor) -> Any:
        y = self.a(x, x, x)[0]
        return torch.einsum("tbd,tbe->tde", y, y)


def test_a_product_that_sums_over_samples_is_counted_and_is_no_layer() -> None:
    analysis = analyze(trace(Together(), torch.zeros(3, 5, 6)))
    assert [row.macs for row in analysis.rows] == [4 * 15 * 36 + 2 * 5 * 9 * 6, 15 * 36]


class Forward(nn.Module):
    """A derivative beside the value, in a forward pass of its own: x @ w, dx @ w, and x @ dw with dw of zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 6)

    def forward(self, x: Tensor) -> Any:
        return torch.func.jvp(self.fc, (x,), (torch.ones_like(x),))[1]


def test_a_derivative_taken_forward_multiplies_three_times() -> None:
    totals = analyze(trace(Forward(), (5, 4))).totals
    assert (totals.macs, dict(totals.not_covered)) == (3 * 5 * 4 * 6, {})


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

    breaks.__code__ = breaks.__code__.replace(co_filename=archscope.__file__)  # whose code it is, its file says
    monkeypatch.setattr("archscope.recognising.nodes.Nodes.keep", breaks)
    for module in (nn.Linear(4, 4), Tries()):
        with pytest.raises(ZeroDivisionError, match="in archscope"):
            trace(module, (4,))


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


def test_a_thread_that_makes_nothing_leaves_nothing_unknown() -> None:
    over = threading.Event()
    other = threading.Thread(target=over.wait, daemon=True)
    other.start()
    try:
        # Tensors that no function of Python's hands on: those of a call that breaks off, and one made of numbers.
        for module, shape in ((_GivesUp(inside=False).eval(), (5, 8)), (_Numbers(), (5, 8))):
            assert not analyze(trace(module, shape)).totals.not_covered
    finally:
        over.set()
        other.join()


class _Numbers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.l = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.l(x[:, [-1, 0]] * torch.tensor([[2.0], [3.0]]))  # type: ignore[no-any-return]


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


class _AttendsOrNot(nn.Module):
    """Attention with a mask of a length, that code goes on without where the length is another one."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = torch.ones(4, 4, dtype=torch.bool).tril()
        with contextlib.suppress(RuntimeError):
            x = F.scaled_dot_product_attention(x, x, x, attn_mask=mask)
        return self.out(x)  # type: ignore[no-any-return]


def test_attention_that_breaks_off_has_no_options() -> None:
    analysis = analyze(trace(_AttendsOrNot(), (5, 8)))
    assert analysis.totals.macs == 5 * 8 * 3 + sum(row.macs or 0 for row in analysis.rows if row.name != "out")
