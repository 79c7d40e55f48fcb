"""`Nodes`: the network that grows while a module runs, with the numbers of each node as they were seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.errors import Rejects
from archscope.layers import TYPES, Facts, Layer, Shape
from archscope.layers.base import NOTHING, Weight
from archscope.network import Node, Ref
from archscope.observed import Source
from archscope.recognising.function import Function
from archscope.recognising.seen import Place, Seen, at_least, seen_facts
from archscope.working import count

_CONSTANT: Final = MappingProxyType({
    "receptive_field": "a constant has no place on the input's grid",
    "connections": "a constant that is learned reads nothing",
})  # fmt: skip


class Nodes:
    """The nodes so far.

    Attributes:
        owners: the node that each weight of the module belongs to.
        sources: the weight of the module that each weight of a node is.
        parameters: nodes that are parameters, seen as values.

    Args:
        held: the weights that the module holds, by name.
        paths: its submodules' paths; no node that is none of them is called like one.
        batch: samples that run at once.
        at: says where the code, or the file, stands: ``net.py:12``.
    """

    def __init__(self, held: Mapping[str, Weight], paths: Iterable[str], batch: int, at: Callable[[], str]) -> None:
        self.held = held
        self.nodes: list[Node] = []
        self.facts: dict[str, Facts] = {}
        self.owners: dict[str, str] = {}
        self.sources: dict[tuple[str, str], Source] = {}
        self._lie: dict[str, list[Source]] = {}
        self._shapes: dict[Ref, Shape] = {}
        self._names: set[str] = set()
        self.parameters: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._paths = set(paths)
        self._batch = batch
        self._at = at
        self._known: dict[tuple[Layer, tuple[Shape, ...]], Facts] = {}
        self._alike: dict[tuple[int, tuple[tuple[bool, str, int | None], ...]], tuple[Facts, Facts]] = {}
        self._reached: set[str] = set()
        self._of_weights: set[str] = set()

    def enter(self, name: str, shape: Shape) -> Ref:
        """Have an input of the network."""
        self._names.add(name)
        self._reached.add(name)
        self._shapes[Ref(name)] = shape
        return Ref(name)

    def source(self, kind: str, place: Place, shape: Shape, weights: frozenset[str]) -> Ref:
        """Have a constant that layers work on: a parameter, a buffer, or what was made of them."""
        own = [weight for weight in sorted(weights & self.held.keys()) if weight not in self.owners]
        name = self._named(place, kind, whole=True)
        facts = Facts(
            inputs=(),
            outputs=(shape,),
            weights=tuple(self.held[weight] for weight in own),
            connections=None if own else NOTHING,
            connections_in_bounds=None if own else NOTHING,
            windows=None,
            reasons=_CONSTANT,
        )
        self._add(name, Function(kind, facts, at=self._at()), facts, (), None)
        self.owners.update(dict.fromkeys(own, name))
        self._shapes[Ref(name)] = shape
        return Ref(name)

    def keep(self, seen: Seen) -> tuple[Ref, ...]:
        """Keep a node for each layer, if they make these shapes with these weights; else a function that does."""
        fitting = self._fit(seen)
        worked_out = not fitting and self._weighs(seen.refs)
        if worked_out:
            fitting = self._fit(seen._replace(main=1))
        if fitting and not worked_out and self._own_weights(seen, fitting):
            last = self._layers(seen._replace(beyond=seen.beyond or self._more_than(fitting, seen)), fitting)
        elif (
            len(fitting) == 1
            and fitting[0].weights
            and (seen.weights or worked_out)
            and 0 < (fitting[0].macs or 0) * self._batch == seen.frame.macs
        ):
            last = self._like(seen, fitting[0])
        else:
            last = self._function(seen)
        made = tuple([Ref(last, place) for place in range(len(seen.outputs))])
        self._shapes.update(zip(made, seen.outputs, strict=True))
        return made

    def _weighs(self, refs: Sequence[Ref]) -> bool:
        """Whether only the first of some values depends on the network's inputs: the others are made of weights."""
        first, *others = [ref.node in self._reached for ref in refs] or [False]
        return first and bool(others) and not any(others)

    def are_weights(self, ref: Ref) -> bool:
        """Whether a value is made of weights alone."""
        return ref.node in self._of_weights

    def unread(self) -> tuple[Ref, ...]:
        """What no node has read yet; where all is read, what was made last."""
        read = {ref for node in self.nodes for ref in node.inputs}
        return tuple(ref for ref in self._shapes if ref not in read) or tuple([*self._shapes][-1:])

    def finished(self, outputs: Sequence[Ref]) -> list[Node]:
        """The nodes; a layer of which more is read than its type gives is one that gives all its results."""
        read = Counter(outputs)
        for node in self.nodes:
            read.update(node.inputs)
        most: dict[str, int] = {}
        for ref in read:
            most[ref.node] = max(most.get(ref.node, 0), ref.output)
        return [self._whole(node, most.get(node.name, 0)) for node in self.nodes]

    def _whole(self, node: Node, last: int) -> Node:
        facts = self.facts[node.name]
        if last < len(facts.outputs):
            return node
        outputs = tuple(self._shapes[Ref(node.name, place)] for place in range(last + 1))
        facts = self.facts[node.name] = facts.replace(outputs=outputs)
        layer = node.layer
        like, beyond = (layer.like, layer.beyond) if isinstance(layer, Function) else (layer, "all its results")
        called, at = (layer.called, layer.at) if isinstance(layer, Function) else (layer.type, "")
        return node.replace(layer=Function(called, facts, like=like, beyond=beyond, at=at))

    def _own_weights(self, seen: Seen, fitting: list[Facts]) -> bool:
        """Whether the weights that were read are those of the layers, all their own or all of one other layer."""
        if seen.derived:
            return False
        held = [self.held[weight] for weight in seen.weights & self.held.keys()]
        stated = [weight for facts in fitting for weight in facts.weights]
        if not held and not stated:  # as most layers have none
            return True
        # Another layer's weights have to lie as they lie there; a matrix of its own may be turned around.
        shared = any(weight.name in self.owners for weight in held)
        lie = [each.shape[::-1] if each.name in seen.turned else each.shape for each in held]
        one: list[Any] = lie if shared else [each.values for each in held]
        other: list[Any] = [each.shape if shared else each.values for each in stated]
        alone = len({self.owners.get(weight.name) for weight in held}) <= 1
        alike = one == other or Counter(one) == Counter(other)
        return alike and alone and not any(self._turned_there(weight.name, seen) for weight in held)

    def _turned_there(self, weight: str, seen: Seen) -> bool:
        """Whether a weight's own layer has it with its axes the other way round."""
        owner = self.owners.get(weight)
        return owner is not None and any(
            source.name == weight and source.turned != (weight in seen.turned) for source in self._lie.get(owner, ())
        )

    def _like(self, seen: Seen, facts: Facts) -> str:
        """A node for a layer whose weights are made of others, or are partly another layer's; its name."""
        own = [weight for weight in sorted(seen.weights & self.held.keys()) if weight not in self.owners]
        others = sorted({self.owners[weight] for weight in seen.weights if weight in self.owners})
        inputs = tuple(self._shapes[ref] for ref in seen.refs)
        layer = seen.layers[0]
        constant = seen.roles.get("bias") == ""  # it has no lines: nothing is weighed
        if constant:
            layer = TYPES[layer.type](**{**layer.stated(), "bias": False})
            facts = layer.facts(*facts.inputs)
        facts = self._times_batch(facts).replace(
            inputs=inputs, weights=tuple(self.held[weight] for weight in own), borrows=bool(others) and not own
        )
        made = "a constant added" if constant else "weights made of others"
        beyond = f"weights of `{others[0]}`" if others else made
        name = self._named(seen.place, seen.called, whole=True)
        self.owners.update(dict.fromkeys(own, name))
        self._add(
            name,
            Function(seen.called, facts, like=layer, beyond=beyond, at=self._at()),
            facts,
            seen.refs,
            None,
        )
        return name

    def _layers(self, seen: Seen, fitting: list[Facts]) -> str:
        """Nodes for layers one after another; the last one's name."""
        shares = next((self.owners[weight] for weight in sorted(seen.weights) if weight in self.owners), None)
        refs, name = seen.refs, ""
        for layer, facts in zip(seen.layers, self._counted(seen, fitting), strict=True):
            alone = len(seen.layers) == 1
            whole = alone or bool(facts.weights)
            name = self._named(seen.place, seen.called if seen.beyond or isinstance(layer, Function) else layer.type,
                               whole=whole)  # fmt: skip
            facts = self._with_held(facts, seen, name) if whole and facts.weights else facts
            facts = facts if shares is None else self._named_as(facts, shares)
            if seen.beyond:
                inputs = tuple(self._shapes[ref] for ref in seen.refs)
                layer = Function(
                    seen.called, facts.replace(inputs=inputs), like=layer, beyond=seen.beyond, at=self._at()
                )
            for weight in seen.weights & self.held.keys() if whole else ():
                self.owners.setdefault(weight, name)
            self._add(name, layer, facts, refs, shares if whole else None)
            if not alone:
                refs = (Ref(name),)
                self._shapes[refs[0]] = facts.output
        return name

    def _counted(self, seen: Seen, fitting: list[Facts]) -> list[Facts]:
        """The facts with the products that were seen: a layer's rule shows them, and what ran says how many."""
        stated = [facts.macs for facts in fitting]
        if not seen.frame.multiplies and not any(stated):  # as of most layers
            return fitting
        if self._more_than(fitting, seen):
            return [*fitting[:-1], at_least(fitting[-1], seen)]
        if seen.ours or seen.frame.not_covered or None in stated:
            return [self._times_batch(facts) for facts in fitting]
        ran, expected = seen.frame.macs, sum(each for each in stated if each is not None)
        if ran == expected:
            return fitting
        if ran == expected * self._batch:
            return [self._times_batch(facts) for facts in fitting]
        at = max(range(len(fitting)), key=lambda place: stated[place] or 0)
        return [
            facts.replace(macs=ran, macs_in_bounds=ran) if place == at else facts for place, facts in enumerate(fitting)
        ]

    def _more_than(self, fitting: list[Facts], seen: Seen) -> str:
        """Operations of which nothing is known, and that ran beside all that layers multiply, by name."""
        stated = [facts.macs for facts in fitting]
        if seen.ours or not seen.frame.not_covered or None in stated:
            return ""
        all_of_it = sum(int(each or 0) for each in stated) * self._batch
        return ", ".join(seen.frame.not_covered) if 0 < all_of_it <= seen.frame.macs else ""

    def _times_batch(self, facts: Facts) -> Facts:
        if self._batch == 1 or not facts.macs:
            return facts
        batch = count(self._batch, "batch")
        inside = None if facts.macs_in_bounds is None else batch * facts.macs_in_bounds
        return facts.replace(macs=batch * facts.macs, macs_in_bounds=inside)

    def _with_held(self, facts: Facts, seen: Seen, name: str) -> Facts:
        """The facts with each weight as it is held: trained or not, in its own type; where it lies is noted."""
        left = sorted(seen.weights & self.held.keys())
        found: list[tuple[bool, str, int | None]] = []
        for stated in facts.weights:
            same = [weight for weight in left if self.held[weight].shape == stated.shape] or [
                weight for weight in left if self.held[weight].values == stated.values
            ]
            given = seen.roles.get(stated.name, "")
            named = next((weight for weight in same if _last(weight) == _last(stated.name)), same[0] if same else "")
            chosen = given if given in same else named
            if not chosen:
                return facts
            left.remove(chosen)
            held = self.held[chosen]
            turned, ahead = chosen in seen.turned and len(held.shape) == 2, tuple(held.shape) == (1, *stated.shape)
            source = self.sources[name, stated.name] = Source(chosen, turned, ahead)
            self._lie.setdefault(name, []).append(source)
            found.append((held.trainable, held.dtype, held.stored))
        return self._with_weights(facts, tuple(found))

    def _with_weights(self, facts: Facts, held: tuple[tuple[bool, str, int | None], ...]) -> Facts:
        """The facts with weights that are held so: one object for layers that are alike, as most of a network's are."""
        place = (id(facts), held)
        if place not in self._alike:  # with the facts themselves, so that no others get their place in memory
            each = zip(facts.weights, held, strict=True)
            weights = tuple([Weight(stated.name, stated.shape, *its) for stated, its in each])
            self._alike[place] = facts, facts if facts.weights == weights else facts.replace(weights=weights)
        return self._alike[place][1]

    def _named_as(self, facts: Facts, owner: str) -> Facts:
        """The facts with weights that are another node's called as they are there, so that they count once."""
        theirs = {weight.name: weight for weight in self.facts[owner].weights}
        found: list[Weight] = []
        for stated in facts.weights:
            same = theirs.pop(stated.name, None) or next(
                (theirs.pop(each.name) for each in theirs.values() if each.values == stated.values), stated
            )
            found.append(stated.replace(name=same.name))
        return facts if facts.weights == tuple(found) else facts.replace(weights=tuple(found))

    def _function(self, seen: Seen) -> str:
        """A node for a call that no layer type describes; its name."""
        own = [weight for weight in sorted(seen.weights & self.held.keys()) if weight not in self.owners]
        misfit = bool(seen.layers)
        facts = seen_facts(
            seen, tuple(self.held[weight] for weight in own), tuple(self._shapes[ref] for ref in seen.refs), self.held,
            values=sum(ref.node in self._reached for ref in seen.refs if seen.adds is None or ref != seen.adds.value),
            weighs=any(ref.node in self._of_weights for ref in seen.refs),
        )  # fmt: skip
        name = self._named(seen.place, seen.called, whole=True)
        self.owners.update(dict.fromkeys(own, name))
        function = Function(seen.called, facts, misfit=misfit, beyond=seen.beyond, at=self._at())
        self._add(name, function, facts, seen.refs, None)
        return name

    def _fit(self, seen: Seen) -> list[Facts]:
        """The facts of layers, if they make the shape that was seen."""
        shapes = tuple(self._shapes[ref] for ref in seen.refs[: seen.main])
        found: list[Facts] = []
        try:
            for layer in seen.layers:
                place = (layer, shapes)
                facts = self._known.get(place)
                if facts is None:
                    facts = self._known[place] = layer.facts(*shapes)
                found.append(facts)
                shapes = (found[-1].output,)
        except Rejects:
            return []
        made = found[-1].outputs if found else ()
        enough = 0 < len(made) <= len(seen.outputs)
        several = len(made) == len(seen.outputs)
        return found if enough and (made == seen.outputs if several else made[0] == seen.outputs[0]) else []

    def _add(self, name: str, layer: Layer, facts: Facts, refs: tuple[Ref, ...], shares: str | None) -> None:
        self.facts[name] = facts
        group = tuple(name.split(".")[:-1])
        self.nodes.append(Node(name, layer, refs, name, group, shares=shares))
        if any(ref.node in self._reached for ref in refs):
            self._reached.add(name)
        elif facts.weights or shares or any(ref.node in self._of_weights for ref in refs):
            self._of_weights.add(name)
        if layer.type == "parameter":
            self.parameters.add(name)

    def _named(self, place: Place, what: str, *, whole: bool = False) -> str:
        """A module of PyTorch's own gives its path to what it is; anything else is called what it does."""
        name = place.path if whole and place.path and place.alone else f"{place.path}.{what}".lstrip(".")
        chosen, number = name, self._numbers.get(name, 1)
        while chosen in self._names or (chosen != name and chosen in self._paths):
            number += 1
            chosen = f"{name}_{number}"
        self._numbers[name] = number
        self._names.add(chosen)
        return chosen


def _last(name: str) -> str:
    return name.rpartition(".")[2]


__all__ = ["Nodes"]
