"""Values that leave what is followed, and come back or decide: their edges are kept, and a row or a line says so."""

from __future__ import annotations

import copy
import io
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._higher_order_ops.while_loop import while_loop

from archscope import analyze, trace
from archscope.formats.json import plain
from archscope.formats.sheet import View
from archscope.formats.table import write
from tests.tracing.apart import Apart

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


def _in_threads(module: nn.Module, x: Tensor) -> Tensor:
    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(lambda part: part(x), (module.c, module.d)))  # type: ignore[return-value, arg-type]


def _in_a_thread(module: nn.Module, x: Tensor) -> Tensor:
    """A layer that hangs in a list, and is no part of the module."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(module.hanging[0], x).result()  # type: ignore[operator, index, arg-type, no-any-return]


def _in_a_pool(module: nn.Module, x: Tensor) -> Tensor:
    """A layer and two products, the inner ones in a pool that another pool's thread hands them to."""
    with ThreadPoolExecutor(1) as pool, ThreadPoolExecutor(1) as inner:
        return pool.submit(lambda: inner.submit(lambda: module.c(x) @ module.w).result() @ module.w).result()  # type: ignore[operator]


def _side_by_side(module: nn.Module, x: Tensor) -> Tensor:
    """Two threads that wait for each other between two products."""
    met, found = threading.Barrier(2), [x, x]

    def run(number: int) -> None:
        half = x @ module.w  # type: ignore[operator]
        met.wait(10)
        found[number] = half @ module.w  # type: ignore[operator]

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return found[0] + found[1]


def _strided(module: nn.Module, x: Tensor) -> Tensor:
    return torch.nested.to_padded_tensor(torch.nested.as_nested_tensor(list(x)), 0.0)


@pytest.mark.parametrize(
    ("way", "parts", "parameters", "macs"),
    [
        (lambda s, x: torch.cond(x.sum() > 9, s.c, s.d, (x,)), {"c": nn.Linear(4, 4), "d": nn.Linear(4, 4)}, 20, 16),
        (lambda s, x: while_loop(lambda n, _: n < 3, lambda n, v: (n + 1, s.c(v)), (torch.tensor(0), x))[1],
         {"c": nn.Linear(4, 4)}, 20, 3 * 16),
        (_in_threads, {"c": nn.Linear(4, 4), "d": nn.Linear(4, 4, bias=False)}, 36, 2 * 16),
        (_in_a_pool, {"c": nn.Linear(4, 4), "w": nn.Parameter(torch.rand(4, 4))}, 36, 3 * 16),
        (_side_by_side, {"w": nn.Parameter(torch.rand(4, 4))}, 16, 4 * 16),
        (_in_a_thread, {"hanging": [nn.Linear(4, 4)]}, 0, 16),
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


def test_threads_are_followed_while_the_module_runs_and_no_longer() -> None:
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    with ThreadPoolExecutor(1) as pool:
        part = {"pool": [pool], "w": nn.Parameter(torch.rand(4, 4))}
        module = Apart(lambda s, x: s.pool[0].submit(torch.matmul, x, s.w).result(), **part)  # type: ignore[arg-type]
        assert analyze(trace(module, (4,))).totals.macs == 16 + 16 + 8
        assert not pool.submit(_modes).result()
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == (start, submit)


def _modes() -> list[Any]:
    """What looks on at the functions of this thread."""
    return torch.overrides._get_current_function_mode_stack()
