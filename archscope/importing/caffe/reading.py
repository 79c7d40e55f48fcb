"""`read_caffe`: the network in a Caffe file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from archscope.errors import UsageError
from archscope.escaping import line
from archscope.importing.caffe import axes, layers, recurrent, windows
from archscope.importing.caffe.inputs import labels_of, makes_data, taken
from archscope.importing.caffe.net import TEST, Call, Key, Net, read_net
from archscope.importing.caffe.options import Options
from archscope.importing.caffe.place import Nodes, Place, Value
from archscope.importing.stated import Stated, resolved
from archscope.network import Network, Ref
from archscope.observed import Observed
from archscope.recognising.folding import folded

_READINGS: Final = {**windows.READINGS, **layers.READINGS, **axes.READINGS, **recurrent.READINGS}
_ENDS: Final = frozenset({"Accuracy", "Silence", "HDF5Output", "SoftmaxWithLoss"})
_FORBIDDEN: Final = (KeyError, TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError, OverflowError)
"""What Python raises where a file says what nobody foresaw."""


def read_caffe(path: str, stated: Stated) -> Network:
    """The network in a ``.prototxt`` file, as it runs in the phase TEST.

    Raises:
        UsageError: the file is not whole; a layer runs code of its own, or has options that Caffe does not have.
    """
    net = read_net(path)
    left = _left_out(net)
    kept = {number: call for number, call in enumerate(net.calls) if number not in left and not makes_data(call.kind)}
    for call in kept.values():
        _refuse_unknown(call, path)
    axis = 1 if any(call.kind in recurrent.KINDS for call in kept.values()) else 0
    read = {key for call in kept.values() for key in _own_reads(call)}
    given = taken(net, read, axis, stated, path)
    found = resolved(tuple(given.entries.values()), stated, path)
    batch = stated.batch or 1
    nodes = Nodes(path, batch=batch, written=given.written, axis=axis)
    values: dict[Key, Value] = {}
    for key, entry in given.entries.items():
        values[key] = Value(Ref(nodes.named(entry.name)), found.shapes[entry.name][1:])
    inputs = {value.ref.node: value.shape for value in values.values()}
    _run(kept, net, nodes, values)
    ends = [values[key].ref for _, key in net.ends if key in values] + _cut_off(net, kept, values)
    results = tuple(dict.fromkeys(ref for ref in ends if ref.node not in inputs))
    made, outputs, facts, _ = folded(nodes.nodes, results, nodes.facts)
    if not results:
        raise UsageError(f"{path} makes nothing of its inputs")
    weights = [each for node in made if node.shares is None for each in facts[node.name].weights]
    summary = f"Read from {Path(path).name}: {_titled(net)} as Caffe runs it in the phase {net.phase}."
    return Network(
        Path(path).stem, inputs, made, outputs, title=net.title or Path(path).stem, summary=summary, path=path,
        facts=facts,
        observed=Observed(
            operations=len(made), batch=batch, frozen=0, held=sum(each.values for each in weights if each.trainable),
            origin=(summary, *_remarks(net, left, given.written)), built=True,
        ),
    )  # fmt: skip


def _titled(net: Net) -> str:
    return f"the Caffe network {net.title}" if net.title else "a Caffe network"


def _own_reads(call: Call) -> tuple[Key, ...]:
    """The values that a layer reads; the signal where a sequence begins changes no number."""
    return (call.reads[:1] + call.reads[2:]) if call.kind in recurrent.KINDS else call.reads


def _compares(call: Call) -> bool:
    """Whether a layer compares outputs with labels, or makes nothing."""
    return call.kind.endswith("Loss") or call.kind in _ENDS or "loss_weight" in call.said.fields


def _left_out(net: Net) -> dict[int, Call]:
    """Layers that are no part of what a network computes: losses, what only they read, code behind the last layer."""
    labels = labels_of(net)
    for number, call in enumerate(net.calls):
        if call.reads and labels.issuperset(call.reads):
            labels.update(Key(number, place) for place in range(len(call.tops)))
    readers: dict[Key, list[int]] = {}
    for number, call in enumerate(net.calls):
        for key in call.reads:
            readers.setdefault(key, []).append(number)
    found: dict[int, Call] = {}
    for number in reversed(range(len(net.calls))):
        call = net.calls[number]
        unread = all(each in found for place in range(len(call.tops)) for each in readers.get(Key(number, place), ()))
        of_labels = bool(call.reads) and labels.issuperset(call.reads)
        strange = call.kind not in _READINGS and not makes_data(call.kind)
        if unread and (_compares(call) or of_labels or strange):
            found[number] = call
    return dict(sorted(found.items()))


def _refuse_unknown(call: Call, file: str) -> None:
    if call.kind in _READINGS:
        return
    shown = f"{file}:{call.line}: the layer `{line(call.name)[:80]}` ({call.kind[:80]})"
    own = "runs code that the file does not hold" if call.kind == "Python" else "is none that archscope reads"
    raise UsageError(f"{shown} {own}: what it makes, and all that comes after it, is not covered")


def _run(kept: Mapping[int, Call], net: Net, nodes: Nodes, values: dict[Key, Value]) -> None:
    """Keep the layers, and know what each makes."""
    scales = dict(_scaled_norms(kept, net))
    joined = set(scales.values())
    for number, call in kept.items():
        given = [values[key] for key in _own_reads(call)]
        message, reading = _READINGS[call.kind]
        place = Place(nodes, call, given, message)
        if number in joined:
            values[Key(number)] = given[0]
            continue
        try:
            if number in scales:
                behind = Place(nodes, kept[scales[number]], given, _READINGS["Scale"][0])
                made = layers.scaled_norm(place, behind)
                behind.options.finish()
            else:
                made = [*reading(place)]
        except _FORBIDDEN as error:
            raise place.cannot(f"has options that Caffe does not write: {type(error).__name__}") from None
        place.options.finish()
        for at, value in enumerate(made):
            values[Key(number, at)] = value
        if len(made) < len(call.tops):
            raise place.cannot(f"makes {len(call.tops)} values, and such a layer makes {len(made)}")


def _scaled_norms(kept: Mapping[int, Call], net: Net) -> Iterator[tuple[int, int]]:
    """Batch norms whose results a scale of each channel alone reads, by number, and that scale."""
    readers = net.readers()
    for number, call in kept.items():
        if call.kind != "Scale" or len(call.reads) != 1:
            continue
        (key,) = call.reads
        before = kept.get(key.call)
        options = Options(_param(call), lambda what, _: UsageError(what), "scale_param")
        by_channel = not options.said("axis") and not options.said("num_axes")
        if before is not None and before.kind == "BatchNorm" and readers[key] == 1 and by_channel:
            yield key.call, number


def _param(call: Call):  # type: ignore[no-untyped-def]
    fields = call.said.fields.get("scale_param", [])
    return fields[0].value if fields and hasattr(fields[0].value, "fields") else None


def _cut_off(net: Net, kept: Mapping[int, Call], values: Mapping[Key, Value]) -> list[Ref]:
    """What kept layers make and only those read that are left out."""
    read = {key for call in kept.values() for key in call.reads}
    known = {key for _, key in net.ends}
    return [value.ref for key, value in values.items() if key.call in kept and key not in read | known]


def _remarks(net: Net, left: Mapping[int, Call], written: int) -> Iterator[str]:
    losses = [each for each in left.values() if _compares(each)]
    strange = [each for each in left.values() if each.kind not in _READINGS and not _compares(each)]
    if losses:
        yield f"Left out: {_listed(losses)}, which compare outputs with labels or make nothing."
    for each in strange:
        yield (f"Left out: {_listed([each])}, which is no layer of Caffe's that archscope reads; what it multiplies is "
               "not covered.")  # fmt: skip
    if net.others:
        layers_ = "1 layer is" if net.others == 1 else f"{net.others:,} layers are"
        yield f"{layers_} there for another phase than {net.phase}."
    if written > 1 and net.phase == TEST:
        yield f"The file was written for {written:,} samples at once; the numbers do not depend on that."


def _listed(calls: list[Call]) -> str:
    shown = [f"`{line(each.name)[:40]}` ({each.kind[:40]})" for each in calls[:4]]
    more = f" and {len(calls) - 4:,} more" if len(calls) > 4 else ""
    return ", ".join(shown) + more
