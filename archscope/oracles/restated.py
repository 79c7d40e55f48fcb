"""A spec that was written of a module or a file, built with the weights of that, against what that gives itself."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from archscope.errors import require_torch
from archscope.importing.jax.things import JaxCalled
from archscope.importing.kinds import Kind, kind_of
from archscope.network import Network
from archscope.record import Record
from archscope.theirs import said_by
from archscope.writing.stating import Statement

if TYPE_CHECKING:
    from torch import Tensor, nn

    from archscope.building.network import BuiltNetwork
    from archscope.oracles.restated_keras import Ran
    from archscope.tracing.calling import Called

MOST_BYTES: Final = 1 << 30
MOST_MACS: Final = 20_000_000_000
"""Weights and products up to which both are run."""

_NEAR: Final = 1e-4
"""How far values may be apart, as a share of the largest."""


class Outcome(Record):
    """Whether the outputs are the same.

    Attributes:
        same: None where they were not compared.
        told: what was compared, or why nothing was, in words.
    """

    same: bool | None
    told: str


class _NotRun(Exception):
    """Why outputs are not compared."""


def restated(network: Network, made: Statement, module: Called | JaxCalled | None) -> Outcome | None:
    """Build a spec with the weights of what it was written of, and hold its outputs to those.

    Args:
        network: what was read.
        made: the spec of it.
        module: the module that was read, if it is one.

    Returns:
        None where it was written of a spec, which has no weights to copy.
    """
    kind = None if network.path is None or module is not None else kind_of(network.path)
    if module is None and kind is None:
        return None
    if kind not in (None, Kind.ONNX, Kind.KERAS):
        return Outcome(None, "the weights of such a file are not read")
    try:
        _check_size(made)
        require_torch("building a spec with weights")
        if isinstance(module, JaxCalled):
            return _of_jax(network, made, module)
        if module is not None:
            return _of_module(network, made, module)
        return _of_keras(network, made) if kind is Kind.KERAS else _of_onnx(network, made)
    except _NotRun as reason:
        return Outcome(None, str(reason))


def _check_size(made: Statement) -> None:
    from archscope.analysis import analyze

    if importlib.util.find_spec("torch") is None:
        raise _NotRun("PyTorch, which builds the spec, is not installed")
    totals = analyze(made.network).totals
    if 4 * int(totals.parameters) > MOST_BYTES or (totals.macs or 0) > MOST_MACS:
        raise _NotRun(f"{int(totals.parameters):,} parameters are more than are run unasked")


def _of_module(network: Network, made: Statement, called: Called) -> Outcome:
    import torch

    from archscope.theirs import heard_apart
    from archscope.tracing.standin import stand_in
    from archscope.tracing.strangers import keeping_random, tensors_in

    with keeping_random(), torch.no_grad():
        try:
            with heard_apart():
                whole = replace(called, module=called.fresh())
            # A factory may give a module that its owner keeps.
            with stand_in(whole, values=True) as shadow:
                read, built = _built(network, made, shadow.module.state_dict())
                given = _in_front([each.cpu() for each in tensors_in((shadow.args, shadow.kwargs))], _entered(network))
                seen = _Watched(network, read, shadow.module)
                made_there = tensors_in(shadow.module(*shadow.args, **shadow.kwargs))
                wanted = [each.cpu() for each in made_there if each.is_floating_point()]
        except _NotRun:
            raise
        except Exception as error:
            first = (said_by(error).strip().splitlines() or [""])[0][:120]
            raise _NotRun(f"the module does not run on numbers here: {type(error).__name__}: {first}") from error
        return _compared(given, [*wanted, *_turned(network, wanted)], built, seen, "the module")


def _of_onnx(network: Network, made: Statement) -> Outcome:
    import torch

    if importlib.util.find_spec("onnxruntime") is None:
        raise _NotRun("onnxruntime, which runs the file, is not installed")
    import onnx
    import onnxruntime
    from onnx import numpy_helper

    from archscope.oracles.onnx_weights import laid

    path = network.path or ""
    with _asking(onnxruntime, onnx):
        stored = {each.name: numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer}
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    held = {name: each for name, each in stored.items() if each.dtype == "float32"}
    floats = {name: torch.tensor(each) for name, each in {**held, **laid(network, held)}.items()}
    read, built = _built(network, made, floats)
    batch = 1 if network.observed is None else network.observed.batch
    given = read.example_inputs(batch, generator=torch.Generator().manual_seed(0))
    # The file's own names: an input that is the only one is called `input` here.
    entries = () if network.observed is None else network.observed.given
    names = [each.name for each in entries] or list(network.inputs)
    with _asking(onnxruntime, onnx):
        asked = {each.name: each.type for each in session.get_inputs()}
        axes = _entered(network)
        fed = {name: _as_asked(each.movedim(0, axis), asked.get(name, ""))
               for name, each, axis in zip(names, given, axes, strict=True)}  # fmt: skip
        ran = [torch.as_tensor(each) for each in session.run(None, fed)]
    with torch.no_grad():
        return _compared(given, [*ran, *_turned(network, ran)], built, None, "onnxruntime")


@contextmanager
def _asking(onnxruntime: Any, onnx: Any) -> Iterator[None]:
    """Say what ONNX Runtime does not take, or what it would have to read and is not there."""
    state = vars(onnxruntime.capi.onnxruntime_pybind11_state).values()
    theirs = [each for each in state if isinstance(each, type) and issubclass(each, Exception)]
    try:
        yield
    except (*theirs, onnx.checker.ValidationError, OSError, RuntimeError, TypeError, ValueError) as error:
        first = (said_by(error).strip().splitlines() or [""])[0][:120]
        raise _NotRun(f"onnxruntime does not run it: {first}") from error


def _of_keras(network: Network, made: Statement) -> Outcome:
    from archscope.oracles.restated_keras import ran, why_not

    why = why_not(network.path or "")
    if why:
        raise _NotRun(why)
    given = _drawn(network)
    return _held_to(network, made, given, ran(network, given), "Keras")


def _of_jax(network: Network, made: Statement, called: JaxCalled) -> Outcome:
    from archscope.oracles.restated_jax import ran

    given = _drawn(network)
    return _held_to(network, made, given, ran(called, given), "the module")


def _entered(network: Network) -> list[int]:
    """Where the batch stands in each input of what was read."""
    observed = network.observed
    if observed is None:
        return [0] * len(network.inputs)
    if observed.given:
        return [each.batch for each in observed.given]
    return [_stands(network, name, 0) for name in network.inputs]


def _stands(network: Network, name: str, output: int) -> int:
    """Where the batch stands in what a node makes, or in an input, of what was read; in front where nobody knows it."""
    observed = network.observed
    if observed is None:
        return 0
    value = observed.values.get((name, output))
    places = () if name not in observed.places else observed.places[name].makes[output : output + 1]
    known = value.batch if value is not None else places[0] if places else 0
    return max(known or 0, 0)


def _in_front(values: Sequence[Tensor], axes: Sequence[int]) -> list[Tensor]:
    """Values as a spec has them, with the batch in front."""
    axes = axes if len(axes) == len(values) else [0] * len(values)
    return [each.movedim(axis, 0) for each, axis in zip(values, axes, strict=True)]


def _turned(network: Network, values: Sequence[Tensor]) -> list[Tensor]:
    """Values with the batch in front that what was read gives with it elsewhere."""
    axes = {_stands(network, ref.node, ref.output) for ref in network.outputs} - {0}
    return [each.movedim(axis, 0) for axis in sorted(axes) for each in values if each.dim() > axis]


def _drawn(network: Network) -> list[Tensor]:
    """Values for each input of a network."""
    import torch

    from archscope.building import build

    batch = 1 if network.observed is None else network.observed.batch
    return list(build(network).example_inputs(batch, generator=torch.Generator().manual_seed(0)))


def _held_to(network: Network, made: Statement, given: Sequence[Tensor], found: Ran | str, who: str) -> Outcome:
    """Hold the spec with the weights of another tool to what that made; or say why that did not run."""
    import torch

    if isinstance(found, str):
        raise _NotRun(found)
    _, built = _built(network, made, found.weights)
    with torch.no_grad():
        return _compared(given, found.made, built, None, who)


def _as_asked(value: Tensor, kind: str) -> Any:
    """Numbers of the type that an input has in a file."""
    found = value.numpy()
    wanted = {"tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(float)": "float32"}.get(kind)
    return found if wanted is None else found.astype(wanted)


def _built(network: Network, made: Statement, weights: Mapping[str, Any]) -> tuple[BuiltNetwork, BuiltNetwork]:
    """What was read and what the spec reads as, both with the weights.

    Raises:
        _NotRun: some weight has no values.
    """
    from archscope.building import build
    from archscope.building.builders import COUNTERS

    read, built = build(network).eval(), build(made.network).eval()
    try:
        missing, _ = read.load_state_dict(_as_built(network, read, weights), strict=False)
    except RuntimeError as error:  # all that do not fit, a line each
        raise _NotRun(f"its weights do not fit: {said_by(error).strip().splitlines()[-1].strip()[:120]}") from error
    missing = [name for name in missing if name.rpartition(".")[2] not in COUNTERS and not name.endswith(".table")]
    if missing:
        raise _NotRun(f"`{missing[0]}` has no values there by that name")
    for name, theirs in made.names.items():
        into = built.node(theirs)
        into.load_state_dict(read.node(name).state_dict())
    return read, built


def _as_built(network: Network, read: BuiltNetwork, weights: Mapping[str, Any]) -> dict[str, Any]:
    """Weights under the names that modules have, where a node could not have its own: ``half_`` for ``half``."""
    paths = {module: path for path, module in read.named_modules()}
    found = dict(weights)
    for node in network.nodes:
        path = paths.get(read.node(node.name), node.name)
        if path != node.name:
            for name in [each for each in weights if each.startswith(f"{node.name}.")]:
                found[f"{path}{name.removeprefix(node.name)}"] = weights[name]
    return found


class _Watched:
    """What each submodule of a module gives that a node was read from."""

    def __init__(self, network: Network, read: BuiltNetwork, module: nn.Module) -> None:
        self.given: dict[str, Tensor] = {}
        self._network = network
        self._read = read
        self.nodes = [node.name for node in network.nodes]
        submodules = dict(module.named_modules())
        for name in self.nodes:
            if name in submodules:
                submodules[name].register_forward_hook(self._keeping(self.given, name))

    @staticmethod
    def _keeping(into: dict[str, Tensor], name: str) -> Any:
        import torch

        def hook(_: object, __: object, output: object) -> None:
            if isinstance(output, torch.Tensor):
                into.setdefault(name, output.cpu())

        return hook

    def first_apart(self, given: Sequence[Tensor]) -> str | None:
        """The first node that gives something else than its submodule."""
        ours: dict[str, Tensor] = {}
        hooks = [self._read.node(name).register_forward_hook(self._keeping(ours, name)) for name in self.given]
        self._read(*given)
        for hook in hooks:
            hook.remove()
        both = (name for name in self.nodes if name in self.given and name in ours)
        return next((name for name in both if _gap(ours[name], self._in_front(name)) is not None), None)

    def _in_front(self, name: str) -> Tensor:
        value = self.given[name]
        axis = _stands(self._network, name, 0)
        return value.movedim(axis, 0) if axis < value.dim() else value


def _compared(
    given: Sequence[Tensor], wanted: Sequence[Tensor], built: BuiltNetwork, seen: _Watched | None, who: str
) -> Outcome:  # fmt: skip
    """Hold what the spec gives to what the source gave; each output is one of those."""
    if len(given) != len(built.inputs):
        raise _NotRun(f"it was given {len(given)} tensors, and the spec takes {len(built.inputs)}")
    try:
        result = built(*given)
    except RuntimeError as error:
        return Outcome(False, f"outputs differ: built with the weights, the spec does not run: {error}")
    gaps = [_least(each, wanted) for each in (result if isinstance(result, tuple) else (result,))]
    if all(gap is None for gap in gaps):
        many = "output" if len(gaps) == 1 else f"{len(gaps)} outputs"
        return Outcome(True, f"built with the same weights: the same {many} as {who}")
    at = None if seen is None else seen.first_apart(given)
    place = "" if at is None else f", and first in `{at}`"
    gap = next(each for each in gaps if each is not None)
    return Outcome(False, f"outputs differ: built with the same weights, {gap} from {who}{place}")


def _least(value: Tensor, wanted: Sequence[Tensor]) -> str | None:
    """How far a value is from the nearest of some; None for no distance that counts."""
    found = [_gap(value, each) for each in _as_many(value, wanted)]
    if not found:
        return f"{tuple(value.shape)} values are no output"
    return None if None in found else found[0]


def _as_many(value: Tensor, wanted: Sequence[Tensor]) -> Iterator[Tensor]:
    for each in wanted:
        if each.numel() == value.numel():
            yield each.reshape(value.shape)


def _gap(one: Tensor, other: Tensor) -> str | None:
    import torch

    if one.numel() != other.numel():
        return f"{tuple(one.shape)} stands for {tuple(other.shape)}"
    other = other.reshape(one.shape).to(one.dtype)
    finite = other[other.isfinite()]
    scale = float(finite.abs().max()) if finite.numel() else 1.0
    if torch.allclose(one, other, rtol=_NEAR, atol=_NEAR * max(scale, 1e-6), equal_nan=True):
        return None
    return f"{float((one - other).nan_to_num().abs().max()):.3g} of {scale:.3g}"
