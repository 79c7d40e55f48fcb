"""How the weights of one layer start, as its spec says, and whether a writer has heard it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archscope.building.fans import Plain, fan_in, needs_a_matrix, plain
from archscope.layers.facts import Facts
from archscope.network import Node


class Starts(Mapping[str, Plain]):
    """The scheme that starts each trained weight and its numbers, where the spec says.

    It remembers which were asked for, so that a writer that leaves one out is found out.

    Args:
        node: what says it.
        facts: the layer's, for its weights.
        others: the weights that are another layer's.

    Raises:
        UsageError: a scheme goes by the extents of a matrix, and its weight is a vector.

    >>> from archscope.layers import Linear
    >>> told = ("weight", ("kaiming_uniform", ())), ("bias", ("zeros", ()))
    >>> fc = Node("fc", Linear(out_features=2), (), "fc", init=told)
    >>> starts = Starts(fc, fc.layer.facts((6,)))
    >>> starts["weight"], starts.plain("weight"), starts.unread
    (('kaiming_uniform', ()), ('uniform', (-1.0, 1.0)), ['bias'])
    """

    def __init__(self, node: Node, facts: Facts, others: frozenset[str] = frozenset()) -> None:
        self._name, self._layer = node.name, node.layer
        self._shapes = {each.name: tuple(int(extent) for extent in each.shape) for each in facts.weights}
        trained = {each.name for each in facts.weights if each.trainable} - others
        self._said = {weight: how for weight, how in node.init if weight in trained}
        self._read: set[str] = set()
        if getattr(node.layer, "connection_table", None) is None:
            for weight in self._said:
                self._plain(weight)
        elif self._said.get("bias", ("",))[0].startswith(("xavier", "kaiming")):
            raise needs_a_matrix(self._said["bias"][0], f"`{node.name}.bias`")

    def plain(self, weight: str) -> Plain:
        """A scheme as a normal or an even distribution, or a constant."""
        self._read.add(weight)
        return self._plain(weight)

    @property
    def unread(self) -> list[str]:
        """Weights that nobody has asked for."""
        return [weight for weight in self._said if weight not in self._read]

    def _plain(self, weight: str) -> Plain:
        inputs = fan_in(self._layer, weight, self._shapes)
        return plain(self._said[weight], self._shapes[weight], inputs, f"`{self._name}.{weight}`")

    def __getitem__(self, weight: str) -> Plain:
        self._read.add(weight)
        return self._said[weight]

    def __contains__(self, weight: object) -> bool:
        return weight in self._said

    def __iter__(self) -> Iterator[str]:
        return iter(self._said)

    def __len__(self) -> int:
        return len(self._said)


def shown(number: float) -> str:
    """A number with all the digits that a value of 32 bits has.

    >>> shown(0.02), shown(2.4 / 84), shown(1.0)
    ('0.02', '0.0285714286', '1')
    """
    return f"{number:.9g}"
