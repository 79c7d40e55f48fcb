"""How a module is called: what was said is taken as it is, and what nobody said is tried.

A tensor whose type nobody stated holds numbers of the module's own precision, or else whole numbers; one number by
name is a plain value, or else the length of a vector. Of several attempts that fail, the one that went furthest tells
why.
"""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Final

import torch
from torch import Tensor, nn

from archscope.errors import UsageError, did_you_mean
from archscope.layers.base import spell_shape
from archscope.network import Network
from archscope.theirs import heard_once, only_read
from archscope.tracing.again import Again, Exported
from archscope.tracing.archives import read_program
from archscope.tracing.factory import Factory, example_inputs
from archscope.tracing.filling import WHOLE, filled
from archscope.tracing.following import DoesNotRun, trace_module
from archscope.tracing.inputs import Call, Given
from archscope.tracing.lazy import shaped
from archscope.tracing.sound import check_sound
from archscope.tracing.stated import Bare, spelled
from archscope.tracing.stopping import COMMAND, LIBRARY, told
from archscope.tracing.unwrapped import (
    class_name,
    inputs_of,
    is_program,
    lies_in_one_place,
    open_axes,
    unwrapped,
)


@dataclass(frozen=True)
class Called:
    """A module, what it is called with, and the network that it was read into.

    Attributes:
        module: the module that a person wrote; on meta, if it was made here and runs there.
        call: its inputs, with the type of each.
        network: what was read.
        fresh: makes the module anew, with values; gives the module itself where it is one.
        fixed: whether its batch is the one that it was exported with.
    """

    module: nn.Module
    call: Call
    network: Network
    fresh: Callable[[], nn.Module]
    fixed: bool = False

    @property
    def batch(self) -> int:
        """Samples that run at once: as many as ran, or, where nothing has yet, as were said."""
        observed = getattr(self.network, "observed", None)
        return self.call.batch if observed is None else int(observed.batch)

    def inputs(self, device: torch.device | str, *, batch: int | None = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of one call, on a device; what was described is drawn with a fixed seed.

        Where values decided what ran, it is as they were when the module was read: nothing but zeros.
        """
        generator = None if torch.device(device).type == "meta" else torch.Generator().manual_seed(0)
        samples = self.batch if batch is None else batch
        observed = getattr(self.network, "observed", None)
        zeros = observed is not None and observed.zeros and bool(observed.looked)

        def there(value: Any) -> Any:
            if isinstance(value, Given):
                made = drawn(value, samples, generator)
                return (made.zero_() if zeros else made).to(device)
            if not isinstance(value, Tensor):
                return value
            return value.to(device) if generator is not None else shape_of(value)

        return self.call.mapped(there)


def shape_of(tensor: Tensor) -> Tensor:
    """A tensor on meta that is as large as another, and of its type; also where nothing may be made of that itself."""
    made = torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device="meta")
    return made.requires_grad_(tensor.requires_grad)


def drawn(given: Given, batch: int, generator: torch.Generator | None) -> Tensor:
    """A tensor as it was described: normal values; nothing but zeros for whole numbers, and a mask that lets all by."""
    dtype = getattr(torch, given.dtype or "float32")
    shape = given.shape if given.batched is False else given.whole(batch)
    if generator is None:
        return torch.empty(shape, dtype=dtype, device="meta")
    if dtype is torch.bool:
        return torch.ones(shape, dtype=dtype)
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(shape, generator=generator).to(dtype)
    return torch.zeros(shape, dtype=dtype)


def described(value: Any) -> Any:
    """What a person calls a module with: a tuple of whole numbers is the shape of a sample, an array is a tensor.

    >>> described((3, 224, 224)), described({"ids": [(8,), 2.5]})
    (Given(shape=(3, 224, 224), dtype=None, batched=None, axis=0),
     {'ids': [Given(shape=(8,), dtype=None, batched=None, axis=0), 2.5]})
    """
    if isinstance(value, (tuple, list)) and not hasattr(value, "_fields") and (value or isinstance(value, tuple)):
        if all(isinstance(extent, int) and not isinstance(extent, bool) for extent in value):
            return _shape(value)
        return type(value)(described(each) for each in value)
    if isinstance(value, Mapping):
        changed = {key: described(each) for key, each in value.items()}
        same = all(changed[key] is each for key, each in value.items())
        return value if same else changed if type(value) is dict else type(value)(changed)  # type: ignore[call-arg]
    if is_dataclass(value) and not isinstance(value, type):
        parts = {each.name: getattr(value, each.name) for each in fields(value)}
        changed = {name: described(each) for name, each in parts.items()}
        if all(changed[name] is each for name, each in parts.items()):
            return value
        made = copy.copy(value)
        for name, each in changed.items():
            object.__setattr__(made, name, each)
        return made
    if type(value).__module__ == "numpy":
        return torch.as_tensor(value.copy()) if getattr(value, "ndim", 0) else value.item()
    return value


def _shape(value: Sequence[int]) -> Given:
    shape = tuple(int(extent) for extent in value)
    if any(extent < 1 for extent in shape):
        raise UsageError(f"{spell_shape(shape)} is no shape: every axis has a length of one or more")
    return Given(shape)


def call_module(
    module: nn.Module, call: Call, name: str | None = None, path: str | None = None, remedy: str = COMMAND
) -> Called:
    """Read a module that is called so; see `archscope.trace`.

    Raises:
        UsageError: it takes other inputs, or does not run on these; says where it stops, why, and what to write.
    """
    called = name or type(module).__name__
    check_sound(module, called)
    checked(module, call, called, remedy)
    stops: list[tuple[int, DoesNotRun]] = []
    for each in filled(module, call):
        try:
            return _read(shaped(module, each, called), each, name, path)
        except DoesNotRun as error:
            stops.append((_far(each, error), error))
    furthest = max(stops, key=lambda stop: stop[0])[1]
    raise UsageError(told(furthest, len(stops), remedy)) from furthest.__cause__


def _read(module: nn.Module, call: Call, name: str | None, path: str | None) -> Called:
    network, own = trace_module(module, call, name, path)
    if network.observed is not None and network.observed.alone and call.batch > 1:
        raise UsageError(f"{network.name} takes one sample and no batch: leave out `--batch {call.batch}`")
    return Called(module, own, network.replace(again=Again(module, own, network, path)), lambda: module)


def call_factory(
    factory: str, options: Mapping[str, Any], call: Call, *, path: str, example: str | None, batch: int | None
) -> Called:
    """Read what a factory makes: on meta, where a large network costs nothing; on the CPU, if it will not run there."""
    with only_read(f"`{factory}`"):
        return _made(Factory(factory, options), call, path=path, example=example, batch=batch)


def _made(maker: Factory, call: Call, *, path: str, example: str | None, batch: int | None) -> Called:
    name = maker.name.rpartition(":")[2].rpartition(".")[2]
    call = _with_example(call, example, batch)
    stopped: UsageError | None = None
    if maker.makes:
        try:
            found = _called(maker.made("meta"), call, name, path)
            return replace(found, fresh=lambda: shaped(unwrapped(maker.made()), found.call, name))
        except UsageError as error:
            stopped = error
    # Some code looks at values, and meta has none; the CPU shows whether that was it.
    try:
        made = maker.made()
    except UsageError as error:  # one that is too large for this machine says nothing of what stopped it on meta
        raise stopped or error from None
    return _called(made, call, name, path)


def call_archive(path: str, call: Call, *, example: str | None, batch: int | None) -> Called:
    """Read the exported program in a file; its inputs are those it was exported with, if nobody says otherwise."""
    program = read_program(path)
    said = bool(call.args or call.kwargs) or example is not None
    if not said and batch is not None:  # its layers say where that is
        call = _called(program, call, None, path).call.replace(whole=False)
    found = _called(program, _with_example(call, example, batch), None, path)
    seen = found.network.observed
    origin = f"Read from {os.path.basename(path)}: a program that PyTorch exported."  # noqa: PTH119
    open_ = open_axes(program)
    told = None if seen is None else seen.replace(origin=(origin, *_open(open_, found.call, example), *seen.origin))
    network = found.network.replace(observed=told, summary=origin)
    return replace(found, network=network.replace(again=Exported(network, open_, os.path.basename(path))))  # noqa: PTH119


_APART: Final = (
    "Its tensors were on meta, of which files do not say which are one: those that a module reads by another name are, "
    "and any others count by name."
)


def _open(axes: Mapping[str, tuple[int, ...]], call: Call, example: str | None) -> Iterator[str]:
    """What is to be known of axes that may have any length: how long they are here, and how to say other lengths."""
    if not axes:
        return
    places = dict(call.named(list(axes)))
    given = next((f"{name}={spelled(each)}" for name, each in places.items()
                  if isinstance(each, Given) and axes.get(name, (0,)) != (0,)), "")  # fmt: skip
    lengths = "; ".join(f"{' and '.join(map(str, own))} of `{name}`" for name, own in axes.items() if own)
    run = "1 sample runs" if call.batch == 1 else f"{call.batch:,} samples run at once"
    here = "" if example is not None else f" Here {run}" + (f", `{given}`." if given else ".")
    ways = "`--batch`" + (" or `--input`" if given else "")
    yield (f"These axes may have any length, the batch counted as 0: {lengths}.{here} {ways} asks for others, and "
           "`table --symbolic` for formulas.")  # fmt: skip


def call_config(path: str, call: Call, *, example: str | None, batch: int | None) -> Called:
    """Read the model that a Hugging Face configuration describes, called as its kind is where nobody says it."""
    from archscope.tracing.configs import Configured

    model = Configured(path)
    stated = _with_example(call, example, None)
    calls = [stated] if example is not None else [*model.calls(stated)]
    stopped: UsageError | None = None
    most = 0
    for device in ("meta", "cpu"):
        for each in calls if device == "meta" or model.affordable() else ():
            each = each if batch is None else each.replace(batch=batch)
            try:
                found = _called(model.made(device), each, model.name, path)
            except UsageError as error:
                if stopped is None or len(each.kwargs) > most:
                    stopped, most = error, len(each.kwargs)
                continue
            seen = found.network.observed
            origin = model.origin(found.call)
            told = None if seen is None else seen.replace(origin=origin)
            network = found.network.replace(observed=told, summary=origin[0])
            return replace(found, network=network, fresh=lambda: model.made("cpu"))
    raise model.stopped(stopped) if stopped else UsageError(f"{path} says nothing of its inputs")


def call_thing(thing: Any, args: Sequence[Any], kwargs: Mapping[str, Any], name: str | None = None) -> Called:
    """Read a module, or what holds one, that is called with tensors, arrays, shapes and plain values."""
    call = Call(tuple(map(described, args)), {key: described(each) for key, each in kwargs.items()})
    with heard_once(), only_read(name or type(thing).__name__):
        return _called(thing, call, name, None, LIBRARY)


def _called(made: Any, call: Call, name: str | None, path: str | None, remedy: str = COMMAND) -> Called:
    if not is_program(made):
        if not (call.args or call.kwargs) and path is None:
            raise UsageError("state the shape of each input without the batch axis, such as (3, 224, 224)")
        if not (call.args or call.kwargs):
            factory = str(path).partition("@")[0]
            raise UsageError(f"`{factory}` does not say what it takes; state the shape of its input without the batch: "
                             f"{factory}@3,224,224")  # fmt: skip
        return call_module(unwrapped(made), call, name, path, remedy)
    said = bool(call.args or call.kwargs)
    call = call if said else inputs_of(made)
    found = call_module(unwrapped(made), call, name or class_name(made) or None, path, remedy)
    seen = found.network.observed
    if seen is not None and lies_in_one_place(made):
        found = replace(found, network=found.network.replace(observed=seen.replace(origin=(*seen.origin, _APART))))
    return replace(found, fixed=not said)


def _with_example(call: Call, example: str | None, batch: int | None) -> Call:
    """What a person's function says to call the module with, if one is named; in batches, if a size is."""
    if example is not None:
        found = example_inputs(example)
        call = Call(tuple(map(described, found.args)), {name: described(each) for name, each in found.kwargs.items()})
    if batch is None:
        return call
    if not any(isinstance(each, (Given, Bare)) for _, each in call.named(())):
        raise UsageError(f"the example brings a batch of its own; leave out `--batch {batch}`, or return shapes")
    return call.replace(batch=batch)


def checked(module: nn.Module, call: Call, called: str, remedy: str) -> None:
    """Refuse inputs that ``forward`` does not take, and name those that it wants.

    Raises:
        UsageError: says which, and what to write.
    """
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return
    placed = [each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.POSITIONAL_ONLY)]
    named = [each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    kinds = {each.kind for each in parameters}
    unknown = next((name for name in call.kwargs if name not in named), None)
    if unknown is not None and inspect.Parameter.VAR_KEYWORD not in kinds:
        takes = did_you_mean(unknown, named, what="it takes") if named else "it takes none by name"
        if unknown.partition(".")[0] in named:
            takes = f"name a function that returns all of `{unknown.partition('.')[0]}`, --example mypkg.models:example"
        raise UsageError(f"`forward` of {called} takes no input `{unknown}`; {takes}")
    if len(call.args) > len(placed) and inspect.Parameter.VAR_POSITIONAL not in kinds:
        takes = f"takes {len(placed)} ({', '.join(placed)})" if placed else "takes none"
        raise UsageError(f"`forward` of {called} {takes}, and {len(call.args)} inputs are stated")
    twice = next((name for name in placed[: len(call.args)] if name in call.kwargs), None)
    if twice is not None:
        raise UsageError(f"the input `{twice}` of {called} is stated twice, in its place and by name")
    wanted = [each.name for each in parameters if each.default is each.empty and each.name not in call.kwargs
              and each.name not in placed[: len(call.args)]
              and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]  # fmt: skip
    if wanted:
        listed = ", ".join(f"`{name}`" for name in wanted)
        raise UsageError(f"`forward` of {called} wants {listed} too; {_stating(wanted[0], remedy)}")


def _stating(name: str, remedy: str) -> str:
    """How an input is stated that is missing: a name tells whether it may hold whole numbers."""
    whole = WHOLE.fullmatch(name)
    if remedy != COMMAND:
        return f"pass {name}=({'128,' if whole else '3, 224, 224'}), the shape of one sample, or a tensor"
    shape, other = f"{name}=3,224,224", f"{name}=128:int64 for whole numbers"
    if whole:
        shape, other = f"{name}=128:int64", f"{name}=3,224,224 for others than whole numbers"
    return f"write --input {shape}, or {other}"


def _far(call: Call, error: DoesNotRun) -> int:
    """How far an attempt went; one without a batch axis, which few modules take, has to go twice as far."""
    said: list[Any] = []
    call.mapped(said.append)
    alone = any(isinstance(each, Given) and each.batched is False for each in said)
    return error.operations // 2 if alone else error.operations
