"""Modules that do what few do: each kind once gave a wrong number in silence, or could not be read."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archscope import analyze, trace
from archscope.cli import main
from archscope.errors import UsageError


class _ReadTwice(nn.Module):
    """A layer whose matrix a function reads first."""

    def __init__(self, read: Any, layer: nn.Module) -> None:
        super().__init__()
        self.read, self.layer = read, layer

    def forward(self, x: Tensor) -> Any:
        first = self.read(x, self.layer)
        return first, self.layer(first.argmax(-1) if isinstance(self.layer, nn.Embedding) else x)


class _Attending(_ReadTwice):
    def forward(self, x: Tensor) -> Any:
        attended = self.layer(x, x, x)[0]
        return attended, F.linear(attended, self.layer.in_proj_weight, self.layer.in_proj_bias)


@pytest.mark.parametrize(
    ("module", "shape", "parameters"),
    [
        # Distances to a codebook of ten vectors of four, and the nearest ones.
        (_ReadTwice(lambda x, layer: torch.cdist(x, layer.weight), nn.Embedding(10, 4)), (6, 4), 40),
        (_ReadTwice(lambda x, layer: torch.einsum("bij,kj->bik", x, layer.weight), nn.Embedding(10, 4)), (6, 4), 40),
        (_ReadTwice(lambda x, layer: F.cosine_similarity(x, layer.weight), nn.Linear(4, 4)), (4,), 20),
        (_ReadTwice(lambda x, layer: x * layer.weight.sum(0), nn.Linear(4, 3)), (4,), 15),
        # 3·8·8 + 3·8 of the projections, 8·8 + 8 of the output.
        (_Attending(None, nn.MultiheadAttention(8, 2, batch_first=True)), (5, 8), 288),
    ],
)
def test_a_weight_that_a_function_and_a_layer_read_is_counted_once(
    module: nn.Module, shape: tuple[int, ...], parameters: int
) -> None:
    analysis = analyze(trace(module, shape))
    assert analysis.totals.parameters == parameters == sum(each.numel() for each in module.parameters())
    assert sum(row.parameters for row in analysis.rows) == parameters


class _Arithmetic(nn.Module):
    def __init__(self, change: Any) -> None:
        super().__init__()
        self.change, self.layer = change, nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Any:
        return self.layer(self.change(x))


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x + 0, lambda x: 0 + x, lambda x: x * 1.0, lambda x: x / 1, lambda x: x - 0, lambda x: x / 0.0,
        lambda x: x * float("inf"), lambda x: x + float("-inf"), lambda x: x * float("nan"), lambda x: x**1,
        lambda x: x**0, lambda x: sum([x, x]), lambda x: x.mul(2).add_(0), lambda x: x[:, 0:4],
        lambda x: x.split([4], 1)[0], lambda x: x.transpose(1, 1), lambda x: x[...], lambda x: x[:, None][:, 0],
    ],
)  # fmt: skip
def test_arithmetic_that_changes_nothing_or_is_no_number_stops_no_module(change: Any) -> None:
    totals = analyze(trace(_Arithmetic(change), (4,))).totals
    assert (totals.parameters, totals.macs) == (10, 8)


@pytest.mark.parametrize(
    "cut", [nn.ZeroPad2d((0, 0, 1, -1)), nn.ConstantPad1d((-1, 1), 0.0), nn.ConstantPad1d((-1, 1), 2.0)]
)
def test_padding_that_cuts_off_stops_no_module(cut: nn.Module) -> None:
    totals = analyze(trace(nn.Sequential(cut, nn.Linear(4, 2)), (3, 4))).totals
    assert (totals.parameters, totals.macs) == (10, 3 * 8)


class _Descending(nn.Module):
    """Takes a step down its own loss before it answers, or the gradient of its energy."""

    def __init__(self, *, written: bool) -> None:
        super().__init__()
        self.written, self.layer = written, nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Any:
        with torch.enable_grad():
            if not self.written:
                x = x.detach().requires_grad_()
                return torch.autograd.grad(self.layer(x).pow(2).sum(), x)[0]
            (self.layer(x) - x).pow(2).mean().backward()
        with torch.no_grad():
            for each in self.layer.parameters():
                each -= 0.1 * each.grad  # type: ignore[operator]
                each.grad = None
        return self.layer(x)


@pytest.mark.parametrize(
    ("written", "macs"),
    # 4·4 forward; the gradient of x is another 4·4, that of the weights too; then forward again.
    [(False, 2 * 16), (True, 3 * 16)],
)
def test_a_module_that_takes_gradients_on_its_way_has_their_products(written: bool, macs: int) -> None:
    module = _Descending(written=written)
    before = {name: (each.tolist(), each._version, each.grad) for name, each in module.named_parameters()}
    analysis = analyze(trace(module, (4,)))
    assert (analysis.totals.parameters, analysis.totals.macs) == (20, macs)
    assert sum(row.macs or 0 for row in analysis.rows) == macs
    assert before == {name: (each.tolist(), each._version, each.grad) for name, each in module.named_parameters()}


def test_a_grid_that_is_turned_multiplies_every_position_by_its_matrix() -> None:
    class Turned(nn.Module):
        def forward(self, theta: Tensor) -> Any:
            return F.affine_grid(theta, [1, 3, 4, 5], align_corners=False)

    # 4·5 positions (x, y, 1) by 2 rows of 3.
    assert analyze(trace(Turned(), (2, 3))).totals.macs == 4 * 5 * 3 * 2


def test_a_number_made_of_its_length_and_angle_multiplies_nothing() -> None:
    class Polar(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return torch.polar(torch.ones_like(x), x).real

    assert analyze(trace(Polar(), (4,))).totals.macs == 0


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_border_may_be_as_wide_as_a_tensor_says(device: str) -> None:
    class Bordered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(2, 1, 2)

        def forward(self, x: Tensor) -> Any:
            wide = torch.tensor(1, device="cpu")
            return self.conv(F.pad(x, (wide, wide)))

    totals = analyze(trace(Bordered().to(device), (2, 3))).totals
    # Five positions with the border, four windows of 2·2.
    assert (totals.parameters, totals.macs) == (5, 4 * 4)


def test_a_parameter_of_more_values_than_any_architecture_has_is_counted_where_it_is_read() -> None:
    class Vast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w, self.layer = nn.Parameter(torch.empty(10**14, device="meta")), nn.Linear(4, 3, device="meta")

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x) + self.w[:3]

    analysis = analyze(trace(Vast(), (4,)))
    assert analysis.totals.parameters == 10**14 + 15
    assert [row.parameters for row in analysis.rows] == [15, 10**14]
    assert analysis.totals.connections is None


class _Part(nn.Module):
    """Refuses to answer while it is asked within ``forward``."""

    asked: ClassVar[list[int]] = []

    def __getattr__(self, name: str) -> Any:
        return self.refused() if self.asked else super().__getattr__(name)

    def __len__(self) -> int:
        return self.refused() if self.asked else 1

    def refused(self) -> Any:
        raise ValueError("not now")


class _Asking(nn.Module):
    def __init__(self, use: Any) -> None:
        super().__init__()
        self.part, self.use = _Part(), use

    def forward(self, x: Tensor) -> Tensor:
        self.part.asked.append(1)
        try:
            return x + self.use(self.part)
        finally:
            self.part.asked.clear()


@pytest.mark.parametrize(("method", "use"), [("__getattr__", lambda part: part.scale), ("__len__", len)])
def test_what_python_asks_a_part_for_in_vain_is_no_matter_of_the_input(method: str, use: Any) -> None:
    with pytest.raises(UsageError) as caught:
        trace(_Asking(use), (4,))
    assert f"; its `{method}` raised that, whatever the input; mend that first" in str(caught.value)
    assert "tried too" not in str(caught.value)
    with pytest.raises(UsageError, match="call it with tensors of your own if it takes others"):
        trace(_Asking(_Part.refused), (4,))


class _Slip(nn.Module):
    """A module with a slip of the pen in its code."""

    def __init__(self, slip: Any) -> None:
        super().__init__()
        self.a, self.slip = nn.Linear(4, 4), slip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.slip(self, x)


@pytest.mark.parametrize("slip", [
    lambda own, x: own.b(x), lambda own, x: own.a.wieght, lambda own, x: y,  # noqa: F821
    lambda own, x: __import__("no_such_one"),
])  # fmt: skip
def test_a_slip_in_the_code_of_a_module_has_no_advice_about_inputs(slip: Any) -> None:
    with pytest.raises(UsageError) as caught:
        trace(_Slip(slip), (4,))
    assert re.search(r" \(at \S*test_odd_modules.py:\d+\); that is in the code of the module: mend it first$",
                     str(caught.value))  # fmt: skip


@pytest.mark.parametrize(("slip", "says"), [
    (lambda own, x: x.foo(), "; mend the module, or if an input is more than a tensor, call it with that"),
    (lambda own, x: own.a(x, x), "; mend the module, or call it with tensors of your own if it takes others"),
    (lambda own, x: own.a(), "; mend the module, or call it with tensors of your own if it takes others"),
])  # fmt: skip
def test_what_may_be_in_the_code_or_in_the_inputs_is_told_as_both(slip: Any, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        trace(_Slip(slip), (4,))
    assert str(caught.value).endswith(says)
    assert "tried too" not in str(caught.value)


def test_a_module_without_forward_or_without_flattening_says_what_to_write() -> None:
    class Nothing(nn.Module):
        pass

    with pytest.raises(UsageError, match=r"; write what it does as `def forward\(self, x\):`$"):
        trace(Nothing(), (4,))
    unflattened = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Linear(8 * 26 * 26, 10))
    with pytest.raises(UsageError, match=r"before[^;]*; flatten them in the module, by `x.flatten\(1\)` or an `nn.Fla"):
        trace(unflattened, (1, 28, 28))


def test_code_that_wants_a_device_that_is_not_here_is_told_so() -> None:
    with pytest.raises(
        UsageError, match=r"; no GPU is here: leave out `.cuda\(\)` and `device=`, and move the module w"
    ):
        trace(_Slip(_wants_a_gpu), (4,))


def _wants_a_gpu(own: Any, x: Tensor) -> Tensor:
    raise AssertionError("Torch not compiled with CUDA enabled")


class NeverOne(nn.Module):
    """Its class forgets that of `torch.nn.Module`."""

    def __init__(self) -> None:
        self.number = 3


class PartsFirst(nn.Module):
    """Has a part before it is a module."""

    def __init__(self) -> None:
        self.a = nn.Linear(4, 4)
        super().__init__()


@pytest.mark.parametrize("module", [NeverOne, lambda: nn.Sequential(NeverOne())])
def test_what_never_became_a_module_is_told_what_to_write(module: Any) -> None:
    with pytest.raises(
        UsageError, match=r"NeverOne\b.* is no whole module yet; write `super\(\).__init__\(\)` first in"
    ):
        trace(module(), (4,))


@pytest.mark.parametrize("name", ["NeverOne", "PartsFirst"])
def test_a_class_that_is_no_module_yet_is_told_what_to_write(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", f"{__name__}:{name}@4"]) == 2
    assert capsys.readouterr().err.endswith("; write `super().__init__()` first in its `__init__`\n")


@pytest.mark.parametrize("slip", [lambda own, x: None.shape, lambda own, x: own.a(x[:, :2]), lambda own, x: {}["a"]])
def test_what_other_inputs_may_mend_keeps_the_advice_about_them(slip: Any) -> None:
    with pytest.raises(UsageError, match=r"; call it with tensors of your own if it takes others$"):
        trace(_Slip(slip), (4,))
