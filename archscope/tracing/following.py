"""Read any `torch.nn.Module` into a `Network`: what archscope says of a spec, it says of a module.

A shadow of the module runs once, at inference, on tensors without values where it can; the module itself is not
touched. What a layer type describes becomes that layer, checked against the shapes and weights that were seen and the
operations that ran. Anything else becomes a `Function`: its shapes, weights and products are exact, and a number that
nobody can know from outside is not covered.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn

from archscope.errors import UsageError
from archscope.interrupts import between_operations
from archscope.layers.base import spell_shapes
from archscope.network import Network
from archscope.recognising.attention import attended
from archscope.recognising.distances import distant
from archscope.recognising.folding import folded
from archscope.recognising.merging import merged
from archscope.recognising.norms import normed
from archscope.recognising.replacing import Part
from archscope.recognising.shifted import shifted
from archscope.recognising.squashed import squashed
from archscope.record import EMPTY
from archscope.theirs import at_place, raised
from archscope.tracing.growing import TURNED, grown
from archscope.tracing.growing import turned as turned_input
from archscope.tracing.inputs import Call, Given
from archscope.tracing.observing import observed
from archscope.tracing.others import shares
from archscope.tracing.running import Run, Stopped, run_surely, ways_of
from archscope.tracing.strangers import tensors_in
from archscope.tracing.training import Trained, trained
from archscope.tracing.turning import turned
from archscope.tracing.values import memory_of
from archscope.tracing.weighed import weighed

_KEPT: Final = "its code, or a hook, keeps what its layers make when a pass is over, and no rule says until when"

_TWICE: Final = "it gives a value twice, as tensors of their own, and no rule follows both gradients"

_UNSHOWN: Final = "what its code does while training shows no network"

_LARGE: Final = 1 << 30
"""Bytes of parameters above which a module runs with values only if it looks at them."""


class DoesNotRun(UsageError):
    """A module raised on its inputs, after so many operations."""

    def __init__(self, text: str, operations: int) -> None:
        super().__init__(text)
        self.operations = operations


@between_operations()
def trace_module(
    module: nn.Module, call: Call, name: str | None = None, path: str | None = None
) -> tuple[Network, Call]:
    """A module as a network, and the call with its batch where layers take it; see `archscope.trace`.

    ``path`` is what it can be opened by again.
    """
    if not call.args and not call.kwargs:
        raise UsageError("state the shape of each input without the batch axis, such as (3, 224, 224)")
    # What a compiled module was before runs the same and has the names that its author gave.
    module = getattr(module, "_orig_mod", module)
    called = name or type(module).__name__
    _check(module, called)
    names = given_names(module, call)
    run = followed(module, call, names, called)
    trains = trained(module, names, run)
    if trains.otherwise is None:
        return _network(module, names, run, called, path, trains), run.call
    network = _network(module, names, run, called, path, trains._replace(cut=frozenset()))
    assert network.observed is not None  # noqa: S101 - a network of a run has it
    try:
        then = _network(module, names, trains.otherwise, called, path, trains)
    except UsageError as error:
        constants = network.observed.constants.replace(unknown_in_training=f"{_UNSHOWN}: {error}", unshown=True)
        return network.replace(observed=network.observed.replace(constants=constants)), run.call
    return network.replace(observed=network.observed.replace(training=then)), run.call


def _network(
    module: nn.Module, names: Sequence[str], run: Run, called: str, path: str | None, trains: Trained
) -> Network:  # fmt: skip
    """The network that a run has written down; ``trains`` is what was seen of training beside it."""
    run = run._replace(grown=grown(module, names, run))
    nodes = run.tracer.recording.nodes
    made_by = run.tracer.recording.origins.of
    outputs = tuple(dict.fromkeys(ref for each in tensors_in(run.result) if (ref := made_by(each)) is not None))
    outputs = tuple(ref for ref in outputs if ref.node not in run.inputs)
    if run.result is None:
        raise UsageError(f"{called} returns nothing; its `forward` lacks a `return`")
    if not outputs:
        raise UsageError(f"{called} returns nothing that a layer made of its input")
    recording = run.tracer.recording
    whole = Part([*nodes.finished(outputs)], outputs, {**nodes.facts}, {})
    written_out = turned(attended(whole, recording.causal), recording.factors)
    short = squashed(merged(distant(shifted(normed(written_out), recording.divisors))))
    folded_nodes, folded_outputs, facts, renamed = folded(short.nodes, short.outputs, short.facts)
    now = {**renamed, **{gone: renamed[name] for gone, name in short.within.items()}}
    its_own = {node.name: node.name for node in whole.nodes}
    beside = weighed(module, names, run, its_own if short.within else now)
    constants = beside.constants.replace(
        unknown=beside.constants.unknown
        or _kept(run)
        or (TURNED if run.batch > 1 and turned_input(run) is not None else ""),
        unknown_in_training=trains.why or beside.constants.unknown_in_training or _twice(run),
        unshown=trains.unshown,
    )
    beside = beside._replace(constants=constants)
    seen = observed(run, now, beside, trains, facts, short.roles)
    if short.within:
        rows = {node.name: node.row for node in folded_nodes}
        apart = [node.replace(row=rows[now[node.name]]) for node in whole.nodes]
        written = Network(called, run.inputs, apart, outputs, facts=whole.facts,
                          observed=observed(run, its_own, beside, trains, whole.facts, EMPTY))  # fmt: skip
        seen = seen.replace(written=written, within=now, constants=beside.constants.renamed(now))
    return Network(
        called,
        run.inputs,
        folded_nodes,
        folded_outputs,
        title=type(module).__name__,
        path=path,
        facts=facts,
        observed=seen,
    )


def _twice(run: Run) -> str:
    """Why it is not known what gradients of what it gives take: a value is given once more as another tensor of it."""
    values, origins = run.tracer.recording.values, run.tracer.recording.origins
    given = {id(each): each for each in tensors_in(run.result) if not values.apart(each)}
    refs = [ref for each in given.values() if (ref := origins.of(each)) is not None and ref.node not in run.inputs]
    return _TWICE if len({*refs}) < len(refs) else ""


def _kept(run: Run) -> str:
    """Why it is not known what the module has when a pass is over: it kept what its layers made; empty if it is."""
    tracer = run.tracer
    for each in run.left:
        ref = tracer.recording.values.ref(each)
        if ref is None and memory_of(each) not in tracer.events.memories:
            return _KEPT
        if ref is not None and ref.node not in run.inputs:
            return _KEPT
    return ""


def _check(module: nn.Module, called: str) -> None:
    """Refuse what shows no layers."""
    if isinstance(module, torch.jit.ScriptModule):
        raise UsageError(f"{called} is scripted and shows none of its layers; read the module it was made from")
    lazy = next((path for path, each in module.named_parameters() if nn.parameter.is_lazy(each)), None)
    if lazy is not None:
        raise UsageError(
            f"`{lazy}` of {called} has no shape before it runs, and this call does not reach it: nobody "
            "can tell how many values it holds; call the module so that it does"
        )


def given_names(module: nn.Module, call: Call) -> list[str]:
    """What ``forward`` calls the tensors that it is given; a single one is ``input``, as in a spec."""
    parameters = [each for each in inspect.signature(module.forward).parameters if each not in ("args", "kwargs")]
    names = [name for name, each in call.named(parameters) if isinstance(each, (Given, Tensor))]
    return ["input"] if len(names) == 1 else names


def followed(
    module: nn.Module, call: Call, names: Sequence[str], called: str, *, values: bool | None = None
) -> Run:  # fmt: skip
    """The module run without values, or with them if it looks at them; the attempt that went furthest says why not.

    ``values`` says that it runs with them, or without, whatever it looks at.
    """
    stops: list[Stopped] = []
    shared = shares(module)
    for way in ways_of(call):
        if values is not None and way.values is not values:
            continue
        if shared and not way.values:  # a thread of the user's would stop at a tensor without values
            continue
        missed = any(stop.missed for stop in stops)
        if values is None and way.counted and not (missed or shared) and (not way.values or _is_large(module)):
            continue
        for each in (way, way._replace(graded=True)):
            try:
                return run_surely(module, call, names, each)
            except Stopped as stop:
                stops.append(stop)
                if not stop.ungraded:
                    break
    last = max(stops, key=_how_far)
    given = spell_shapes(last.shapes, " and ") or "no tensor"
    where = f" at `{last.at}`" if last.at else ""
    why = last.why or raised(last.error)
    if any(stop.missed for stop in stops) and all(each.is_meta for each in module.parameters()):
        # What PyTorch says of an operation that it does not have there is no advice: some of it makes numbers up.
        looks = f"it looks at values{at_place(last.error)}"
        blind = isinstance(last.error, NotImplementedError) and "meta" in str(last.error)
        why = looks if blind and not last.why else f"{why}; it looks at values"
        why += ", and a module on meta has none: make it on the CPU"
    raise DoesNotRun(f"{called}, given {given}, stops{where}: {why}", last.operations) from last.error


def _how_far(stop: Stopped) -> tuple[int, bool, bool]:
    """How far an attempt went; one without a batch, which few modules take, has to go twice as far."""
    way = stop.way
    return stop.operations if way.batched else stop.operations // 2, way.values, not way.tokens


def _is_large(module: nn.Module) -> bool:
    """Whether running it with values would cost more than a person expects of a table."""
    return sum(each.numel() * each.element_size() for each in module.parameters()) > _LARGE


__all__ = ["DoesNotRun", "followed", "given_names", "trace_module"]
