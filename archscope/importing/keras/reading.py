"""`read_keras`: the network in a Keras file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from archscope.errors import UsageError
from archscope.escaping import line
from archscope.importing.keras import (
    attention,
    backwards,
    layers,
    operations,
    papers,
    preparing,
    products,
    recurrent,
    wrapping,
)
from archscope.importing.keras.config import (
    Key,
    Model,
    Use,
    is_model,
    model_of,
    read_config,
    told_in,
    use_of,
)
from archscope.importing.keras.place import Nodes, Place, Value
from archscope.importing.stated import Entry, Stated, resolved
from archscope.layers import Shape
from archscope.network import Network, Ref
from archscope.observed import Observed
from archscope.recognising.folding import folded

_FLATTENED: Final = ("Features that are flattened lie channels first here, and channels last in Keras: the rows of the "
                     "matrix behind them lie in another order.")  # fmt: skip

_MASKED: Final = "Masks of positions that are padding change no count, and are left out; of code and memory, too."

_MASKING: Final = frozenset({"multihead_attention", "scaled_dot_product_attention", "softmax", "adaptive_avg_pool1d",
                             "batch_norm", "lstm", "gru", "rnn"})  # fmt: skip
"""Types of layers that hold a mask of padding, or what they make with it, if they are given one."""

_SCALED: Final = ("Matrices of int8 count by their values, and their stored bytes are those of int8; their scales, "
                  "which Keras counts too, are no weights here. They are not trained.")  # fmt: skip

_LAYERS: Final[Mapping[str, layers.Reading]] = MappingProxyType({
    **layers.READINGS, **recurrent.READINGS, **papers.READINGS, **preparing.READINGS,
    **attention.READINGS, **products.READINGS,
})  # fmt: skip
"""Keras's classes, and the layers that each is."""

_CODE: Final = ("Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer")
"""Classes of Keras's that hold code, or run what lies in other files."""


def read_keras(path: str, stated: Stated) -> Network:
    """The network in a ``.keras`` or ``.json`` file; shapes have their channels in front, as everywhere in archscope.

    Raises:
        UsageError: the file is not whole; a layer is a person's own, or is none that archscope has; says which.
    """
    found, version = read_config(path)
    model = model_of(found, path)
    told = told_in(found)
    kinds = told.formats
    if kinds == {"channels_first", "channels_last"}:
        raise UsageError(f"{path} has layers with channels first and others with channels last, which is not read")
    nodes = Nodes(path, first=kinds == {"channels_first"}, batch=stated.batch or 1)
    given = _inputs(model, stated, nodes)
    own = {name: value.shape for name, value in given.items()}
    results = _run(model, list(given.values()), nodes, ())
    nodes.tidy(value.ref for value in results)
    made, ends, facts, renamed = folded(nodes.nodes, [value.ref for value in results], nodes.facts)
    if not made:
        raise UsageError(f"{path} makes nothing of its inputs")
    del renamed
    weights = [each for node in made if node.shares is None for each in facts[node.name].weights]
    by = f", written by Keras {version}" if version else ""
    summary = f"Read from {Path(path).name}: a Keras model{by}; shapes have their channels first."
    masked = told.masked
    notes = tuple(note for note, is_so in ((_FLATTENED, nodes.flattened), (_SCALED, nodes.scaled),
                                           (_MASKED, masked)) if is_so)  # fmt: skip
    return Network(
        Path(path).stem, own, made, ends, title=Path(path).stem, path=path, facts=facts,
        summary=f"{summary} {_MASKED}" if masked else summary,
        observed=Observed(
            operations=len(made), batch=nodes.batch, frozen=0,
            held=sum(each.values for each in weights if each.trainable), origin=(summary, *notes),
            built=True,
            unruled={node.name: "a mask of padding is left out" for node in made
                     if masked and node.layer.type in _MASKING},
        ),
    )  # fmt: skip


def _inputs(model: Model, stated: Stated, nodes: Nodes) -> dict[str, Value]:
    """What the model is given, with the channels in front."""
    entries: list[Entry] = []
    for key in model.inputs:
        use = next((each for each in model.uses if each.layer == key.layer), None)
        if use is None or use.kind != "InputLayer":
            raise UsageError(f"{nodes.file} is no whole Keras model: `{line(key.layer)[:40]}` is none of its inputs")
        shape = use.options.get("batch_shape") or use.options.get("batch_input_shape")
        if not isinstance(shape, list) or not all(each is None or type(each) is int for each in shape):
            raise UsageError(f"{nodes.file} does not say what `{line(key.layer)[:40]}` is")
        axes = [each if each is None or each > 0 else None for each in shape[1:]]
        axes = axes if nodes.first or len(axes) < 3 else [axes[-1], *axes[:-1]]
        name = "input" if len(model.inputs) == 1 else line(key.layer).replace(" ", "_")
        if name in (each.name for each in entries):
            raise UsageError(f"{nodes.file} is no whole Keras model: it takes `{name[:40]}` twice")
        entries.append(Entry(name, ("batch", *axes)))
    found = resolved(tuple(entries), stated, nodes.file)
    values: dict[str, Value] = {}
    for name, shape in found.shapes.items():
        own: Shape = shape[1:]
        values[nodes.named(name)] = Value(Ref(name), own, not nodes.first and len(own) > 2)
    return values


def _run(model: Model, given: list[Value], nodes: Nodes, group: tuple[str, ...]) -> list[Value]:
    """Keep the layers of a model that is given some values; what it makes."""
    values: dict[Key, Value] = dict(zip(model.inputs, given, strict=True))
    readers = Counter([*model.outputs, *(key for use in model.uses for key in use.needs)])
    for use in model.uses:
        if use.kind == "InputLayer":
            continue
        reads = [_value(values, key, nodes) for key in use.reads]
        also = {name: [_value(values, key, nodes) for key in keys] for name, keys in use.also.items()}
        for number, made in enumerate(_made(use, reads, also, nodes, group, readers)):
            values[Key(use.layer, use.number, number)] = made
    ends = [_value(values, key, nodes) for key in model.outputs]
    if any(each.ones for each in ends):
        raise UsageError(f"{nodes.file} gives back ones, which no layer of it makes")
    return [Place(nodes, "pad", "Pad", {}, [], {}, group).settled(each) for each in ends]


def _value(values: Mapping[Key, Value], key: Key, nodes: Nodes) -> Value:
    if key not in values:
        raise UsageError(f"{nodes.file} is no whole Keras model: nothing makes `{line(key.layer)[:40]}`")
    return values[key]


def _made(
    use: Use, reads: list[Value], also: Mapping[str, list[Value]], nodes: Nodes, group: tuple[str, ...],
    readers: Mapping[Key, int],
) -> list[Value]:  # fmt: skip
    name = line(use.layer).replace(" ", "_")[:200]
    if len(group) > 40:
        raise UsageError(f"{nodes.file} has models inside models, more than 40 deep")
    if is_model(use.kind):
        inner = model_of({"class_name": use.kind, "config": use.options}, nodes.file)
        if len(inner.inputs) != len(reads):
            raise UsageError(f"{nodes.file} gives {len(reads)} values to `{name}`, which takes {len(inner.inputs)}")
        return _run(inner, reads, nodes, (*group, name))
    try:
        return _read(use, name, reads, also, nodes, group, readers)
    except _FORBIDDEN as error:  # an option is of another type than Keras writes, or has not what it always has
        path = ".".join((*group, name))
        raise UsageError(f"{nodes.file}: the layer `{path}` ({line(use.kind)[:80]}) has options that Keras does not "
                         f"write: {type(error).__name__}") from None  # fmt: skip


_FORBIDDEN: Final = (TypeError, ValueError, OverflowError, KeyError, AttributeError, IndexError)
"""What Python raises where a file says what nobody foresaw."""


def _read(
    use: Use, name: str, reads: list[Value], also: Mapping[str, list[Value]], nodes: Nodes, group: tuple[str, ...],
    readers: Mapping[Key, int],
) -> list[Value]:  # fmt: skip
    """Keep a layer that is no model; what it makes."""
    kind, options = use.kind, use.options
    if kind == "TimeDistributed" and options["layer"]["class_name"] == "Dense":
        kind, options = "Dense", options["layer"]["config"]
    place = Place(nodes, name, kind, options, reads, use.given, group)
    place.alone = all(readers[key] == 1 for key in use.reads)
    function = use.module.startswith(operations.MODULE)
    known = operations.READINGS if function else _LAYERS
    around = None if function else wrapping.WRAPPERS.get(kind)
    reading = known.get(kind) if around is None else lambda place: around(place, _inside)
    if reading is None:
        theirs = use.module.startswith("keras")
        if kind in _CODE:
            raise place.cannot("holds code, and no code of a file is run")
        raise place.cannot("is a layer of Keras's that archscope does not read yet" if theirs else
                           "is no layer of Keras's, and what it holds stands in its code alone")  # fmt: skip
    place.values = [each if operations.pads_itself(place, each) else place.settled(each) for each in reads]
    values = dict(zip(use.reads, place.values, strict=True))
    place.also = {name: [place.settled(each) for each in given] for name, given in also.items()}
    place.called = [values.get(each, each) if isinstance(each, Key) else each for each in use.called]
    made = backwards.with_ones(place, reading(place))
    for said in place.said if kind not in preparing.AT_RANDOM else ():
        said.finish()
    return made if isinstance(made, list) else [made]


def _inside(layer: Mapping[str, Any], values: list[Value], nodes: Nodes, group: tuple[str, ...]) -> list[Value]:
    """Keep a layer that another one is around."""
    use = use_of(layer)._replace(reads=tuple(Key("", 0, place) for place in range(len(values))))
    return _made(use, values, {}, nodes, group, Counter())
