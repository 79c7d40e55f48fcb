"""`graph_of`: a network as the `Graph` of its elements."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final

from archscope.analysis import Analysis
from archscope.difference.elements import Element, Graph, Source, spelled
from archscope.difference.written_out import attention, written_out
from archscope.layers.base import Shape
from archscope.rows import Row

_NO_ACTIVATION_ALONE: Final = ("glu", "geglu", "swiglu", "reglu", "maxout")
"""Of the family of activations, those that take several values for one."""


def graph_of(analysis: Analysis, *, apart: bool = False) -> Graph:
    """The elements of a network; ``apart`` keeps the copies of a layer on towers as layers of their own.

    >>> from archscope.analysis import analyze
    >>> from archscope.reader import load
    >>> [element.name for element in graph_of(analyze(load("lenet5"))).elements]
    ['C1', 'S2', 'C3', 'S4', 'C5', 'F6', 'OUTPUT']
    """
    network = analysis.network
    rows = analysis.nodes if apart else analysis.rows
    home = {node.name: node.name if apart else node.row for node in network.nodes}
    elements = {row.name: Element(row) for row in rows}
    for row in rows:
        elements[row.name].reads = [(home.get(ref.node, ref.node), ref.output) for ref in row.node.inputs]
    outputs = list(dict.fromkeys((home.get(ref.node, ref.node), ref.output) for ref in network.outputs))
    _drop(elements, outputs, [row.name for row in rows if _renames(row, analysis, apart)])
    _constants(elements, set(network.inputs))
    _biases(elements, outputs)
    for entry, inner, activation in written_out(elements):
        _fold(elements, outputs, entry, inner, activation)
    _chains(elements, outputs)
    _factors(elements, outputs)
    _activations(elements, outputs)
    attention(elements)
    _idle(elements, outputs)
    return Graph(analysis, elements, outputs, apart=apart)


def _renames(row: Row, analysis: Analysis, apart: bool) -> bool:
    """Whether a row only gives its values' axes other names, or joins the halves of one layer from its towers."""
    layer = row.node.layer
    if layer.type == "identity" or (layer.family == "shape" and layer.shares_memory):
        return True
    if layer.type in ("squeeze", "unsqueeze"):
        return True
    if apart:
        return False
    network = analysis.network
    makers = [network.by_name[ref.node] for ref in row.node.inputs if ref.node in network.by_name]
    joins = layer.type == "concat" and len(makers) > 1 and len({maker.row for maker in makers}) == 1
    return joins and len({maker.tower for maker in makers}) > 1


def _drop(elements: dict[str, Element], outputs: list[Source], names: Iterable[str]) -> None:
    """Take elements out; who read them reads what they read."""
    instead: dict[str, Source] = {}
    for name in names:
        source = elements[name].reads[0] if elements[name].reads else (name, 0)
        instead[name] = instead.get(source[0], source)
        maker = elements.get(instead[name][0])
        if maker is not None:
            maker.absorb([elements[name]])
        del elements[name]
    _redirect(elements, outputs, instead)


def _redirect(elements: Mapping[str, Element], outputs: list[Source], instead: Mapping[str, Source]) -> None:
    for element in elements.values():
        element.reads = [instead.get(name, (name, place)) for name, place in element.reads]
    outputs[:] = dict.fromkeys(instead.get(name, (name, place)) for name, place in outputs)


def _constants(elements: dict[str, Element], inputs: set[str]) -> None:
    """What no input reaches: a table that is looked up at known places is a learned value, the rest is nothing."""
    reached = set(inputs)
    for name, element in elements.items():
        if any(source in reached for source, _ in element.reads):
            reached.add(name)
    still = [name for name in elements if name not in reached]
    for name in still:
        element = elements[name]
        element.reads = []
        if any(row.weights or row.shares for row in element.rows):
            element.type, element.family, element.label = "parameter", "dense", "parameter"
            element.options, element.inputs, element.windows = {"shape": [*element.output]}, [], None
    plain = {name for name in still if elements[name].type != "parameter"}
    for name in plain:
        if not any(elements[name].count_of(quantity) for quantity in ("parameters", "fixed", "macs")):
            del elements[name]
    for element in elements.values():
        gone = [place for place, (name, _) in enumerate(element.reads) if name in plain and name not in elements]
        element.reads = [each for place, each in enumerate(element.reads) if place not in gone]
        if element.reads or gone:
            element.inputs = [each for place, each in enumerate(element.inputs) if place not in gone]


def _biases(elements: dict[str, Element], outputs: list[Source]) -> None:
    """A product with a matrix of weights to which learned values are added is one linear layer with a bias."""
    readers = readers_of(elements)
    given = {name for name, _ in outputs}
    for name, added in list(elements.items()):
        read = [source for source, _ in added.reads]
        if added.type != "add" or len(read) != 2 or added.activation:
            continue
        for product, bias in (read, read[::-1]):
            maker, values = elements.get(product), elements.get(bias)
            if maker is None or values is None or values.type != "parameter" or maker.type != "linear":
                continue
            alone = readers[product] == readers[bias] == [name] and not {product, bias} & given
            if maker.options.get("bias") is False and alone and values.output == maker.output[-1:]:
                maker.options = {**maker.options, "bias": True}
                maker.absorb([values, added])
                _redirect(elements, outputs, {name: (product, 0)})
                del elements[bias], elements[name]
                break


def _chains(elements: dict[str, Element], outputs: list[Source]) -> None:
    """``a + b + c`` is one sum, in how many calls it is written."""
    readers = readers_of(elements)
    given = {name for name, _ in outputs}
    for name, element in list(elements.items()):
        if not element.commutes:
            continue
        reads: list[Source] = []
        inputs: list[Shape] = []
        for source, shape in zip(element.reads, element.inputs, strict=False):
            inner = elements.get(source[0])
            whole = inner is not None and inner.type == element.type and inner.output == element.output
            if inner is None or not whole or inner.activation or readers[source[0]] != [name] or source[0] in given:
                reads.append(source)
                inputs.append(shape)
                continue
            reads += inner.reads
            inputs += inner.inputs
            element.absorb([inner])
            del elements[source[0]]
        if len(reads) > len(element.reads):
            for each in reads:
                readers[each[0]] = list(dict.fromkeys(name if one not in elements else one for one in readers[each[0]]))
            element.reads, element.inputs = reads, inputs


def _factors(elements: dict[str, Element], outputs: list[Source]) -> None:
    """A learned factor of each channel stands before a change of the axes, however its ones are written."""
    readers = readers_of(elements)
    given = {name for name, _ in outputs}
    for name, element in list(elements.items()):
        if element.type != "multiply" or len(element.reads) != 2 or element.activation:
            continue
        (values,) = [source for source, _ in element.reads if _is_vector(elements.get(source))] or [""]
        if not values or readers[values] != [name]:
            continue
        place = [source for source, _ in element.reads].index(values)
        vector, source = elements[values], element.reads[1 - place][0]
        held = (int(max(vector.output)),)
        vector.options, vector.outputs = {"shape": [*held]}, [held]
        turn = elements.get(source)
        shape = element.inputs[1 - place]
        if turn is not None and turn.type == "permute" and readers[source] == [name] and source not in given:
            shape = turn.inputs[0]
            _redirect(elements, outputs, {name: (source, 0)})
            element.reads[1 - place], turn.reads = turn.reads[0], [(name, 0)]
            element.outputs = [shape]
        element.reads = [element.reads[1 - place], (values, 0)]
        element.inputs = [shape, held]


def _is_vector(element: Element | None) -> bool:
    """Whether it is learned, and of one axis but for ones."""
    return element is not None and element.type == "parameter" and sum(extent != 1 for extent in element.output) == 1


_COUNTED: Final = ("parameters", "fixed", "connections", "macs")


def _idle(elements: dict[str, Element], outputs: Iterable[Source]) -> None:
    """Take out what no output needs and what counts nothing: somebody looked at a value."""
    needed: set[str] = set()
    waiting = [name for name, _ in outputs]
    while waiting:
        name = waiting.pop()
        if name in elements and name not in needed:
            needed.add(name)
            waiting += [source for source, _ in elements[name].reads]
    for name in [each for each in elements if each not in needed]:
        if all(elements[name].count_of(quantity) == 0 for quantity in _COUNTED):
            del elements[name]


def readers_of(elements: Mapping[str, Element]) -> dict[str, list[str]]:
    """Who reads each element or input."""
    readers: dict[str, list[str]] = {}
    for name, element in elements.items():
        for source in dict.fromkeys(each for each, _ in element.reads):
            readers.setdefault(source, []).append(name)
    return readers


def _activations(elements: dict[str, Element], outputs: list[Source]) -> None:
    """An activation on a line of its own belongs to the layer that it alone reads."""
    readers = readers_of(elements)
    given = {name for name, _ in outputs}
    home: dict[str, str] = {}
    for name, element in list(elements.items()):
        if element.family != "activation" or element.type in _NO_ACTIVATION_ALONE or len(element.reads) != 1:
            continue
        before = home.get(element.reads[0][0], element.reads[0][0])
        maker = elements.get(before)
        alone = readers.get(element.reads[0][0]) == [name] and element.reads[0][0] not in given
        if maker is None or maker.activation or maker.family == "activation" or not alone or element.misfit:
            continue
        layer = element.rows[0].node.layer
        maker.activation = spelled(layer)
        maker.absorb([element])
        maker.outputs = element.outputs if math.prod(element.output) != math.prod(maker.output) else maker.outputs
        home[name] = before
        del elements[name]
    _redirect(elements, outputs, {name: (maker, 0) for name, maker in home.items()})


def _fold(elements: dict[str, Element], outputs: list[Source], entry: str, inner: list[str], activation: str) -> None:
    """An activation that is written out in arithmetic belongs to the layer that it reads."""
    maker = elements[entry]
    maker.activation = activation
    maker.absorb(elements[name] for name in inner)
    _redirect(elements, outputs, {inner[-1]: (entry, 0)})
    for name in inner:
        del elements[name]
