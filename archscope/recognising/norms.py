"""Norms that are written out, a mean square or a variance, a root and products, as the layers they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from archscope.layers import TYPES, Facts, Layer
from archscope.network import Node, Ref
from archscope.recognising.replacing import Part, Pieces, Whole, replaced


class _Norm(NamedTuple):
    """A norm as it is written out.

    Attributes:
        base: what is normalized.
        eps: what is added to the mean square.
        end: the node that ends it, which may be before its weight.
        within: all its nodes.
        centred: whether the mean is taken away first, as in a layer norm.
        weight: its weight, if it has one.
        bias: what is added at last, if it has one.
    """

    base: Ref
    eps: float
    end: str
    within: frozenset[str]
    centred: bool = False
    weight: str = ""
    bias: str = ""


def normed(network: Part) -> Part:
    """A network in which RMS and layer norms are layers, with their weights where nothing else has them."""
    if not any(node.layer.type == "mean" for node in network.nodes):
        return network
    written = _Written(network)
    return replaced(network, written.wholes([*written.norms()]))


class _Written(Pieces):
    """Norms as they are written out: a square and its mean, or a variance, a step, a root, products, and a shift."""

    def norms(self) -> Iterator[_Norm]:
        """Every norm, with its weight and its bias if those are nobody else's but other norms'."""
        bare = [each for each in map(self._bare, self._network.nodes) if each is not None]
        affine = {norm.end: self._affine(norm) for norm in bare}
        within = {name for norm in affine.values() if norm is not None for name in norm.within}
        for norm in bare:
            found = affine[norm.end]
            learned = [] if found is None else [*filter(None, (found.weight, found.bias))]
            own = all(reader in within for name in learned for reader in self._names(name))
            yield found if found is not None and own else norm

    def _bare(self, mean: Node) -> _Norm | None:
        """The norm that a mean of squares or a variance belongs to, without a weight."""
        layer: Any = mean.layer
        if layer.type not in ("mean", "var") or not layer.keepdim or not self._is_last(mean):
            return None
        square = self._made.get(mean.inputs[0].node) if layer.type == "mean" else None
        if layer.type == "mean" and (square is None or not squares(square) or self._reader(square.name) is not mean):
            return None
        step = self._reader(mean.name)
        shifts: Any = None if step is None else step.layer
        root = None if step is None else self._reader(step.name)
        if shifts is None or shifts.type != "scale" or shifts.factor != 1 or shifts.shift <= 0 or root is None:
            return None
        end = self._reader(root.name)
        value = None if end is None else _divided(root.layer, end, root.name)
        if step is None or end is None or value is None:
            return None
        within = frozenset([*(() if square is None else (square.name,)), mean.name, step.name, root.name, end.name])
        norm = _Norm(value, shifts.shift, end.name, within)
        spread = mean.inputs[0] if square is None else square.inputs[0]
        return self._centred(norm, spread, layer) or (norm if square is not None and spread == value else None)

    def _centred(self, norm: _Norm, spread: Ref, layer: Any) -> _Norm | None:
        """The layer norm, if the mean of all that is spread so far was taken away before."""
        found = self._without_mean(norm.base)
        if found is None or (layer.type == "var" and layer.correction):
            return None
        base, names = found
        if layer.type == "mean":
            squared = self._without_mean(spread)
            if squared is None or squared[0] != base:
                return None
            names |= squared[1]
        elif spread != base:
            return None
        within = norm.within | names
        if any(reader not in within for name in names for reader in self._names(name)):
            return None
        return norm._replace(base=base, within=within, centred=True)

    def _without_mean(self, ref: Ref) -> tuple[Ref, frozenset[str]] | None:
        """What a value is without its mean, and the nodes that take it away."""
        node = self._made.get(ref.node)
        if node is None or node.layer.type != "subtract" or len(node.inputs) != 2:
            return None
        base, taken = node.inputs
        mean = self._made.get(taken.node)
        layer: Any = None if mean is None else mean.layer
        if (
            mean is None
            or layer.type != "mean"
            or not layer.keepdim
            or mean.inputs != (base,)
            or not self._is_last(mean)
        ):
            return None
        return base, frozenset([node.name, mean.name])

    def _affine(self, norm: _Norm) -> _Norm | None:
        """The norm with the weight that alone multiplies what it makes, and with what is added to that."""
        weight, end = self._joined(norm, "multiply")
        if end is None:
            return None
        scaled = norm._replace(end=end.name, within=norm.within | {end.name}, weight=weight)
        bias, end = self._joined(scaled, "add") if norm.centred else ("", None)
        return scaled if end is None else scaled._replace(end=end.name, within=scaled.within | {end.name}, bias=bias)

    def _joined(self, norm: _Norm, type_: str) -> tuple[str, Node | None]:
        """A learned value of as many features that alone is joined with what a norm makes, and the node that does."""
        end = self._reader(norm.end)
        if end is None or end.layer.type != type_ or len(end.inputs) != 2:
            return "", None
        other = next((ref.node for ref in end.inputs if ref.node != norm.end), "")
        learned = self._made.get(other)
        width = int(self._network.facts[norm.end].output[-1])
        if learned is None or learned.layer.type != "parameter":
            return "", None
        held = self._network.facts[other].output
        alike = int(held[-1]) == width and all(int(each) == 1 for each in held[:-1])
        return (other, end) if alike else ("", None)

    def wholes(self, norms: list[_Norm]) -> dict[str, Whole]:
        """The layers, by the node that ends each."""
        named = self._names_for({name for norm in norms for name in (*norm.within, norm.weight, norm.bias)})
        found: dict[str, Whole] = {}
        holders: dict[str, str] = {}
        for norm in sorted(norms, key=lambda each: self._places[each.end]):
            layer, facts = self._layer(norm)
            name = named(self._made[norm.end], layer)
            roles = {learned: own for learned, own in ((norm.weight, "weight"), (norm.bias, "bias")) if learned}
            found[norm.end] = Whole((norm.base,), layer, facts, name, holders.get(norm.weight), roles)
            if norm.weight:
                holders.setdefault(norm.weight, norm.end)
        return found

    def _layer(self, norm: _Norm) -> tuple[Layer, Facts]:
        shape = self._network.facts[norm.end].output
        options: dict[str, Any] = {"eps": norm.eps, "elementwise_affine": bool(norm.weight)}
        if norm.centred:
            options |= {"bias": bool(norm.bias)} if norm.weight else {}
        layer = TYPES["layer_norm" if norm.centred else "rms_norm"](normalized_shape=[int(shape[-1])], **options)
        facts = layer.facts(shape)
        learned = [*filter(None, (norm.weight, norm.bias))]
        if not learned:
            return layer, facts
        held = [self._network.facts[name].weights[0] for name in learned]
        weights = [stated.replace(trainable=own.trainable, dtype=own.dtype)
                   for stated, own in zip(facts.weights, held, strict=True)]  # fmt: skip
        return layer, facts.replace(weights=tuple(weights))

    def _is_last(self, mean: Node) -> bool:
        layer: Any = mean.layer
        axes = len(self._network.facts[mean.name].inputs[0])
        dims = layer.dim if isinstance(layer.dim, (list, tuple)) else [layer.dim]
        return axes > 0 and [each % axes for each in dims] == [axes - 1]

    def _names(self, name: str) -> list[str]:
        """What reads a node."""
        return [*([""] if name in self._outputs else ()),
                *(self._network.nodes[place].name for place in self._readers.get(name, ()))]  # fmt: skip


def squares(node: Node) -> bool:
    """Whether a node is the square of what it reads."""
    layer: Any = node.layer
    alike = len(node.inputs) == 2 and node.inputs[0] == node.inputs[1]
    return (layer.type == "power" and layer.exponent == 2) or (layer.type == "multiply" and alike)


def _divided(root: Any, end: Node, name: str) -> Ref | None:
    """What a node divides by a root; None if it does something else."""
    others = [ref for ref in end.inputs if ref != Ref(name)]
    if len(end.inputs) != 2 or len(others) != 1:
        return None
    over = (root.type == "power" and root.exponent == 0.5) or root.type == "sqrt"
    if end.layer.type == "divide" and over:
        return others[0] if end.inputs[1] == Ref(name) else None
    under = root.type == "power" and root.exponent == -0.5
    return others[0] if end.layer.type == "multiply" and under else None


__all__ = ["normed", "squares"]
