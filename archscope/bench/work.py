"""Make a cell runnable: build the network, cast it, lay it out, and hand back one call to time.

The weights are drawn anew from a seed, so large that values neither die nor blow up on their way through the
network (He et al. 2015): on weights near zero every output would look right.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from archscope.analysis import Analysis
from archscope.bench.agreement import GRADIENT_SLACK, Check, Reference, held_against, together
from archscope.bench.environment import free_memory
from archscope.bench.plan import Cell
from archscope.bench.precision import PRECISIONS, Precision
from archscope.building import build
from archscope.building.network import BuiltNetwork
from archscope.network import Network
from archscope.precision import DTYPE_BYTES
from archscope.tracing.inputs import Call
from archscope.tracing.strangers import tensors_in

CHECKED: Final = 4
"""Samples of a batch that are compared with the reference: samples do not see one another."""


class Unsupported(Exception):
    """This cell cannot run here, whatever the machine: the message says what to try."""


class OutOfMemory(Exception):
    """The cell does not fit, with the bytes it needs and the bytes there are."""


class Begun:
    """The buffers of a module, which training may write, and what they held before it ran."""

    def __init__(self, module: nn.Module) -> None:
        self._held = tuple((each, each.detach().clone()) for each in module.buffers())

    def again(self) -> None:
        """Put them back to what they held."""
        with torch.no_grad():
            for buffer, held in self._held:
                buffer.copy_(held)


@dataclass
class Workload:
    """One cell, ready to run.

    Attributes:
        call: runs it once; returns the output on an asynchronous device before it is complete.
        module: what runs.
        inputs: what it runs on.
        reference: a float64 copy on the CPU, with the weights as they were before any cast.
        checked_inputs: the first few samples, for the reference.
        precision: the number format.
        begun: its buffers as they were before it ran, in the cell's type.
        capture: seconds it took to capture a graph.
    """

    call: Callable[[], Any]
    module: BuiltNetwork
    inputs: tuple[Tensor, ...]
    reference: BuiltNetwork
    checked_inputs: tuple[Tensor, ...]
    precision: Precision
    begun: Begun
    capture: Callable[[], None] | None = None


@contextmanager
def fixed_arithmetic(precision: Precision) -> Iterator[None]:
    """IEEE single precision, or TF32 where that is what was asked for; as it was before, afterwards."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    allowed = precision.name == "tf32"
    try:
        matmul.allow_tf32, cudnn.allow_tf32 = allowed, allowed
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


@contextmanager
def own_chance(device: torch.device, seed: int) -> Iterator[None]:
    """Seed PyTorch's random numbers, which dropout and the building of a module draw on; then as before."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def check_supported(cell: Cell, device: torch.device, network: Network) -> None:
    """Refuse what cannot be, before anything is built.

    Raises:
        Unsupported: with what to try instead.
    """
    if cell.engine == "graph" and device.type != "cuda":
        raise Unsupported(f"CUDA graphs need a CUDA device, not {device.type}; try --engine eager or compile")
    if cell.dtype == "tf32" and device.type != "cuda":
        raise Unsupported(f"TF32 is a mode of NVIDIA GPUs, not of {device.type}; try --dtype fp32")
    if cell.layout == "nhwc" and not any(len(shape) == 3 for shape in network.inputs.values()):
        raise Unsupported(f"nhwc needs an input of channels, height and width; {network.name} has none; try nchw")


def check_memory(analysis: Analysis, cell: Cell, device: torch.device) -> None:
    """Refuse a batch that cannot fit, before the system starts to kill programs.

    Raises:
        OutOfMemory: the least it needs is more than there is.
    """
    precision = PRECISIONS[cell.dtype]
    weights = (int(analysis.totals.parameters) + int(analysis.totals.fixed)) * precision.weight_bytes
    type_ = next(name for name, size in DTYPE_BYTES.items() if size == precision.value_bytes)
    # A module that is in another type than float32 runs in its own.
    values = analysis.peak_activation_bytes(type_ if analysis.runs_in == "float32" else "", cell.batch)
    needed = weights * (2 if cell.mode == "train" else 1) + values
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()
    if free is not None and needed > free:
        raise OutOfMemory(f"needs at least {needed:,} bytes and {free:,} are free")


def prepare(analysis: Analysis, cell: Cell, device: torch.device, *, seed: int) -> Workload:
    """Build a cell.

    Raises:
        Unsupported: a layer has no such number format, or the engine or layout is not possible here.
        OutOfMemory: it does not fit.
    """
    network = analysis.network
    check_supported(cell, device, network)
    check_memory(analysis, cell, device)
    precision = PRECISIONS[cell.dtype]
    generator = torch.Generator().manual_seed(seed)
    master = build(network)
    _draw_weights(master, generator)
    master.eval()
    drawn = master.example_inputs(cell.batch, generator=generator)
    reference = copy.deepcopy(master).double()
    for parameter in reference.parameters():
        parameter.requires_grad_(cell.mode == "train")
    checked = tuple(each[:CHECKED].clone() for each in drawn)
    dtype = getattr(torch, precision.torch)
    with torch.no_grad():
        module = master.to(device=device, dtype=dtype)
        inputs = tuple(each.to(device=device, dtype=dtype if each.is_floating_point() else None) for each in drawn)
    if cell.layout == "nhwc":
        module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        inputs = tuple(
            each.contiguous(memory_format=torch.channels_last) if each.dim() == 4 else each for each in inputs
        )
    module.train(cell.mode == "train")
    work = Workload(lambda: None, module, inputs, reference, checked, precision, Begun(module))
    _require_every_layer(work, network, cell, device)
    work.call = _call(work, cell, device)
    return work


def _draw_weights(module: nn.Module, generator: torch.Generator) -> None:
    """Normal weights with a variance of two over the fan-in; biases and everything else stay."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() >= 2:
                fan_in = parameter[0].numel()
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * (2 / fan_in) ** 0.5)


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """The context in which a call computes."""
    if precision.autocast is None:
        return nullcontext()
    return torch.autocast(device.type, dtype=getattr(torch, precision.autocast))


def _call(work: Workload, cell: Cell, device: torch.device) -> Callable[[], Any]:
    module: Callable[..., Any] = work.module
    if cell.engine == "compile":
        module = torch.compile(work.module, dynamic=False)
    inputs, precision = work.inputs, work.precision
    call = _training(work, module, device) if cell.mode == "train" else lambda: module(*inputs)
    if precision.autocast is not None and cell.mode != "train":
        plain = call

        def call() -> Any:
            with autocast(precision, device):
                return plain()

    return captured(call, device) if cell.engine == "graph" else call


def _training(work: Workload, module: Callable[..., Any], device: torch.device) -> Callable[[], Any]:
    """A forward and a backward pass; the gradient that comes in is drawn once."""
    with torch.no_grad(), autocast(work.precision, device):
        output = work.module(*work.inputs)
        incoming = torch.randn_like(output)

    def call() -> Any:
        work.module.zero_grad(set_to_none=True)
        with autocast(work.precision, device):
            made = module(*work.inputs)
        made.backward(incoming)
        return made

    return call


def captured(call: Callable[[], Any], device: torch.device) -> Callable[[], Any]:
    """The same call as a CUDA graph, captured as PyTorch's manual says: after a few runs on a side stream."""
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.current_stream(device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = call()
    replay = graph.replay

    def replayed() -> Any:
        replay()
        return output

    return replayed


def gradients_off(cell: Cell) -> AbstractContextManager[Any]:
    """The mode in which a cell runs: inference has no use for gradients; compiled code guards on tensor kinds."""
    if cell.mode == "train":
        return nullcontext()
    return torch.no_grad() if cell.engine == "compile" else torch.inference_mode()


def _require_every_layer(work: Workload, network: Network, cell: Cell, device: torch.device) -> None:
    """Run one sample, layer by layer, so that a layer that cannot is named.

    Raises:
        Unsupported: a layer has no implementation for this number format on this device.
    """
    done = 0

    def count() -> None:
        nonlocal done
        done += 1

    sample = tuple(each[: 2 if cell.mode == "train" else 1] for each in work.inputs)
    try:
        with torch.no_grad(), autocast(work.precision, device):
            work.module.run(sample, after=count)
    except RuntimeError as error:
        op = unimplemented(error)
        if op is None:
            raise
        node = network.nodes[done]
        raise Unsupported(
            f"layer `{node.row}` ({node.layer.type}): PyTorch's {op} has no {cell.dtype} on {device.type}; "
            f"try {remedy(cell)}"
        ) from None


def unimplemented(error: RuntimeError) -> str | None:
    """The operation that PyTorch has not for a number format; None if that is not what it says."""
    found = re.search(r"\"?([\w:]+?)\"? not implemented for '?(\w+)'?", str(error))
    return None if found is None else re.sub(r"(_out)?_frame$|_cpu$|_cuda$|_kernel$|_impl$", "", found.group(1))


def remedy(cell: Cell) -> str:
    """What to try for a layer without this number format."""
    if cell.dtype.startswith("amp"):
        return "--dtype fp32"
    return f"--dtype amp-{cell.dtype}, which keeps such layers in fp32, or --dtype fp32"


def compare(output: Any, work: Workload) -> Check:
    """Hold the first samples of an output against the float64 reference."""
    reference = _in_double(work, work.reference)
    first = [each[:CHECKED] for each in tensors_in(output)]
    return held_against(together(first), together(reference.outputs()), work.precision, reference.spread)


def compare_gradients(work: Workload, device: torch.device) -> Check:
    """Hold the gradients of all weights against the float64 reference, dropout switched off in both."""
    was_training = work.module.training
    found, expected = _gradients(work, device), _in_double(work, work.reference.eval())
    check = held_against(found, expected.gradients(), work.precision,
                         lambda _: expected.spread_of_gradients(work.precision.tolerance),
                         "gradients", GRADIENT_SLACK)  # fmt: skip
    work.module.train(was_training)
    return check


def _gradients(work: Workload, device: torch.device) -> Tensor:
    dtype = getattr(torch, work.precision.torch)
    inputs = [each.to(device, dtype) if each.is_floating_point() else each for each in work.checked_inputs]
    work.module.eval()
    return Reference(work.module, Call(tuple(inputs), {})).gradients(autocast(work.precision, device))


def _in_double(work: Workload, module: nn.Module) -> Reference:
    inputs = (each.double() if each.is_floating_point() else each for each in work.checked_inputs)
    return Reference(module, Call(tuple(inputs), {}))


@contextmanager
def quietly() -> Iterator[None]:
    """Keep warnings of PyTorch's compilers out of the report."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
