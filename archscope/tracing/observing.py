"""What is said of a whole forward pass: what ran, what the module holds, and what nothing used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from typing import Final

import torch

from archscope.building.builders import COUNTERS
from archscope.layers.base import Facts
from archscope.network import Ref
from archscope.observed import Called, Observed, Ordered, Places
from archscope.tracing.growing import STILL
from archscope.tracing.holding import ONCE
from archscope.tracing.packed import stored, weight_of
from archscope.tracing.running import Run
from archscope.tracing.strangers import tensors_in
from archscope.tracing.training import Trained
from archscope.tracing.weighed import Weighed

_CHOSEN: Final = "its code takes one position of an axis of it, and no rule follows the gradient of that"
_TWICE: Final = (
    "its code repeats it for every sample more than once, and no rule follows the copies and their gradients"
)
_CAST: Final = "its code has it in another type, and no rule says until when"
_SPARSE: Final = "its weight is sparse or packed, and no rule says what the gradient of such a one holds"


def observed(
    run: Run, names: Mapping[str, str], beside: Weighed, trained: Trained, found: Mapping[str, Facts],
    roles: Mapping[str, str],
) -> Observed:  # fmt: skip
    """What was seen of a module beside its layers.

    ``names`` are those of the nodes that they became, ``beside`` is what the code holds beside layers,
    ``trained`` what it does while training, ``found`` the facts of the nodes, ``roles``
    what a layer calls the weights of a node that it took up.
    """
    ran = run.tracer.recording.accounts.finished([node.name for node in run.tracer.recording.nodes.nodes])
    place = {name: number for number, (name, _) in enumerate(run.shadow.named_parameters())}
    sources = sorted(run.tracer.recording.nodes.sources.items(), key=lambda each: place.get(each[1].name, len(place)))
    held = {id(each): (name, each) for name, each in reversed([*run.shadow.named_parameters()])}
    state = run.tracer.recording.state
    owned = {id(state[name]) for name in run.tracer.recording.nodes.owners if name in state}
    unused = [
        weight_of(name, each, trainable=each.requires_grad)
        for id_, (name, each) in reversed(held.items())
        if id_ not in owned and each.numel()
    ]
    holding, learned = run.tracer.recording.holding, run.tracer.recording.learned
    once = _once(run, names, beside.constants.ahead)
    unruled = {name: why for name, why in holding.unruled.items() if not (name in once and why == ONCE)}
    sparse = [(name, _SPARSE) for name, facts in run.tracer.recording.nodes.facts.items()
              if any(each.trainable and each.stored is not None for each in facts.weights)]  # fmt: skip
    chosen = [(name, _CHOSEN) for name in run.tracer.recording.learned.chosen]
    twice = [(name, _TWICE) for name in learned.twice]
    copied = [(name, _TWICE) for name in learned.twice & learned.repeated]
    cast = [(name, _CAST) for name in run.tracer.recording.learned.cast]
    held_beside = [*_beside(run, owned - _lost(run, names, found))]
    added: Counter[str] = Counter()
    for name, many in ran.items():
        added[names[name]] += many
    return Observed(
        operations=len(run.tracer.ledger.every),
        batch=run.batch,
        alone=run.call.alone,
        held=sum(each.numel() for _, each in held.values()),
        frozen=sum(each.numel() for _, each in held.values() if not each.requires_grad),
        unused=tuple(unused),
        looked=run.tracer.recording.looked.found,
        zeros=run.zeros,
        ran=added,
        sources={(names[name], roles.get(name, own)): source for (name, own), source in sources},
        lasts={**_lasts(run, names, run.tracer.recording.values.lasts), **beside.lasts},
        parted=_parted(run, names),
        in_place=frozenset(names[name] for name in holding.in_place),
        over_views=frozenset(names[name] for name in holding.over_views),
        elsewhere=frozenset(names[name] for name in holding.elsewhere),
        lifts=frozenset(names[name] for name in holding.lifts),
        hidden=frozenset(names[name] for name in holding.hidden),
        notes=frozenset(names[name] for name in holding.notes),
        padded={names[name]: each for name, each in holding.padded.items()},
        weighs={names[name]: averaged for name, averaged in holding.weighs.items()},
        steady={names[name]: way for name, way in holding.steady.items()},
        unruled={names[name]: why for name, why in (*unruled.items(), *cast, *copied)},
        unruled_in_training={
            **{
                names[name]: why
                for name, why in (*holding.unruled_in_training.items(), *sparse, *chosen, *twice)
                if name in names
            },
            **beside.worked,
        },
        together=_together(holding.together, names),
        constants=beside.constants,
        types=run.types,
        ordered=_ordered(holding.ordered, names),
        repeated=frozenset(names[name] for name in learned.repeated),
        copied=frozenset(names[name] for name in learned.copied),
        buffers=sum(size for size, _ in held_beside),
        pointed=sum(size for size, pointed in held_beside if pointed),
        of_complex=run.tracer.ledger.of_complex,
        for_all=frozenset(names[name] for name in holding.for_all | learned.worked | once),
        ran_alone={names[name]: each for name, each in holding.ran_alone.items()},
        cut=frozenset((*(names[name] for name in trained.cut), *beside.worked)),
        before=_before(run, names),
        apart={names[name]: each for name, each in holding.apart.items()},
        reached=trained.reached,
        calls=_calls(run, names),
        folded=frozenset(names[name] for name in holding.folded if name in names),
        sees=frozenset(names[name] for name in holding.sees if name in names),
        numbered=frozenset(names.get(name, name) for name in run.tracer.recording.samples.numbered),
        unlike=_unlike(run, names, once | holding.for_all | run.tracer.recording.nodes.parameters),
        refuses=run.grown.refuses,
        squeezed=frozenset(names.get(name, name) for name in run.tracer.recording.samples.squeezed),
        places={
            **{names[name]: Places((), (place,)) for name, place in learned.copied.items()},
            **{names.get(name, name): each for name, each in holding.places.items()},
        },
    )


def _calls(run: Run, names: Mapping[str, str]) -> tuple[Called, ...]:
    """Calls of submodules with the nodes that ran, those that hold others first."""
    nodes = [node.name for node in run.tracer.recording.nodes.nodes]
    many = Counter(names.values())
    found: list[Called] = []
    for path, first, last in sorted(run.tracer.calls, key=lambda each: (each[1], -each[2], each[0].count("."))):
        inside = Counter(names[name] for name in nodes[first:last] if name in names)
        if path and inside:
            found.append(Called(path, (*inside,), all(many[name] == times for name, times in inside.items())))
    return tuple(found)


def _once(run: Run, names: Mapping[str, str], ahead: Set[str]) -> set[str]:
    """Nodes of constants with an axis of one value in front, and those that read nothing else: once for all samples."""
    recording = run.tracer.recording
    apart = recording.holding.for_all | (recording.nodes.parameters - recording.learned.repeated)
    found: set[str] = {name for name, now in names.items() if now in ahead}
    for node in recording.nodes.nodes if found else ():
        read = {ref.node for ref in node.inputs}
        if read & found and read <= found | apart:
            found.add(node.name)
    return found


def _unlike(run: Run, names: Mapping[str, str], once: Set[str]) -> dict[str, str]:
    """Nodes that do not grow as they are read; what is there once may have an axis of one for samples, and stays so.

    So do rows of tables, and what works on nothing else.
    """
    learned, nodes = run.tracer.recording.learned, run.tracer.recording.nodes.nodes
    rows = {ref for tensor, ref in learned.placed if id(tensor) in learned.rows}
    once = (
        once
        | {ref.node for ref in rows}
        | {each.name for each in nodes if each.inputs and rows.issuperset(each.inputs)}
    )
    return {names[name]: why for name, why in run.grown.unlike.items() if not (why == STILL and name in once)}


def _before(run: Run, names: Mapping[str, str]) -> dict[str, str]:
    """The node that ran next after the code saw a parameter as one of values, where that is not the one that is it."""
    nodes = [node.name for node in run.tracer.recording.nodes.nodes]
    found = {name: nodes[number] for name, number in run.tracer.recording.learned.before.items() if number < len(nodes)}
    return {names[name]: names[other] for name, other in found.items() if name in names and names[other] != names[name]}


def _ordered(found: Mapping[Ref, Ordered], names: Mapping[str, str]) -> dict[Ref, Ordered]:
    """Values that the code puts in order, of nodes that have not become one with others."""
    many = Counter(names.values())
    return {Ref(names[ref.node], ref.output):
            each._replace(had=frozenset(Ref(names[one.node], one.output) for one in each.had if one.node in names))
            for ref, each in found.items() if many[names.get(ref.node, "")] == 1}  # fmt: skip


def _together(found: Mapping[str, tuple[str, ...]], names: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Nodes that one operation made, of those that have not become one with others."""
    many = Counter(names.values())
    named = [tuple(names.get(each, "") for each in nodes) for nodes in found.values()]
    return {nodes[0]: nodes for nodes in named if all(many[each] == 1 for each in nodes)}


def _lost(run: Run, names: Mapping[str, str], found: Mapping[str, Facts]) -> set[int]:
    """Weights of nodes that became one which has none: the angles of rotary positions."""
    nodes, state = run.tracer.recording.nodes, run.tracer.recording.state
    return {id(state[weight]) for weight, name in nodes.owners.items()
            if weight in state and name in names and not found[names[name]].weights}  # fmt: skip


def _beside(run: Run, owned: set[int]) -> Iterator[tuple[int, bool]]:
    """Bytes of each tensor that a module holds beside parameters and no layer has, no counter; whether in float32."""
    known, parameters = set(owned), {id(each) for each in run.shadow.parameters()}
    for name, each in run.tracer.recording.state.items():
        if id(each) not in known | parameters and name.rpartition(".")[2] not in COUNTERS:
            known.add(id(each))
            packed = stored(each)
            yield packed or each.numel() * each.element_size(), not packed and each.dtype == torch.float32


def _parted(run: Run, names: Mapping[str, str]) -> dict[Ref, str]:
    """Values that the code hands on without their gradients, and gives with them nowhere; until when it has them so."""
    values = run.tracer.recording.values
    given = {values.ref(each) for each in tensors_in(run.result) if not values.apart(each)}
    return _lasts(run, names, {ref: values.graded.get(ref, 0) for ref in values.parts - given})


def _lasts(run: Run, names: Mapping[str, str], lasts: Mapping[Ref, int]) -> dict[Ref, str]:
    """The last node that ran while the module's code had what a node made; of several that became one, the last."""
    recording = run.tracer.recording
    nodes = [node.name for node in recording.nodes.nodes]
    place = {name: number for number, name in enumerate(nodes)}
    known = [(ref, number) for ref, number in lasts.items() if ref.node in place]
    found = sorted(known, key=lambda each: place[each[0].node])
    return {Ref(names[ref.node], ref.output): names[nodes[max(number - 1, place[ref.node])]] for ref, number in found}
