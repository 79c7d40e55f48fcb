"""F3: the operations PyTorch starts one at a time, each at its own floor.

The network runs on the ``meta`` device, where tensors have shapes and no values, and every operation that
reaches the dispatcher is written down with the bytes it reads and writes. That is what eager execution cannot
avoid: a local response normalization alone is sixteen passes over its tensor.

At inference attention is one operation, as PyTorch's kernels are that keep the scores to themselves: it reads queries,
keys, values and a mask, and writes what it makes. While training it is the operations that it is made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from archscope.analysis import Analysis
from archscope.bench.ceilings import Ceilings
from archscope.bench.precision import Precision
from archscope.building import build
from archscope.layers.asked import hidden_pairs
from archscope.network import Network
from archscope.tracing.calling import Called
from archscope.tracing.inputs import Call
from archscope.tracing.standin import stand_in
from archscope.tracing.strangers import tensors_in


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as PyTorch starts it.

    Attributes:
        node: the node it belongs to; empty in a backward pass.
        name: PyTorch's name, such as ``convolution``.
        flops: by PyTorch's own counter; 0 for what is no matrix product.
        traffic: bytes of the tensors it reads and writes; of a table that it looks up in, one row.
    """

    node: str
    name: str
    flops: int
    traffic: int


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, mode: str = "train") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._whole = mode != "train"
        self.ended: list[tuple[str, int, int]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        attends = func.overloadpacket is torch.ops.aten.scaled_dot_product_attention
        if self._whole and not attends and torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), _PARTS.name):
            with self:  # what it is made of comes here in its place
                return func._op_dk(_PARTS, *args, **(kwargs or {}))
        output = func(*args, **(kwargs or {}))
        made = [each for each in tree_leaves(output) if isinstance(each, Tensor)]
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        if made and not func.is_view and func.overloadpacket.__name__ not in _FREE:
            counter = flop_registry.get(func.overloadpacket)
            if func.overloadpacket is torch.ops.aten.convolution_backward:
                flops = _gradients_of_convolution(*args)
            elif attends:
                flops = _attended(*args, **(kwargs or {}))
            else:
                flops = int(counter(*args, **(kwargs or {}), out_val=output)) if counter else 0
            name = func.overloadpacket.__name__
            read = sum(map(_bytes, given[1:])) + _row(given[0]) if name in _LOOKS_UP else sum(map(_bytes, given))
            self.ended.append((name, flops, read + sum(map(_bytes, made))))
        return output


def _attended(query: Tensor, key: Tensor, value: Tensor, *rest: Any, is_causal: bool = False, **_: Any) -> int:
    """FLOPs of attention: the scores and the weighted sum, of a causal mask those pairs that it leaves."""
    is_causal = bool(rest[2]) if len(rest) > 2 else is_causal  # behind the mask and the dropout
    lengths = query.shape[-2], key.shape[-2]
    pairs = lengths[0] * lengths[1] - (hidden_pairs(*lengths) if is_causal else 0)
    return 2 * query[..., 0, 0].numel() * pairs * (query.shape[-1] + value.shape[-1])


def _gradients_of_convolution(incoming: Tensor, given: Tensor, weight: Tensor, *rest: Any) -> int:
    """FLOPs of a convolution's gradients: as many as forward, for each that is wanted.

    PyTorch's own counter forgets the groups here, and counts AlexNet's two halves twice.
    """
    transposed, wanted = rest[4], rest[-1]
    outputs = given.numel() if transposed else incoming.numel()
    return 2 * outputs * weight[0].numel() * (int(wanted[0]) + int(wanted[1]))


_PARTS = torch._C.DispatchKey.CompositeImplicitAutograd
"""Of functions that are made of others."""
_FREE = frozenset({"empty", "empty_like", "new_empty", "empty_strided", "detach", "_unsafe_view", "lift_fresh"})
"""Operations that move nothing."""
_LOOKS_UP = frozenset({"embedding", "_embedding_bag", "_embedding_bag_forward_only"})
"""Operations that read rows of their first tensor: one at least, and which is not known."""


def _row(table: Tensor) -> int:
    return _bytes(table) // max(1, table.shape[0])


def _bytes(tensor: Tensor) -> int:
    """Bytes that have to move for a tensor: a value that was repeated by a stride of zero moves once."""
    count = 1
    for extent, step in zip(tensor.shape, tensor.stride(), strict=True):
        count *= extent if step else 1
    return int(count * tensor.element_size())


def _graded(mode: str) -> AbstractContextManager[Any]:
    """With gradients or, without them, with functions that reach the recorder before they fall into parts."""
    return torch.enable_grad() if mode == "train" else torch._C._AutoDispatchBelowAutograd()


def operations(network: Network, precision: Precision, *, batch: int, mode: str = "infer") -> tuple[Operation, ...]:
    """Every operation of one call, in order, that moves anything."""
    dtype = getattr(torch, precision.torch)
    with torch.random.fork_rng(devices=[]):
        module = build(network, device="meta").to(dtype)
    module.train(mode == "train")
    inputs = [
        each.to(dtype) if each.is_floating_point() else each for each in module.example_inputs(batch, device="meta")
    ]
    names = iter([name for name, _ in module.nodes()])
    found: list[Operation] = []
    recorder = _Recorder(mode)

    def after() -> None:
        _move(recorder, found, next(names))

    with _graded(mode), recorder:
        output = module.run(inputs, after)
        if mode == "train":
            output.backward(torch.empty_like(output))
    _move(recorder, found, "")
    return tuple(found)


def operations_of(
    called: Called, precision: Precision, *, batch: int, mode: str = "infer"
) -> tuple[Operation, ...] | None:
    """Every operation of one call of a person's own module, by the submodule that runs; None if it wants values."""
    dtype = getattr(torch, precision.torch)
    found: list[Operation] = []
    recorder = _Recorder(mode)
    running: list[str] = []

    def cast(value: Any) -> Any:
        return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value

    def begin(path: str) -> None:
        _move(recorder, found, running[-1] if running else "")
        running.append(path)

    def end() -> None:
        _move(recorder, found, running.pop())

    try:
        with stand_in(called, values=False, batch=batch) as standin:
            module = standin.module.to(dtype)
            module.train(mode == "train")
            args, kwargs = Call(standin.args, standin.kwargs).mapped(cast)
            for path, part in module.named_modules():
                part.register_forward_pre_hook(lambda *_, path=path: begin(path))
                part.register_forward_hook(lambda *_: end())
            with _graded(mode), recorder:
                made = module(*args, **kwargs)
                if mode == "train":
                    ends = [each for each in tensors_in(made) if each.requires_grad]
                    torch.autograd.backward(ends, [torch.empty_like(each) for each in ends])
    except Exception:  # noqa: BLE001 - a stranger's module may raise anything where it wants values
        return None
    _move(recorder, found, "")
    return tuple(found)


def _move(recorder: _Recorder, found: list[Operation], node: str) -> None:
    found.extend(Operation(node, *each) for each in recorder.ended)
    recorder.ended.clear()


def f3(found: tuple[Operation, ...], ceilings: Ceilings, precision: Precision) -> float | None:
    """The floors of all operations together; None where a rate is missing."""
    times = list(_times(found, ceilings, precision))
    return None if None in times else sum(each for each in times if each is not None)


def _times(found: tuple[Operation, ...], ceilings: Ceilings, precision: Precision) -> Iterator[float | None]:
    for each in found:
        yield ceilings.seconds(flops=each.flops, traffic=each.traffic, peak=precision.peak)


def eager_floor(
    analysis: Analysis, ceilings: Ceilings, precision: Precision, *, batch: int, mode: str = "infer"
) -> float | None:
    """F3 of a network; None under autocast, whose casts depend on the device."""
    if precision.autocast is not None:
        return None
    return f3(operations(analysis.network, precision, batch=batch, mode=mode), ceilings, precision)


def launches(found: tuple[Operation, ...], network: Network) -> Mapping[str, int]:
    """How many operations each row starts."""
    rows = {node.name: node.row for node in network.nodes}
    counted: dict[str, int] = {}
    for each in found:
        if each.node in rows:
            counted[rows[each.node]] = counted.get(rows[each.node], 0) + 1
    return counted
