"""The paths that a GPU takes, on the fake device: PyTorch computes, virtual time passes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import archscope
from archscope.bench import measure as measuring
from archscope.bench import timing
from archscope.bench import work as working
from archscope.bench.clocks import CudaClock, HostClock, MpsClock, clock_for
from archscope.bench.fake import FakeDevice
from archscope.bench.inplace import time_layers
from archscope.bench.measure import Settings, measure_cell
from archscope.bench.plan import Cell
from archscope.bench.timing import Limits
from archscope.building import build

US = 1e-6
SHORT = Limits(figure=0.01, warm_up=0.01, window=1e-4, samples=100)


def gpu() -> FakeDevice:
    return FakeDevice(launch=5 * US, gap=1.5 * US, sync=8 * US)


class FakeCuda:
    """As much of ``torch.cuda`` as a clock uses, on a fake device whose chip runs at 1.98 GHz."""

    def __init__(self, device: FakeDevice) -> None:
        self.on = device

    def current_stream(self, device: object) -> SimpleNamespace:
        return SimpleNamespace(synchronize=self.on.synchronize)

    def _sleep(self, cycles: int) -> None:
        self.on.hold(cycles / 1.98e9)

    def Event(self, *, enable_timing: bool) -> Any:  # noqa: N802 - PyTorch's name
        assert enable_timing
        event = SimpleNamespace()
        event.record = lambda: setattr(event, "mark", self.on.mark())
        event.query = lambda: event.mark.reached()
        event.elapsed_time = lambda later: self.on.between(event.mark, later.mark) * 1e3
        return event


def cuda_clock(device: FakeDevice) -> CudaClock:
    fake = SimpleNamespace(cuda=FakeCuda(device), device=lambda kind, index: f"{kind}:{index}")
    clock = CudaClock(fake, 0)
    clock.now = device.now
    return clock


def test_the_cuda_clock_learns_how_long_a_spin_takes() -> None:
    device = gpu()
    clock = cuda_clock(device)
    first = clock.mark()
    clock.hold(0.01)
    second = clock.mark()
    assert clock.between(first, second) == pytest.approx(0.01 * CudaClock.SLACK, rel=0.01)


def test_the_four_times_through_cuda_events() -> None:
    device = gpu()
    clock = cuda_clock(device)

    def call() -> None:
        for _ in range(14):
            device.launch(1.5 * US)

    assert timing.latency(clock, call, SHORT).summary.median == pytest.approx(79.5 * US)
    assert timing.period(clock, call, SHORT, calls=10).summary.median == pytest.approx((70 + 9.5 / 10) * US)
    both = timing.host_and_device(clock, call, SHORT, estimate=79.5 * US)
    assert both is not None
    assert [each.summary.median for each in both] == pytest.approx([70 * US, 42 * US])


def test_metal_waits_through_its_own_synchronize_and_cannot_be_held_up() -> None:
    device = gpu()
    fake = SimpleNamespace(mps=SimpleNamespace(synchronize=device.synchronize, Event=FakeCuda(device).Event))
    clock = MpsClock(fake)
    clock.now = device.now
    assert timing.once(clock, lambda: device.launch(10 * US)) == pytest.approx(23 * US)
    clock.hold(1.0)
    assert device.free < 1.0


def test_a_device_gets_its_clock() -> None:
    assert isinstance(clock_for(torch, torch.device("cpu")), HostClock)


@contextmanager
def kernels_behind(module: Any, device: FakeDevice, seconds: float) -> Iterator[None]:
    """Every node of a built network also launches a kernel on the fake device."""
    hooks = [part.register_forward_hook(lambda *_: device.launch(seconds)) for _, part in module.nodes()]
    yield
    for hook in hooks:
        hook.remove()


def test_layers_of_a_gpu_are_timed_by_marks_in_the_queue_and_not_by_their_launches() -> None:
    module = build(archscope.load("lenet5-pytorch")).eval()
    device = gpu()
    with torch.inference_mode(), kernels_behind(module, device, 10 * US):
        found = time_layers(module, module.example_inputs(1), device, Limits(figure=1e-3))
    assert found.device
    assert found.seconds == pytest.approx([11.5 * US] * len(found.names))
    assert found.closure == pytest.approx(1)


def test_what_a_mark_takes_is_not_the_layers() -> None:
    module = build(archscope.load("lenet5-pytorch")).eval()
    device = FakeDevice(launch=5 * US, gap=1.5 * US, sync=8 * US, mark=4 * US)
    with torch.inference_mode(), kernels_behind(module, device, 10 * US):
        found = time_layers(module, module.example_inputs(1), device, Limits(figure=1e-3))
    assert found.seconds == pytest.approx([11.5 * US] * len(found.names))
    assert found.instrumented == pytest.approx(found.plain + 4 * US * (len(found.names) - 1))


def test_a_cell_is_prepared_in_the_arithmetic_in_which_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = working.prepare
    seen: list[tuple[bool, bool]] = []

    def prepared(*args: Any, **kwargs: Any) -> working.Workload:
        # A CUDA graph is captured here: with TF32 on, it would compute in TF32 ever after.
        seen.append((torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32))
        return honest(*args, **kwargs)

    monkeypatch.setattr(measuring, "prepare", prepared)
    analysis = archscope.analyze(archscope.load("lenet5-pytorch"))
    cell = Cell("lenet5-pytorch", 1, "fp32", "nchw", "eager", "infer")
    assert measure_cell(analysis, cell, torch.device("cpu"), gpu(), Settings(SHORT, layers=False))["status"] == "ok"
    assert seen == [(False, False)]


def test_a_whole_cell_on_an_asynchronous_device(monkeypatch: pytest.MonkeyPatch) -> None:
    device = gpu()
    honest = working.prepare

    def prepared(*args: Any, **kwargs: Any) -> working.Workload:
        work = honest(*args, **kwargs)
        for _, part in work.module.nodes():
            part.register_forward_hook(lambda *_: device.launch(1.5 * US))
        return work

    monkeypatch.setattr(measuring, "prepare", prepared)
    analysis = archscope.analyze(archscope.load("lenet5-pytorch"))
    cell = Cell("lenet5-pytorch", 1, "fp32", "nchw", "eager", "infer")
    found = measure_cell(analysis, cell, torch.device("cpu"), device, Settings(SHORT))
    assert found["status"] == "ok"
    nodes = len(analysis.network.nodes)
    middle = {name: sorted(series["samples"])[0] for name, series in found["figures"].items()}
    assert middle["latency"] == pytest.approx((5 * nodes + 1.5 + 8) * US)
    assert middle["host"] == pytest.approx(5 * nodes * US)
    assert middle["device"] == pytest.approx(3 * nodes * US)
    assert timing.launch_bound(middle["host"], middle["period"], middle["device"])
    assert sum(found["layers"]["nodes"].values()) == pytest.approx(3 * nodes * US)


def test_a_graph_is_captured_after_three_runs_on_a_side_stream_and_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    stream = SimpleNamespace(wait_stream=lambda other: log.append("wait"))
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda each: nullcontext())
    graph = SimpleNamespace(replay=lambda: log.append("replay"))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: graph)

    @contextmanager
    def capturing(each: object) -> Iterator[None]:
        log.append("capture")
        yield
        log.append("captured")

    monkeypatch.setattr(torch.cuda, "graph", capturing)
    call: Callable[[], str] = lambda: log.append("call") or "output"  # noqa: E731
    replayed = working.captured(call, torch.device("cuda", 0))
    assert log == ["wait", "call", "call", "call", "wait", "capture", "call", "captured"]
    assert replayed() == "output"
    assert log[-1] == "replay"


def test_only_the_clocks_wait_for_a_device() -> None:
    """One place synchronises: a second one, forgotten in a loop, would be part of what is timed."""
    folder = Path(timing.__file__).parent
    waits = re.compile(r"(cuda|mps|stream|\))\.synchronize")
    assert {path.name for path in folder.glob("*.py") if waits.search(path.read_text())} == {"clocks.py"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("dtype", ["fp32", "tf32", "bf16"])
@pytest.mark.parametrize("name", ["lenet5", "lenet5-pytorch", "alexnet", "resnet@18", "vit@b16"])
def test_networks_run_as_cuda_graphs_and_their_outputs_are_right(name: str, dtype: str) -> None:
    device = torch.device("cuda", 0)
    analysis = archscope.analyze(archscope.load(name))
    limits = Limits(figure=0.05, warm_up=0.05, window=0.01, samples=1000)
    found = measure_cell(analysis, Cell(name, 2, dtype, "nchw", "graph", "infer"), device, clock_for(torch, device),
                         Settings(limits))  # fmt: skip
    assert found["error"] is None
    assert found["figures"]["device"] is not None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_layers_of_a_gpu_add_up_to_the_whole_where_each_is_as_short_as_a_mark() -> None:
    device = torch.device("cuda", 0)
    module = build(archscope.load("lenet5")).eval().to(device)
    inputs = [each.to(device) for each in module.example_inputs(64)]
    with torch.inference_mode():
        found = time_layers(module, inputs, clock_for(torch, device), Limits(figure=0.3))
    assert found.device
    assert found.closed, (found.closure, found.overhead)
