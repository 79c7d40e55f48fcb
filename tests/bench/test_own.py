"""A person's own module is timed as it is: its weights, its inputs, its layers, and nothing stays behind."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archscope
from archscope.bench.clocks import HostClock
from archscope.bench.draws import same_draws
from archscope.bench.eager import operations_of
from archscope.bench.inplace import time_layers
from archscope.bench.measure import Settings, measure_cell
from archscope.bench.merging import merge
from archscope.bench.own import prepare_own, times_by_node
from archscope.bench.plan import Cell
from archscope.bench.precision import PRECISIONS
from archscope.bench.timing import Limits
from archscope.bench.worker import Worker
from archscope.requests import Request
from archscope.tracing.calling import Called, call_thing
from tests.bench.test_work import GIVEN

CPU = torch.device("cpu")
BRIEF = Settings(Limits(figure=0.02, warm_up=0.02, window=0.002))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class LastStep(nn.Module):
    """A layer that runs twice, a recurrent one, and functions between them."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.lstm, self.out = nn.Linear(8, 8), nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"y": self.out(self.lstm(self.fc(self.fc(x)).relu())[0][:, -1])}


def cell(**axes: Any) -> Cell:
    return Cell(**{"model": "LastStep", "batch": 1, "dtype": "fp32", "layout": "nchw", "engine": "eager",
                   "mode": "infer", **axes})  # fmt: skip


def called(module: nn.Module, *args: Any, **kwargs: Any) -> tuple[Called, archscope.Analysis]:
    it = call_thing(module, args, kwargs)
    return it, archscope.analyze(it.network)


@pytest.mark.parametrize("axes", [{}, {"batch": 3}, {"mode": "train", "batch": 2}, {"dtype": "amp-bf16"}])
def test_a_module_that_cannot_be_built_from_a_spec_is_measured(axes: dict[str, Any]) -> None:
    it, analysis = called(LastStep(), (6, 8))
    found = measure_cell(analysis, cell(**axes), CPU, HostClock(), BRIEF, module=it)
    assert (found["status"], found["error"]) == ("ok", None)
    assert found["check"]["passed"]
    if not axes:
        nodes = found["layers"]["nodes"]
        assert {name for name, seconds in nodes.items() if seconds} == {"fc", "fc_2", "lstm", "out"}
        merged = merge(cell(), analysis, GIVEN, [found], {})
        assert [row["name"] for row in merged["layers"]] == ["fc", "fc_2", "lstm", "out", "between layers"]


def test_a_module_that_training_changes_is_held_to_what_it_gave_before() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 2))
    it, analysis = called(module, (3, 8, 8))
    found = measure_cell(analysis, cell(mode="train"), CPU, HostClock(), BRIEF, module=it)
    assert (found["status"], found["error"]) == ("ok", None)


def test_its_own_weights_and_inputs_run_and_the_output_is_that_of_the_module() -> None:
    module, given = LastStep().eval(), torch.randn(1, 6, 8)
    it, analysis = called(module, given)
    work = prepare_own(it, analysis, cell(), CPU)
    with torch.no_grad():
        assert torch.equal(work.call()["y"], module(given)["y"])
    assert torch.allclose(work.expected[0].float(), module(given)["y"], atol=1e-6)
    assert work.args[0] is given


def test_layers_are_timed_through_hooks_that_are_gone_afterwards_and_change_nothing() -> None:
    module, given = LastStep().eval(), torch.randn(1, 6, 8)
    with torch.no_grad():
        before = module(given)["y"]
        found = time_layers(module, (given,), HostClock(), Limits(figure=0.02))
        assert torch.equal(module(given)["y"], before)
    assert found.names == ("fc", "fc", "lstm", "out")
    assert all(seconds > 0 for seconds in found.seconds)
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in module.modules())


def test_attention_whose_parts_do_not_run_is_one_layer() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: Tensor, *, mask: Tensor | None = None) -> Tensor:
            return self.attention(x, x, x, attn_mask=mask)[0]

    mask = torch.zeros(5, 5)
    with torch.no_grad():
        found = time_layers(Attends(), (torch.randn(1, 5, 8),), HostClock(), Limits(figure=0.02), kwargs={"mask": mask})
    assert found.names == ("attention",)


def test_the_second_run_of_a_layer_is_the_second_row() -> None:
    _, analysis = called(LastStep(), (6, 8))
    nodes = times_by_node(analysis, ("fc", "fc", "lstm", "out"), (1.0, 2.0, 3.0, 4.0))
    assert {name: seconds for name, seconds in nodes.items() if seconds} == {"fc": 1, "fc_2": 2, "lstm": 3, "out": 4}


class Turned(nn.Module):
    """A layer of a class that no layer is of, as the ``Conv1D`` of GPT-2: its weight lies turned."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(inputs, outputs)), nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x, self.weight)


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = Turned(8, 16), Turned(16, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.up(self.down(self.up(x))))


def test_a_module_that_becomes_one_row_has_the_time_of_its_calls() -> None:
    _, analysis = called(Head(), (8,))
    names = [row.name for row in analysis.rows]
    assert names == ["up.linear", "down.linear", "up.addmm", "down.addmm"]  # a second use of the weights is no layer
    nodes = times_by_node(analysis, ("up", "down", "up", "down"), (1.0, 2.0, 3.0, 4.0))
    assert nodes == dict(zip(names, (1, 2, 3, 4), strict=True))


def test_time_of_a_module_of_several_rows_is_given_to_none() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(8, 8))

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.weight @ self.weight.t()

    _, analysis = called(nn.Sequential(Both(), nn.Linear(8, 2)), (8,))
    assert times_by_node(analysis, ("0", "1"), (1.0, 2.0)) == {"1": 2}


def test_an_example_is_one_call_whatever_lies_in_it() -> None:
    it, analysis = called(LastStep(), torch.randn(4, 6, 8))
    found = measure_cell(analysis, cell(batch=8), CPU, HostClock(), BRIEF, module=it)
    assert found["status"] == "unsupported"
    assert "what it is called with brings a batch of its own, which is one call" in found["error"]
    assert measure_cell(analysis, cell(), CPU, HostClock(), BRIEF, module=it)["status"] == "ok"


def test_a_format_without_an_implementation_names_the_layer() -> None:
    class Norms(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.lrn = nn.Conv2d(3, 4, 1), nn.LocalResponseNorm(2)

        def forward(self, x: Tensor) -> Tensor:
            return self.lrn(self.fc(x))

    it, analysis = called(Norms(), (3, 8, 8))
    found = measure_cell(analysis, cell(dtype="bf16"), CPU, HostClock(), BRIEF, module=it)
    assert found["status"] == "unsupported"
    assert found["error"].startswith("layer `lrn`: PyTorch's avg_pool3d has no bf16 on cpu; try --dtype amp-bf16")


@pytest.mark.parametrize("raised", [ValueError("boom"), SystemExit(3)])
def test_whatever_a_module_raises_with_values_is_the_status_of_its_cell(raised: BaseException) -> None:
    class Raises(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            if not x.is_meta:
                raise raised
            return super().forward(x)

    it, analysis = called(Raises(8, 8), (8,))
    found = measure_cell(analysis, cell(), CPU, HostClock(), BRIEF, module=it)
    assert found["status"] == "error"
    assert found["error"].startswith(f"{type(raised).__name__}: {raised} (at ")
    assert found["error"].endswith("; nobody gave values of its inputs, and whole numbers are zeros: if it wants "
                                   "others, name a function that returns them, --example mypkg.models:example"
                                   )  # fmt: skip


class Reader(nn.Module):
    """Reads texts whose ids of 0 are padding, which PyTorch's encoder leaves out."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 16, padding_idx=0)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2)

    def forward(self, ids: Tensor) -> Any:
        return self.encoder(self.words(ids), src_key_padding_mask=ids == 0)


def test_a_text_of_padding_alone_is_told_with_what_to_write_and_words_are_measured() -> None:
    it, analysis = called(Reader(), (12,))
    found = measure_cell(analysis, cell(), CPU, HostClock(), BRIEF, module=it)
    assert found["status"] == "error"
    assert found["error"].startswith("RuntimeError: ")
    assert "(at tests/bench/test_own.py:" in found["error"]
    assert found["error"].endswith("--example mypkg.models:example")
    it, analysis = called(Reader(), torch.arange(1, 13)[None])
    assert measure_cell(analysis, cell(), CPU, HostClock(), BRIEF, module=it)["status"] == "ok"


def test_what_stops_on_values_that_somebody_gave_is_told_without_asking_for_them() -> None:
    it, analysis = called(Reader(), torch.zeros(1, 12, dtype=torch.int64))
    found = measure_cell(analysis, cell(), CPU, HostClock(), BRIEF, module=it)
    assert found["status"] == "error"
    assert "example" not in found["error"]


def test_an_output_that_is_not_the_modules_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    from archscope.bench import measure as measuring

    honest = measuring.prepare_own

    def perturbed(*args: Any) -> Any:
        work = honest(*args)
        with torch.no_grad():
            work.module.out.weight.mul_(1.05)
        return work

    monkeypatch.setattr(measuring, "prepare_own", perturbed)
    it, analysis = called(LastStep(), (6, 8))
    found = measure_cell(analysis, cell(), CPU, HostClock(), BRIEF, module=it)
    assert found["status"] == "incorrect"


class Masks(nn.Module):
    """Draws which positions it keeps, as a masked autoencoder does, and noise, and what it drops at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Any:
        kept = torch.rand(x.shape[:2], device=x.device, dtype=x.dtype).argsort(1)[:, :3]
        x = self.fc(x.gather(1, kept[..., None].expand(-1, -1, 8))) + torch.randn_like(x[:, :3])
        return F.dropout(x, 0.5, training=True) * (1 + random.random()) * float(np.random.rand())


@pytest.mark.parametrize("axes", [{}, {"dtype": "bf16"}, {"dtype": "amp-bf16"}, {"mode": "train"}])
def test_what_a_module_draws_at_random_is_the_same_where_it_is_compared(axes: dict[str, Any]) -> None:
    it, analysis = called(Masks(), (16, 8))
    found = measure_cell(analysis, cell(**axes), CPU, HostClock(), BRIEF, module=it)
    assert (found["status"], found["error"]) == ("ok", None)
    assert found["check"]["rel_l2"] < 2e-2
    if axes == {}:  # training draws by itself, and so does what is timed
        work = prepare_own(it, analysis, cell(), CPU)
        with torch.no_grad():
            assert not torch.equal(work.call(), work.call())


def test_random_numbers_are_as_before_where_outputs_were_compared() -> None:
    def states() -> tuple[Any, ...]:
        return torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()

    before = states()
    with same_draws(torch.bfloat16) as draws:
        assert draws is not None
        first = torch.rand(3), torch.randint(5, (3,)), torch.empty(3).normal_(), random.random(), np.random.rand()
    assert draws.many == 3
    assert states() == before
    with same_draws(torch.bfloat16):
        again = torch.rand(3), torch.randint(5, (3,)), torch.empty(3).normal_(), random.random(), np.random.rand()
    assert all(torch.equal(one, other) for one, other in zip(first[:3], again[:3], strict=True))
    assert first[3:] == again[3:]


def test_a_module_that_never_gives_the_same_twice_is_not_called_incorrect() -> None:
    class Counts(LastStep):
        times = 0

        def forward(self, x: Tensor) -> Any:
            Counts.times += 1
            return self.fc(x) * Counts.times

    it, analysis = called(Counts(), (6, 8))
    found = measure_cell(analysis, cell(), CPU, HostClock(), BRIEF, module=it)
    assert found["status"] == "unsupported"
    assert found["error"].startswith(
        "not comparable: it gives another output each time, though what it draws at random"
    )


def test_a_worker_opens_a_module_as_it_was_asked_for() -> None:
    request = Request("tests.tracing.called:Steps", inputs=("8", "steps=2"), options="bias=False")
    assert Request.read(request.document()) == request
    worker = Worker()
    worker.do_hello({"device": "auto", "requests": [request.document()]})
    operations = worker.do_operations({"model": request.document(), "dtype": "fp32", "batch": 3, "mode": "infer"})
    assert sum(flops for flops, _ in operations["operations"]) == 2 * 3 * 2 * 64
    assert operations["launches"]["fc"] == 2
    settings = {"limits": {"figure": 0.02, "warm_up": 0.02, "window": 0.002}, "seed": 0, "layers": True}
    answer = worker.do_cell({"cell": {**cell().document(), "model": request.document()}, "settings": settings})
    assert answer["status"] == "ok"
    assert {name for name, seconds in answer["layers"]["nodes"].items() if seconds} == {"fc", "fc_2"}


def test_a_worker_opens_a_spec_with_the_input_that_was_asked_for() -> None:
    """C1 of LeNet-5 on 36×36 pixels: 32·32 places of 6 maps, 25 products each."""
    request = Request("lenet5-pytorch", inputs=("1,36,36",))
    worker = Worker()
    worker.do_hello({"device": "cpu"})
    operations = worker.do_operations({"model": request.document(), "dtype": "fp32", "batch": 1, "mode": "infer"})
    assert operations["operations"][0][0] == 2 * 32 * 32 * 6 * 25


def test_operations_of_a_module_that_wants_values_are_not_listed() -> None:
    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x) if float(x.sum()) < 1e9 else x

    it, _ = called(Looks(), (4,))
    assert operations_of(it, PRECISIONS["fp32"], batch=1) is None


def test_the_command_measures_a_module(archscope_run: Any, tmp_path: Path) -> None:
    result, ceilings = tmp_path / "result.json", tmp_path / "ceilings.json"
    ceilings.write_text(json.dumps({"device": "given", "peak_flops": {"fp32": 1e11}, "bandwidth": 1e10}))
    run = archscope_run("bench", "tests.bench.test_own:LastStep@6,8", "--device", "cpu", "--quick", "--seconds", "0.02",
                        "--ceilings", str(ceilings), "-o", str(result))  # fmt: skip
    assert run.status == 0, run.err
    (only,) = json.loads(result.read_text(encoding="utf-8"))["cells"]
    assert [row["name"] for row in only["layers"]][:2] == ["fc", "fc_2"]
    assert only["model"]["macs"] == 6 * 64 * 2 + 6 * 64 * 24 + 32
