"""`Recogniser`: the nodes of a graph of operators, each as a call of one of PyTorch's functions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

from archscope.errors import UsageError
from archscope.escaping import line
from archscope.importing.graph import Constant, Graph, Operator, stem
from archscope.importing.hiding import hides_later
from archscope.importing.meaning import NOTHING_KNOWN, Meaning, Translation, frame_of
from archscope.layers import TYPES, Layer, Shape
from archscope.layers.base import Weight
from archscope.network import Ref
from archscope.observed import Value
from archscope.recognising.alike import Alike
from archscope.recognising.batches import APART, LOST, WITHOUT, is_across, is_torn, moved
from archscope.recognising.beyond import beyond
from archscope.recognising.call import Call
from archscope.recognising.einsums import moved as einsum_moved
from archscope.recognising.joining import JOINS, fitted, is_dense
from archscope.recognising.nodes import Nodes
from archscope.recognising.operations import Frame
from archscope.recognising.seen import Place, Seen
from archscope.recognising.signatures import SIGNATURES, bound
from archscope.recognising.tensor import Shaped

_MALFORMED: Final = (IndexError, KeyError, OverflowError, TypeError, ValueError, ZeroDivisionError)
"""What Python raises where a file says what nobody foresaw."""

_NONE: Final = frozenset[str]()

_IN_ORDER: Final = frozenset({"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Expand"})
"""Operators that leave values in their order, where they leave as many."""


def _on_inputs(graph: Graph) -> list[Operator]:
    """The operators that work on what comes of the inputs."""
    reached = set(graph.inputs)
    found: list[Operator] = []
    for each in graph.operators:
        if not reached.isdisjoint(each.inputs):
            reached.update(name for name in each.outputs if name)
            found.append(each)
    return found


class Recogniser:
    """Keeps a node for every operator that does something to what comes of the inputs.

    Attributes:
        graph: what the file says.
        nodes: the nodes so far.
        misplaced: whether an operator takes another axis for the batch's.
        torn: whether one of several samples is taken out.
        refs: where each value comes from; a constant has none.
        inputs: the shapes of the network's inputs, without the batch.
        known: weights that turned out to be plain numbers.
        ran: operators by node.
        values: what the outputs of nodes are called in the file.
        causal: nodes that hide from each position what comes later.
        unasked: what is multiplied without any input, product by product; it is in no node.

    Args:
        graph: what the file says.
        translate: what its operators mean.
    """

    def __init__(self, graph: Graph, translate: Translation) -> None:
        self.graph = graph
        self.misplaced = self.torn = False
        self._translate = translate
        self._batch = graph.batch
        self._origin = ""
        self.refs: dict[str, Ref] = {}
        self._places: dict[str, int] = {}
        self._tensors: dict[str, Shaped] = {}
        self._shapes: dict[str, Shape] = dict(graph.shapes)
        self._alike = Alike()
        self._came: dict[str, frozenset[str]] = {name: frozenset([name]) for name in graph.weights}
        self._turned: dict[str, bool] = dict.fromkeys(graph.weights, False)
        self._parameters: dict[str, tuple[Ref, Shape]] = {}
        self._readers: dict[str, list[Operator]] = {}
        for each in graph.operators:
            for name in dict.fromkeys(each.inputs):
                self._readers.setdefault(name, []).append(each)
        self.known: set[str] = set()
        self.ran: Counter[str] = Counter()
        self.values: dict[tuple[str, int], Value] = {}
        self.unasked: list[int] = []
        self.causal: set[str] = set()
        self._paths = Counter(each.path for each in _on_inputs(graph))
        within = {path[:at] for path in self._paths for at, sign in enumerate(path) if sign == "."}
        self._whole = {path for path, many in self._paths.items() if path and many == 1 and path not in within}
        self.nodes = Nodes(dict(graph.weights), self._paths, graph.batch or 1, lambda: self._origin)
        self.inputs: dict[str, Shape] = {}
        for name in graph.inputs:
            alone = graph.batch is None or name in graph.unbatched
            self._places[name] = APART if graph.batch is None else WITHOUT
            shape = self._shapes[name]
            if not alone:
                axis = self._places[name] = graph.axes.get(name, 0)
                shape = (*shape[:axis], *shape[axis + 1 :])
            own = "input" if len(graph.inputs) == 1 else name
            self.inputs[own] = shape
            self.refs[name] = self.nodes.enter(own, shape)

    def read(self) -> Recogniser:
        """Keep all operators, in their order."""
        for each in self.graph.operators:
            self.operator(each)
        return self

    @property
    def keeps_samples(self) -> bool:
        """Whether the batch stays in one axis from the inputs to what is made."""
        ends = [self.place(name) for name in self.graph.outputs if name in self.refs]
        return not (self.misplaced or self.torn) and min(ends, default=LOST) >= 0

    def takes(self, name: str, axis: int) -> None:
        """An operator takes an axis of a value for the batch's."""
        if self.reached(name) and self.place(name) not in (axis, WITHOUT):
            self.misplaced = True

    def tensor(self, name: str) -> Shaped:
        """A value as far as a reading asks; the same object each time."""
        if name not in self._tensors:
            dtype = self.dtype(name)
            self._tensors[name] = Shaped(self.shape(name), floating=dtype.startswith(("float", "bfloat")))
        return self._tensors[name]

    def shape(self, name: str) -> Shape:
        """The extents of a value, with the batch."""
        if name not in self._shapes:
            called = line(name)[:80]
            maker = next((each for each in self.graph.operators if name in each.outputs), None)
            if maker is not None and maker.domain:
                raise UsageError(f"{self._origin}: the shape of `{called}` is not known: the file does not say it, and "
                                 f"archscope has no rule for `{line(maker.name)[:80]}`, which makes it")  # fmt: skip
            raise UsageError(f"{self._origin}: the shape of `{called}` is not known without its values, and archscope "
                             "reads shapes alone")  # fmt: skip
        return self._shapes[name]

    def constant(self, name: str) -> Constant | None:
        """The numbers of a value, where it is a constant and they are few."""
        return self.graph.constants.get(name)

    def stored(self, name: str) -> bool:
        """Whether a value is a weight of the file, and was not made of others."""
        return name in self.graph.weights

    def learned(self, name: str) -> bool:
        """Whether a value is a weight of the file, or made of some."""
        return bool(self._came.get(name)) and name not in self.refs

    def reached(self, name: str) -> bool:
        """Whether a value depends on the network's inputs."""
        return name in self.refs

    def place(self, name: str) -> int:
        """Where the batch axis of a value is; where nobody knows it, in front if that fits."""
        if self._batch is None:
            return APART
        known = self._places.get(name, LOST)
        if known != LOST:
            return known
        shape = self._shapes.get(name, ())
        return 0 if shape and shape[0] == self._batch else LOST

    def dtype(self, name: str) -> str:
        """PyTorch's name of the type of its numbers."""
        return self.graph.dtypes.get(name, "float32")

    def readers(self, name: str) -> tuple[Operator, ...]:
        """The operators that read a value."""
        return tuple(self._readers.get(name, ()))

    def plain(self, *names: str) -> None:
        """Take values for plain numbers, which are no weights."""
        self.known.update(names)

    def hold(self, name: str, weights: tuple[Weight, ...], *, instead: str = "") -> None:
        """Take a value for weights: of these shapes, in the place of the one that the file has."""
        source = instead or name
        held: dict[str, Weight] = self.nodes.held  # type: ignore[assignment]
        done = all(held.get(each.name) == each for each in weights)
        if done or source in self.graph.plain or source in self.nodes.owners:
            return
        made_of = [each for each in self._came.get(source, (source,)) if each not in self.nodes.owners]
        if {held[each].trainable for each in made_of if each in held} == {False}:  # however it is read
            weights = tuple(each.replace(trainable=False) for each in weights)
        if sum(held[each].values for each in made_of if each in held) == sum(each.values for each in weights):
            for each in made_of:  # parts of one tensor that stands for all of them
                held.pop(each, None)
        held.pop(source, None)
        held.update({each.name: each for each in weights})
        self._came[name] = frozenset(each.name for each in weights)
        if len(weights) == 1:
            self._turned[name] = False

    def operator(self, operator: Operator) -> None:
        """Keep what an operator does.

        Raises:
            UsageError: it has inputs or attributes of forms that it never has.
        """
        self._origin = operator.origin
        try:
            self._operator(operator)
        except _MALFORMED as error:
            called = line(operator.name)[:80]
            raise UsageError(f"{self._origin}: `{called}` has inputs or attributes that it never has") from error

    def _operator(self, operator: Operator) -> None:
        if not any(name in self.refs for name in operator.inputs):
            self._constant(operator)
            return
        meaning = self._translate(operator, self) or NOTHING_KNOWN._replace(name=operator.name)
        made = operator.outputs if meaning.results is None else meaning.results
        made = tuple(name for name in made if name)
        if meaning.numbers or not made:
            return
        if meaning.same:
            self._hand_on(meaning.same, made[0])
            return
        if meaning.shapes is not None:
            self._shapes.update(zip(made, meaning.shapes, strict=True))
        self._keep(operator, meaning, made)

    def _hand_on(self, name: str, to: str) -> None:
        if name in self.refs:
            self.refs[to] = self.refs[name]
            self._places[to] = self.place(name)
            self.ran[self.refs[name].node] += 1
        elif name in self._came:
            self._came[to] = self._came[name]
            if name in self._turned:
                self._turned[to] = self._turned[name]

    def _constant(self, operator: Operator) -> None:
        """An operator on constants and weights alone makes another one."""
        weights = frozenset(each for name in operator.inputs for each in self._came.get(name, ()))
        meaning = self._translate(operator, self)
        if meaning is not None and meaning.same:
            self._hand_on(meaning.same, operator.outputs[0])
            return
        for name in operator.outputs:
            if name and name not in self._came:
                self._came[name] = weights
        source, made = operator.inputs[0] if operator.inputs else "", operator.outputs[0] if operator.outputs else ""
        if meaning is not None and made in self._shapes and (meaning.rule or meaning.macs):
            macs = int(frame_of(operator, meaning, self.tensor(made)).macs)
            self.unasked += [macs] if macs else []
        if operator.type == "Transpose" and source in self._turned and len(self._shapes.get(source, ())) == 2:
            self._turned[made] = self._turned[source] != (tuple(operator.attributes.get("perm") or (1, 0)) == (1, 0))
        elif (
            operator.type in _IN_ORDER
            and source in self._turned
            and made
            and (math.prod(self._shapes.get(source, ())) == math.prod(self._shapes.get(made, ())))
        ):
            self._turned[made] = self._turned[source]

    def _keep(self, operator: Operator, meaning: Meaning, made: tuple[str, ...]) -> None:
        reads = tuple(name for name in (operator.inputs if meaning.reads is None else meaning.reads) if name)
        results = [self.tensor(name) for name in made]
        call = self._call(meaning, reads, results)
        beside = self._beside(call, reads)
        if beside:
            call = call._replace(fitted=frozenset(id(self.tensor(name)) for name in beside))
        refs = tuple(ref for name in reads if (ref := self.refs.get(name) or beside.get(name)) is not None)
        unreached = [name for name in reads if name not in self.refs and name not in beside]
        came = {name: found for name in unreached if (found := self._came.get(name))}
        weights, turned, derived = _NONE, _NONE, False
        if came:  # as most operators have none
            weights = _NONE.union(*came.values()) & self.nodes.held.keys()
            derived = any(name not in self._turned and len(found) == 1 for name, found in came.items())
            turned = _NONE.union(*(found for name, found in came.items() if self._turned.get(name)))
        if meaning.turned:
            matrices = frozenset(each for each in weights if len(self.nodes.held[each].shape) > 1)
            turned ^= matrices if meaning.turned is True else meaning.turned
        layers = meaning.layers if meaning.layers is not None else self._layers(meaning, call)
        if layers == () and not weights and len(refs) == 1:
            self.refs[made[0]], self._places[made[0]] = refs[0], call.after
            self.ran[refs[0].node] += 1
            return
        frame = frame_of(operator, meaning, self.tensor(made[0]))
        places = [call.after, *(self._fitting(name, call.after) for name in made[1:])]
        shapes = tuple(self._sample(name, place) for name, place in zip(made, places, strict=True))
        where = self._where(operator, weights)
        option = meaning.beyond or (beyond(meaning.name, (), meaning.given) if meaning.name in SIGNATURES else "")
        own = {id(self.tensor(name)): source for name, (source, *more) in came.items() if not more}
        named = {key: own[id(each)] for key, each in call.given.items() if id(each) in own} if own else meaning.roles
        roles = named or meaning.roles
        seen = Seen(meaning.name, where, refs, shapes, frame, layers or (), weights, option, derived=derived,
                    turned=turned, roles=roles, ours=meaning.layers is not None, why=meaning.why)  # fmt: skip
        ours = self.nodes.keep(seen)
        self.ran[ours[0].node] += 1
        if len(refs) == 1 and hides_later(operator, self.graph.mask):
            self.causal.add(ours[0].node)
        for name, ref, place in zip(made, ours, places, strict=True):
            self.refs[name], self._places[name] = ref, place
            self.values[ref.node, ref.output] = Value(name, self._axis(name, place))

    def _layers(self, meaning: Meaning, call: Call) -> tuple[Layer, ...] | None:
        return self._alike.layers_of(call) if call.made.dim() and meaning.known else None

    def _where(self, operator: Operator, weights: frozenset[str]) -> Place:
        """Where an operator stands: in its module, or else in that of its weights."""
        own = next((each.removesuffix(".weight") for each in sorted(weights) if each.endswith(".weight")), "")
        if operator.alone and operator.path in self._whole and own.startswith(f"{operator.path}."):
            return Place(operator.path, alone=True)
        if own and own != operator.path and own not in self._came and self._paths.get(own, 0) == 0:
            return Place(own, alone=True)
        named = {own or stem(each) for each in weights}  # one by one: a set less a table's keys takes as long as those
        stems = {each for each in named if each not in self._came and each not in self._paths}
        if not operator.path and (own or len(stems) == 1):
            return Place(own or stems.pop(), alone=True)
        return Place(operator.path, operator.path in self._whole)

    def _call(self, meaning: Meaning, reads: tuple[str, ...], results: Sequence[Shaped]) -> Call:
        """A call with where the batch was and where it is."""
        given = bound(meaning.name, (), meaning.given) if meaning.name in SIGNATURES else dict(meaning.given)
        places = {id(self.tensor(name)): self.place(name) for name in reads if name in self.refs}

        def place_of(tensor: Shaped) -> int:
            return places.get(id(tensor), 0 if tensor.shape and tensor.shape[0] == self._batch else LOST)

        if self._batch is None:
            return Call(meaning.name, given, results, None, APART, APART, lambda _: APART)
        reached = [name for name in reads if name in self.refs]
        first = max(reached, key=lambda name: (len(self.shape(name)), self.place(name) != WITHOUT))
        place, before, after = self.place(first), self.shape(first), tuple(results[0].shape)
        if meaning.after is not None:
            found = meaning.after
        elif meaning.name == "einsum":
            try:
                found = LOST if place < 0 else einsum_moved(given, place, before, after)
            except (StopIteration, ValueError):
                found = LOST
        else:
            found = moved(meaning.name, given, place, before, after, self._batch)
            self.misplaced |= is_across(meaning.name, given, len(before), [self.place(name) for name in reached])
            self.torn |= is_torn(meaning.name, place, found, after, self._batch)
        return Call(meaning.name, given, results, self._batch, place, found, place_of)

    def _sample(self, name: str, place: int) -> Shape:
        """The shape of one sample of a value, of which the batch axis is at a place."""
        shape, axis = self.shape(name), self._axis(name, place)
        if axis is None:
            return shape
        return (shape[0] // (self._batch or 1), *shape[1:]) if axis == APART else (*shape[:axis], *shape[axis + 1 :])

    def _fitting(self, name: str, place: int) -> int:
        """Where the batch of another result is, if it cannot be where that of the first is."""
        shape, batch = self.shape(name), self._batch
        if place < 0 or batch is None or (place < len(shape) and shape[place] == batch):
            return place
        return shape.index(batch) if shape.count(batch) == 1 else LOST

    def _axis(self, name: str, place: int) -> int | None:
        """The axis that is the batch's; where nobody knows it, the first that is as long."""
        shape = self.shape(name)
        if self._batch is None or not shape or place == WITHOUT or place >= len(shape):
            return None
        if place == LOST:
            apart = None if shape[0] % self._batch else APART  # one after another, or their positions
            return shape.index(self._batch) if self._batch in shape else apart
        return place

    def _beside(self, call: Call, reads: tuple[str, ...]) -> dict[str, Ref]:
        """Nodes of learned values that a call takes beside others; none if one of them is no such value."""
        if call.name not in JOINS or is_dense(call):
            return {}
        found: dict[str, Ref] = {}
        for name in reads:
            held = name not in self.refs and self._turned.get(name) is not None
            wanted = fitted(self.shape(name), call) if held else None
            ref = None if wanted is None else self._parameter(name, wanted)
            if ref is not None:
                found[name] = ref
        return found

    def _parameter(self, name: str, wanted: Shape) -> Ref | None:
        (own,) = self._came[name]
        if own not in self._parameters:
            if own in self.nodes.owners or not self.nodes.held[own].trainable or 0 in wanted:
                return None
            layers = (TYPES["parameter"](shape=list(wanted)),)
            where = Place(own.removesuffix(".weight"), alone=True)
            seen = Seen("parameter", where, (), (wanted,), Frame(), layers, frozenset([own]))
            self._parameters[own] = self.nodes.keep(seen)[0], wanted
        ref, shape = self._parameters[own]
        if shape == wanted:
            return ref
        layers = (TYPES["reshape"](shape=list(wanted)),)
        return self.nodes.keep(Seen("reshape", Place("", alone=False), (ref,), (wanted,), Frame(), layers))[0]
