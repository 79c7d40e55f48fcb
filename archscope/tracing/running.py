"""Run the shadow of a module once, with a tracer looking on."""

from __future__ import annotations

import contextvars
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import torch
from torch import Tensor, nn

from archscope.errors import UsageError
from archscope.interrupts import interruptible, unbroken
from archscope.layers.base import Shape, values_in
from archscope.layers.facts import spell_shape
from archscope.limits import MOST_SHAPE_VALUES
from archscope.recognising.batches import WITHOUT
from archscope.record import EMPTY
from archscope.theirs import heard_apart, said_by
from archscope.tracing.alone import are_listed, are_pictures, samples_in
from archscope.tracing.inputs import Call, Given
from archscope.tracing.placing import elsewhere, unbatched
from archscope.tracing.resetting import reset
from archscope.tracing.samples import Trail
from archscope.tracing.shadow import Shadow
from archscope.tracing.strangers import as_written, at_inference, tensors_in
from archscope.tracing.surroundings import Surroundings, drawn_apart, everybodys_kept
from archscope.tracing.threads import following
from archscope.tracing.tracer import Tracer
from archscope.tracing.twins import Twins

_WITHOUT_GRADIENTS: Final = "does not require grad"
"""What PyTorch says where code asks for gradients while autograd does not work."""

Counted = Literal["", "beside", "there"]
"""Where inputs of whole numbers have their values: nowhere, beside tensors on meta, or in tensors on the CPU."""


class Way(NamedTuple):
    """How a module is run.

    Attributes:
        values: whether the module's tensors have values.
        counted: where inputs of whole numbers have values all the same.
        tokens: whether what nobody said the type of is whole numbers.
        batched: whether what nobody said it of has a batch axis.
        alone: whether no tensor that is there has one.
        trains: whether the module runs as while training.
        graded: whether autograd works while it runs, as code needs that asks for gradients itself.
    """

    values: bool
    counted: Counted
    tokens: bool
    batched: bool
    alone: bool = False
    trains: bool = False
    graded: bool = False


class Grown(NamedTuple):
    """How what the calls of a run made grows with the samples.

    Attributes:
        unlike: nodes of which nobody knows how much there is of another batch, and why.
        refuses: what the module raised of more samples; empty if it ran.
    """

    unlike: Mapping[str, str] = EMPTY
    refuses: str = ""


class Run(NamedTuple):
    """A run of a call that came to its end.

    ``types`` are those of inputs that are no numbers with a point, ``left`` tensors that it left in what it has, if it
    was written down; ``drew`` says whether its code drew random numbers that are not PyTorch's; ``grown`` is seen by
    another run.
    """

    call: Call
    way: Way
    tracer: Tracer
    shadow: nn.Module
    inputs: dict[str, Shape]
    result: Any
    batch: int
    zeros: bool
    types: dict[str, str]
    left: Sequence[Tensor] = ()
    drew: bool = False
    grown: Grown = Grown()


class Stopped(Exception):
    """A module raised while it was followed.

    Attributes:
        way: how it ran.
        error: what it raised.
        at: the path of the submodule that did.
        why: what did not fit there, if that is known.
        shapes: those of the inputs.
        operations: how many ran before.
        missed: whether it wanted values, and there were none.
        ungraded: whether it wanted gradients, and there were none.
        misplaced: whether a layer took another axis for the batch's.
    """

    def __init__(self, way: Way, tracer: Tracer, inputs: dict[str, Shape], error: BaseException) -> None:
        super().__init__(said_by(error))
        self.way = way
        self.error = error
        raised, at, why = tracer.failed
        self.at, self.why = (at, why) if raised is error else ("", "")
        self.shapes = tuple(inputs.values())
        self.operations = len(tracer.ledger.every)
        self.missed = tracer.ledger.missed
        self.ungraded = not way.graded and _WITHOUT_GRADIENTS in said_by(error)
        self.misplaced = tracer.recording.samples.misplaced


_VALUES: Final[tuple[tuple[bool, Counted], ...]] = ((False, ""), (False, "beside"), (False, "there"), (True, "there"))


def ways_of(call: Call) -> Iterator[Way]:
    """The ways to run a call, the likeliest first: without values, then with them; types and axes as they were said."""
    said: list[Any] = []
    call.mapped(said.append)
    described = [each for each in said if isinstance(each, Given)]
    tokens = (False, True) if any(each.dtype is None for each in described) else (False,)
    axes = (True, False) if any(each.batched is None for each in described) else (True,)
    for batched in axes:
        for values, counted in _VALUES:
            for whole in tokens:
                yield Way(values, counted, whole, batched)


def run_surely(module: nn.Module, call: Call, names: Sequence[str], way: Way) -> Run:
    """Run a module's shadow one way, and where that does not tell which axis is the batch's, find it by a second batch.

    The second batch is one sample larger, and nothing of it is counted. Where layers say that there is no batch axis,
    the tensors are one sample each; where they take another axis for it than the first, it is put there.

    Raises:
        Stopped: it raised.
    """
    try:
        run = guided(module, call, names, way)
    except Stopped as stop:
        found = _replaced(module, call, names, way) if stop.misplaced else None
        if found is None:
            raise
        return found
    samples = run.tracer.recording.samples
    if samples.misplaced or (samples.torn and _is_there(call)):
        run = _replaced(module, call, names, way, torn=not samples.misplaced) or run
    misplaced = run.tracer.recording.samples.misplaced and _is_there(call)
    if not (misplaced or _are_alone(module, run.call, names, run)):
        return run
    alone = run_once(module, unbatched(run.call), names, way._replace(alone=True))
    return run if misplaced and alone.tracer.recording.samples.misplaced else alone


def _replaced(module: nn.Module, call: Call, names: Sequence[str], way: Way, *, torn: bool = False) -> Run | None:
    """The run in which layers have the batch where they take it; None where no axes of inputs give that.

    Where layers say nothing, and code has ``torn`` one sample from others, it has to stay in one axis all the way.
    """
    for each in elsewhere(call):
        try:
            found = guided(module, each, names, way)
        except Stopped:
            continue
        samples = found.tracer.recording.samples
        ends = [samples.place(tensor) for tensor in tensors_in(found.result)]
        if not samples.misplaced and (not torn or not (samples.torn or samples.alone or min(ends, default=-1) < 0)):
            return found
        if torn:
            break
    return None


def _is_there(call: Call) -> bool:
    """Whether the extents of all tensors are said with their batch."""
    said: list[Any] = []
    call.mapped(said.append)
    return call.whole or not any(isinstance(each, Given) for each in said)


def guided(module: nn.Module, call: Call, names: Sequence[str], way: Way) -> Run:
    """The run in which it is known where the batch axis goes."""
    run = run_once(module, call, names, way)
    if not run.tracer.recording.samples.doubted:
        return run
    try:
        more = run_once(module, larger(call, run.batch), names, way)
        return run_once(module, call, names, way, more.tracer.recording.samples.trail)
    except Stopped:  # it takes this batch alone
        return run


def _are_alone(module: nn.Module, call: Call, names: Sequence[str], run: Run) -> bool:
    """Whether the first axis of tensors is no batch's: a layer says so, or pictures in a list cannot have it longer."""
    said: list[Any] = []
    call.mapped(said.append)
    if not _is_there(call) or not any(isinstance(each, (Tensor, Given)) for each in said):
        return False
    if run.tracer.recording.samples.alone:
        return True
    if not are_pictures(call):
        return False
    try:
        run_once(module, larger(call, run.batch), names, run.way)
    except Stopped:
        return True
    return False


def larger(call: Call, batch: int) -> Call:
    """The call with one sample more."""
    left = iter(call.axes)

    def more(value: Any) -> Any:
        axis = next(left, 0) if isinstance(value, Tensor) else 0
        more = isinstance(value, Tensor) and value.dim()
        return torch.cat([value, value.narrow(axis, 0, 1)], axis) if more else value

    args, kwargs = call.mapped(more)
    return call.replace(args=args, kwargs=kwargs, batch=batch + 1, more=True)


@unbroken
def run_once(
    module: nn.Module, call: Call, names: Sequence[str], way: Way, guide: Trail | None = None,
    tracer: type[Tracer] = Tracer,
) -> Run:  # fmt: skip
    """Run a module's shadow one way; ``guide`` is what a run of more samples made, ``tracer`` follows it.

    Raises:
        Stopped: it raised.
    """
    around, twins = Surroundings(), Twins(values=way.values)
    with everybodys_kept(), heard_apart(quiet=call.more), as_written(), torch.inference_mode(False), torch.no_grad():
        shadow = Shadow(twins.twin, around.met)
        try:
            with twins.known():
                copied: nn.Module = interruptible(shadow.of, module)
            holder = shadow
            if not way.values:
                reset(copied, twins.numbers)
            modules = shadow.modules
            if way.counted and not way.values:
                shadow = Shadow(lambda tensor: _counted(tensor, twins, way.counted), around.met)
            given = interruptible(shadow.of, [call.args, dict(call.kwargs)])
            for tensor in around.tensors:
                twins.watch(tensor)
            if shadow.shared:
                twins.save(module.buffers())
            own = call.replace(args=given[0], kwargs=given[1])
            before = drawn_apart()
            run = _run(copied, own, names, way, twins, guide, modules, tracer)
            left = holder.left(around.came()) if tracer.writes else ()
            return run._replace(call=call, zeros=_has_no_values(call), left=left, drew=drawn_apart() != before)
        finally:
            twins.restore()
            around.restore()


def _run(
    module: nn.Module, call: Call, names: Sequence[str], way: Way, twins: Twins, guide: Trail | None,
    modules: Sequence[nn.Module], kind: type[Tracer],
) -> Run:  # fmt: skip
    if way.trains:
        module.train()
    else:
        at_inference(module)
    held = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers(remove_duplicate=False))
    state = {name: each for name, each in held.items() if not nn.parameter.is_lazy(each)}
    batch = _batch(call, way)
    alone = way.alone or (batch is None and are_listed(call))
    if alone:
        batch = samples_in(call)
    tracer = kind(
        module, state, batch=batch, keep=not way.values, before_write=twins.before_write, numbers=twins.numbers,
        guide=guide, beside=modules, trains=way.trains,
    )  # fmt: skip
    device = _device(state, way)
    dtype = next((each.dtype for each in state.values() if each.is_floating_point()), None)
    inputs: dict[str, Shape] = {}
    types: dict[str, str] = {}
    left, axes = iter(names), iter(call.axes)

    def made(value: Any) -> Any:
        axis = next(axes, None) if isinstance(value, Tensor) else getattr(value, "axis", 0) or None
        if isinstance(value, Given):
            kind = getattr(torch, value.dtype) if value.dtype else torch.long if way.tokens else dtype
            shape = _possible(value.whole(call.batch) if _is_batched(value, way) else value.shape)
            whole = kind is not None and not kind.is_floating_point
            there = torch.device("cpu") if whole and way.counted == "there" and not way.values else device
            value = torch.zeros(shape, dtype=kind, device=there)
            if whole and way.counted == "beside":
                twins.numbers.know(value, torch.zeros(value.shape, dtype=kind))
        if isinstance(value, Tensor):
            name = next(left)
            if value.dtype != torch.float32 and not value.is_complex():
                types[name] = str(value.dtype).removeprefix("torch.")
            inputs[name] = tracer.recording.enter(name, value, WITHOUT if alone else axis)
        return value

    args, kwargs = call.mapped(made)
    tracer.recording.origins.others.start()
    tracer.recording.origins.others.left([list(state.values()), list(args), kwargs])
    try:
        with torch.set_grad_enabled(way.graded), tracer, tracer.ledger, following(tracer):
            result = contextvars.copy_context().run(interruptible, module, *args, **kwargs)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if tracer.mistake is not None:
            raise tracer.mistake from None
        raise Stopped(way, tracer, inputs, error) from error
    tracer.recording.origins.others.found(result)
    if tracer.mistake is not None:  # and the module went on
        raise tracer.mistake
    return Run(call, way, tracer, module, inputs, result, batch or 1, zeros=False, types=types)


def _counted(tensor: Tensor, twins: Twins, counted: Counted) -> Tensor:
    """The twin of an input; of whole numbers one with their values, or with zeros where it has none itself."""
    if tensor.is_floating_point() or tensor.is_complex():
        return twins.twin(tensor)
    values = torch.zeros_like(tensor, device="cpu") if tensor.is_meta else tensor.clone()
    if counted == "there":
        return values
    twin = twins.twin(tensor)
    twins.numbers.know(twin, values)
    return twin


def _has_no_values(call: Call) -> bool:
    """Whether nobody gave the values of an input: its shape was stated, or it is on meta."""
    said: list[Any] = []
    call.mapped(said.append)
    return any(isinstance(each, Given) or (isinstance(each, Tensor) and each.is_meta) for each in said)


def _possible(shape: Shape) -> Shape:
    """A shape that a tensor can have, even one without values."""
    if values_in(shape) > MOST_SHAPE_VALUES:
        raise UsageError(f"an input of {spell_shape(shape)} has {values_in(shape):.0e} values: no machine holds "
                         f"more than {MOST_SHAPE_VALUES:.0e}")  # fmt: skip
    return shape


def _is_batched(given: Given, way: Way) -> bool:
    return way.batched if given.batched is None else given.batched


def _batch(call: Call, way: Way) -> int | None:
    """The samples that run at once: as many as the tensors that are there agree on; None where no axis is theirs."""
    said: list[Any] = []
    call.mapped(said.append)
    axes = iter(call.axes)
    there = {each.size(next(axes, 0)) if each.dim() else 0 for each in said if isinstance(each, Tensor)}
    described = {_is_batched(each, way) for each in said if isinstance(each, Given)}
    if len(there) == 1 and described <= {True}:
        return there.pop() or None
    return call.batch if True in described else None


def _device(state: dict[str, Tensor], way: Way) -> torch.device:
    if not way.values:
        return torch.device("meta")
    own = (each.device for each in state.values() if each.device.type != "meta")
    return next(own, torch.device("cpu"))
