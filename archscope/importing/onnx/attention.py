"""Attention of PyTorch's, as its exporter writes it out in operators: one layer with its projections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from archscope.errors import Rejects
from archscope.importing.graph import Operator
from archscope.importing.meaning import Meaning, Values
from archscope.importing.onnx.written import Found, Written, layer_of
from archscope.layers import TYPES
from archscope.layers.base import Weight
from archscope.recognising.atoms import Turned
from archscope.recognising.batches import WITHOUT
from archscope.recognising.heads import Attention, Heads, Root, Value
from archscope.working import count

THIRDS: Final = ("query", "key", "value")
"""The parts of a weight that projects to all three."""

_IN_ORDER: Final = frozenset({"Reshape", "Unsqueeze", "Squeeze", "Flatten"})
_ENDS_APART: Final = ("q_proj", "k_proj", "v_proj")


def attended(written: Written, place: int) -> Found | None:
    """The layer that a softmax is part of, where one module multiplies for attention and does nothing else with it."""
    softmax = written.operators[place]
    if not softmax.path:
        return None
    found, end, turned_end, sources = _found(written, place)
    causal = found is not None and [written.is_causal(name) for name, _ in found.masks] == [True]
    if found is None or (found.masks and not causal):
        return None
    places = _apart_from(written, set(found.places), sources, end)
    inner = (name for each in places if each != end for name in written.operators[each].outputs)
    (output, _, last), matrices = found.output, [name for name, _ in found.matrices]
    weights = [*matrices, *filter(None, (found.biases,)), output, *filter(None, (last,))]
    if place not in found.places or not all(written.is_within(name, places) for name in inner):
        return None
    if not all(map(written.is_stored, weights)) or any(map(written.is_stored, found.reads)):
        return None
    biases = [*(THIRDS if found.biases else ()), *(("output",) if last else ())]
    layer = TYPES["multihead_attention"](num_heads=found.heads, bias=biases, dropout=found.dropped, causal=causal)
    reads = found.reads[:1] if len(set(found.reads)) == 1 else found.reads
    batches = [None if found.batch is None else found.batch ^ written.ended.get(name, False) for name in reads]
    after = None if found.batch is None else found.batch ^ turned_end
    turned = frozenset(name for name, exchanged in (*found.matrices, found.output[:2]) if exchanged)
    read = {name for each in places for name in written.operators[each].inputs}
    plain = tuple(
        sorted(name for name in read - {*weights} if written.is_stored(name) and written.number(name) is not None)
    )
    made = layer_of(written, end, "Attention", (*reads, *weights), layer=layer, batches=batches, turned=turned,
                    width=found.features, reads=len(reads), plain=plain, after=after)  # fmt: skip
    written.ended[written.operators[end].outputs[0]] = turned_end
    return Found(made, tuple(places))


def _apart_from(written: Written, places: set[int], sources: frozenset[int], end: int) -> list[int]:
    """The operators that are the layer's alone: without those that turn what comes in for others, too."""
    while True:
        within = [*places]
        shared = {each for each in (places & sources) - {end}
                  if not all(written.is_within(name, within) for name in written.operators[each].outputs)}  # fmt: skip
        if not shared:
            return sorted(places)
        places -= shared


def _found(written: Written, softmax: int) -> tuple[Attention | None, int, bool, frozenset[int]]:
    """The attention that a module's operators are.

    Where it ends, whether the batch and the positions are exchanged there, and which operators only turn what comes in.
    """
    heads = Heads()
    values: dict[str, Value] = {}

    def value(name: str) -> Value:
        if name not in values:
            split = written.maker(name, "Split", "Transpose")
            apart = None if split is None else written.operators[split]
            if apart is not None and written.is_stored(apart.inputs[0]):  # of which no exporter says the module
                values.update(zip(apart.outputs, _made(written, heads, apart, value), strict=True))
            else:
                values[name] = _root(written, heads, name)
        return values[name]

    last: Attention | None = None
    end, exchanged = softmax, False
    sources: set[int] = set()
    for place in written.beside_in(softmax):
        operator = written.operators[place]
        try:
            made = _made(written, heads, operator, value)
        except (Turned, AttributeError, IndexError, KeyError, TypeError, ValueError):  # what no such module has
            continue
        for name, each in zip(operator.outputs, made, strict=True):
            ended = name in written.ended  # another layer's
            values[name] = _root(written, heads, name) if ended else each._replace(places=each.places | {place})
        if isinstance(made[0].what, Root):
            sources.add(place)
        found, turned = _as_it_came(heads, values[operator.outputs[0]])
        if found is not None and softmax in found.places:
            last, end, exchanged = found, place, turned
    return last, end, exchanged, frozenset(sources)


def _root(written: Written, heads: Heads, name: str) -> Value:
    """A value that comes in, with its batch where it was before another layer exchanged it with the positions."""
    shape, place = written.shape(name), written.maker(name, "Transpose")
    if written.ended.get(name):
        return heads.permuted(heads.root(name, (shape[1], shape[0], shape[2])), (1, 0, 2))
    if name in written.ended or place is None:
        return heads.root(name, shape)
    operator = written.operators[place]
    turned = tuple(operator.attributes.get("perm") or ()) == (1, 0, 2)
    return heads.permuted(_root(written, heads, operator.inputs[0]), (1, 0, 2)) if turned else heads.root(name, shape)


def _as_it_came(heads: Heads, value: Value) -> tuple[Attention | None, bool]:
    """Attention that a value is what it gives, and whether the first two axes are exchanged.

    Where one attention reads what another gives, PyTorch's exporter leaves out that it turns back what that has turned.
    """
    found = heads.found(value)
    if found is not None or len(value.axes) != 3:
        return found, False
    return heads.found(heads.permuted(value, (1, 0, 2))), True


def _made(written: Written, heads: Heads, operator: Operator, value: Any) -> Sequence[Value]:
    """What an operator makes of values that are followed.

    Raises:
        Turned: it is none of attention's.
    """
    kind, (end, *_) = operator.type, operator.outputs
    first = value(operator.inputs[0])
    if kind == "Identity":
        return [first]
    if kind == "Transpose":
        return [heads.permuted(first, [int(each) for each in operator.attributes["perm"]])]
    if kind in _IN_ORDER:
        return [heads.reshaped(first, written.shape(end))]
    if kind == "Split":
        axis, start, parts = int(operator.attributes.get("axis", 0)), 0, []
        for name in operator.outputs:
            parts.append(heads.part(first, axis, start, length := written.shape(name)[axis]))
            start += length
        return parts
    if kind == "Gather":
        at = written.number(operator.inputs[1])
        if at is None or written.shape(operator.inputs[1]):
            raise Turned
        return [heads.part(first, int(operator.attributes.get("axis", 0)), int(at), 1, keep=False)]
    if kind == "Softmax":
        return [heads.softmax(first, int(operator.attributes.get("axis", -1)))]
    if kind == "Gemm":
        return [_dense(heads, operator, value)]
    if kind in ("MatMul", "Add", "Mul", "Div"):
        return [_of_two(written, heads, operator, value)]
    raise Turned


def _dense(heads: Heads, operator: Operator, value: Any) -> Value:
    said = operator.attributes
    if said.get("transA", 0) or said.get("alpha", 1.0) != 1 or said.get("beta", 1.0) != 1:
        raise Turned
    matrix = value(operator.inputs[1])
    matrix = matrix if said.get("transB", 0) else heads.permuted(matrix, (1, 0))
    return heads.linear(value(operator.inputs[0]), matrix, value(operator.inputs[2]) if operator.input(2) else None)


def _of_two(written: Written, heads: Heads, operator: Operator, value: Any) -> Value:
    one, other = operator.inputs
    if operator.type == "MatMul":
        right = value(other)
        if isinstance(right.what, Root) and written.is_stored(right.what.name):
            return heads.linear(value(one), heads.permuted(right, (1, 0)), None)
        return heads.product(value(one), right)
    if operator.type == "Add":
        for left, right in ((one, other), (other, one)):
            if len(written.shape(right)) == 1:
                return heads.shifted(value(left), value(right))
        return heads.masked(value(one), heads.root(other, written.shape(other)))
    number = written.number(other)
    if number is None or not number:
        raise Turned
    return heads.times(value(one), number if operator.type == "Mul" else 1 / number)


def reading(operator: Operator, values: Values) -> Meaning | None:
    """A layer that `attended` found: its inputs, and its weights in the layer's order."""
    said = operator.attributes
    layer, batches = said["layer"], said["batches"]
    many = said["reads"]
    reads, held = operator.inputs[:many], operator.inputs[many:]
    shapes, samples = [tuple(values.shape(name)) for name in reads], []
    for name, shape, axis in zip(reads, shapes, batches, strict=True):
        values.takes(name, WITHOUT if axis is None else axis)
        samples.append(shape if axis is None else (*shape[:axis], *shape[axis + 1 :]))
    values.plain(*said["plain"])
    try:
        facts = layer.facts(*samples)
    except Rejects:
        return None
    stated, many = facts.weights, 1 if batches[0] is None else shapes[0][batches[0]]
    macs = None if facts.macs is None else facts.macs * count(many, "batch")
    turned = set(said["turned"])
    roles = _apart(held, said, values, turned) if len(layer.bias) not in (0, 4) else {}
    roles = roles or dict(zip((each.name for each in stated), held, strict=True))
    place = values.place(reads[0])
    after = place if place < 0 or said["after"] is None else said["after"]
    return Meaning(layer.type, reads=operator.inputs, macs=macs, layers=(layer,), after=after,
                   turned=frozenset(turned), roles=roles)  # fmt: skip


def _apart(held: Sequence[str], said: Mapping[str, Any], values: Values, turned: set[str]) -> dict[str, str]:
    """Weights of all three projections as one for each, where some of the layer's constants are zeros and left out."""
    width = said["width"]
    roles: dict[str, str] = {}
    names = [name for name in held if width * 3 in values.shape(name)]
    for name in names:
        shape = values.shape(name)
        end = "bias" if len(shape) == 1 else "weight"
        part = tuple(width if each == 3 * width else each for each in shape)
        weights = tuple(Weight(f"{name}.{third}", part, True, values.dtype(name)) for third in THIRDS)
        values.hold(name, weights, instead=name)
        turned.update(each.name for each in weights if name in turned)
        roles |= {f"{own}.{end}": each.name for own, each in zip(_ENDS_APART, weights, strict=True)}
    for name in held:
        if name not in names:
            roles["out_proj.bias" if len(values.shape(name)) == 1 else "out_proj.weight"] = name
    return roles


__all__ = ["attended", "reading"]
