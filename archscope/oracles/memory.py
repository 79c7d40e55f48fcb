"""PyTorch's memory tracker: what is held in inference and in a step of training, byte for byte; and its allocators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from archscope.losses import DEFAULT
from archscope.oracles import allocated, routed, tracking
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, Verdict, compared, first_line, not_covered
from archscope.oracles.pace import TimeUp
from archscope.oracles.tracking import Called, Held, Made

if TYPE_CHECKING:
    from archscope.network import Network

NAME: Final = "memory"

_BUILT_IN: Final[Mapping[str, int]] = {"float32": 4, "float64": 8, "float16": 2, "bfloat16": 2}
"""Types in which networks are built, and bytes of a value."""

BATCH: Final = 2
"""Samples that run at once: more than one, so that what is held for each and what for all come apart."""


def observe(case: Case) -> Iterator[Finding]:
    """Hold inference and a step with Adam against the tracker."""
    dtype, *others = case.analysis.weight_types
    decides = routed.decides(case.network)
    if others or dtype not in _BUILT_IN or (decides and dtype != "float32"):
        types = " and ".join(case.analysis.weight_types)
        yield not_covered(NAME, None, "everything", f"its weights are in {types}, in which it is not built")
        return
    if decides:
        yield from routed.beside(case, BATCH)
    else:
        yield from beside(case, BATCH, lambda: built(case.network, BATCH, dtype=dtype))
    if any(node.layer.frozen(case.network.facts[node.name]) for node in case.network.nodes):
        yield not_covered(NAME, None, "parameters", "the tracker takes frozen weights for parameters, too")
    else:
        held = tracking.weights(lambda: built(case.network, BATCH, dtype=dtype))
        yield compared(NAME, None, "parameters", case.analysis.totals.parameters, held // _BUILT_IN[dtype])
    if dtype == "float32" and (case.device == "cpu" or allocated.cuda()):
        yield from given(case, BATCH, lambda: _with_values(case.network), small=case.device == "cpu")


def given(case: Case, batch: int, made: Made, *, small: bool) -> Iterator[Finding]:
    """What allocators give beside what the rules say: on the CPU if it is small, and on CUDA where there is one."""
    if case.pace.late:
        yield not_covered(NAME, None, "bytes of allocators", case.pace.why)
        return
    cuda = allocated.cuda()
    ways: list[tuple[str, str | None, allocated.Watch]] = [("on the CPU", None, allocated.on_the_cpu)] if small else []
    ways += [("on CUDA", cuda, allocated.on_cuda)] if cuda else []
    ours, inference = (case.analysis.memory(batch, optimizer=each, loss=case.loss) for each in ("sgd", None))
    if ours.not_covered:
        return
    for where, device, watch in ways:
        try:
            with tracking.usual_settings(), made() as called:
                there = called if device is None else called.on(device)
                yield from allocated.judged(where, there, watch, ours, inference)
        except Exception as error:  # noqa: BLE001 - a device may be too small, a stranger's module may not train
            yield not_covered(NAME, None, f"bytes {where}", f"it does not run: {type(error).__name__}")


def beside(case: Case, batch: int, made: Made, valued: Made | None = None) -> Iterator[Finding]:
    """What the tracker says of a module beside what the rules say.

    Code may ask for values and do something else where there are none, such as make a mask that it could do without,
    or not run; then it is asked once more with ``valued``, the module with values.
    """
    for optimizer, what in tracking.WAYS.items():
        case.pace.at("")
        if case.pace.late:
            yield not_covered(NAME, None, f"bytes in {what}", case.pace.why)
            continue
        ours = case.analysis.memory(batch, optimizer=optimizer, as_tracked=True, loss=case.loss)
        if ours.not_covered:
            layer, why = next(iter(ours.not_covered.items()))
            yield not_covered(NAME, None, f"bytes in {what}", f"`{layer}`: {why}")
            continue
        if why := of_other_processors(case.network, ours.request.dtype):
            yield not_covered(NAME, None, f"bytes in {what}", why)
            continue
        found = _found(case, ours, made, optimizer, what)
        if valued is not None and any(each.verdict in (Verdict.DIFFERS, Verdict.NOT_COVERED) for each in found):
            found = _found(case, ours, valued, optimizer, what, values=True)
        yield from found


def _found(
    case: Case, ours: Any, made: Made, optimizer: str | None, what: str, *, values: bool = False
) -> list[Finding]:
    """What the tracker says in one way, on tensors with values or without; or why it says nothing."""
    try:
        return [*_tracked(case, ours, made, optimizer, what, values=values)]
    except TimeUp:
        why = case.pace.why
    except Exception as error:  # noqa: BLE001 - some operations do not run without values, some code not with them
        why = f"it does not run {'with' if values else 'without'} values: {first_line(error)}"
    return [not_covered(NAME, None, f"bytes in {what}", why)]


def of_other_processors(network: Network, dtype: str) -> str:
    """Why PyTorch runs other operations on this processor than those that are counted; nothing if it does not."""
    import torch

    if dtype != "bfloat16" or torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return ""
    for node in network.nodes:
        steps = node.layer.runs_in(dtype, network.facts[node.name], training=True) or ()
        if any(step.op == "mkldnn_rnn_layer" for step in steps):
            return f"`{node.name}`: only processors with AVX-512 run an LSTM in bfloat16 as one operation"
    return ""


def _tracked(case: Case, ours: Any, made: Made, optimizer: str | None, what: str, *, values: bool) -> Iterator[Finding]:
    each = case.pace.goes_on
    theirs = tracking.tracked(made, optimizer, values=values, loss=case.loss, each=each)
    kept = None if optimizer is None else tracking.saved(made, values=values, each=each)
    for quantity, mine, yours in tracking.beside(ours, theirs, kept, what):
        yield compared(NAME, None, quantity, mine, yours)


def tracked(
    network: Network,
    batch: int,
    optimizer: str | None = None,
    *,
    foreach: bool = False,
    autocast: str | None = None,
    dtype: str = "float32",
    again: Sequence[Sequence[str]] = (),
    loss: str = DEFAULT,
) -> Held:
    """What the tracker says of each phase of the built network; ``again`` are groups of nodes that run again."""
    return tracking.tracked(
        lambda: built(network, batch, again, dtype), optimizer, foreach=foreach, autocast=autocast, loss=loss
    )


def saved(network: Network, batch: int, autocast: str | None = None) -> int:
    """Bytes of the storages that autograd keeps of the built network."""
    return tracking.saved(lambda: built(network, batch), autocast)


@contextmanager
def built(
    network: Network, batch: int, again: Sequence[Sequence[str]] = (), dtype: str = "float32"
) -> Iterator[Called]:
    """The built network and its inputs; to be made while tensors are fake."""
    import torch

    from archscope.building.network import BuiltNetwork

    # A module without values cannot be brought to another type: it is made in it.
    torch.set_default_dtype(getattr(torch, dtype))
    model: Any = BuiltNetwork(network)
    inputs = model.example_inputs(batch)
    torch.set_default_dtype(torch.float32)
    if again:
        from archscope.oracles.again import Again

        model = Again(model, again)
    yield Called(model, inputs)


@contextmanager
def _with_values(network: Network) -> Iterator[Called]:
    from archscope.building import build
    from archscope.tracing.strangers import keeping_random

    with keeping_random():
        model = build(network)
        yield Called(model, model.example_inputs(BATCH))
