"""The windows between a network's input and a layer, one after the other: what its receptive field is made of.

>>> import archscope
>>> analysis = archscope.analyze(archscope.load("lenet5"))
>>> [(hop.name, int(hop.kernel), int(hop.jump)) for hop in hops_to(analysis, analysis["C3"])]
[('C1', 5, 1), ('S2', 2, 1), ('C3', 5, 2)]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archscope.analysis import Analysis, Row
from archscope.record import Record
from archscope.working import Count, count


class Hop(Record):
    """One window on the way.

    Attributes:
        name: the layer's.
        kernel: taps along the first axis.
        stride: positions from one window to the next.
        dilation: positions from one tap to the next.
        pools: whether it has no kernels of its own.
        jump: input positions between neighbours of what it reads.
        less: what is taken off the kernel: 1.
    """

    name: str
    kernel: int
    stride: int
    dilation: int
    pools: bool
    jump: int = 1
    less: int = 1

    @property
    def reach(self) -> int:
        """By how much it widens the field."""
        return (self.kernel - self.less) * self.dilation * self.jump


def hops_to(analysis: Analysis, row: Row) -> tuple[Hop, ...]:
    """The windows on the way to a row; where ways join, those of the way that sees most.

    There are none where the row's field is that of no single way.
    """
    network = analysis.network
    ways: dict[str, tuple[Hop, ...]] = dict.fromkeys(network.inputs, ())
    last = row.nodes[-1]
    for node in network.nodes:
        facts = network.facts[node.name]
        read = [ways.get(node.inputs[place].node, ()) for place in facts.seen_inputs]
        way = max(read, key=_side, default=())
        if facts.windows:
            window, pools = facts.windows[0], node.layer.family == "pooling"
            hop = Hop(node.row, int(window.kernel), int(window.stride), int(window.dilation), pools)
            way = (*way, hop.replace(jump=way[-1].jump * way[-1].stride if way else 1))
        ways[node.name] = way
        if node is last:
            break
    found = ways.get(last.name, ())
    known = row.receptive_field
    return found if found and known is not None and _side(found) == int(known[0]) else ()


def paced(hops: Iterable[Hop]) -> list[Hop]:
    """The same with the jumps that follow from their strides."""
    jump, result = 1, []
    for hop in hops:
        result.append(hop.replace(jump=jump))
        jump *= hop.stride
    return result


def field_of(hops: Sequence[Hop]) -> Count:
    """What is seen through some windows: ``r + (k − 1)·j`` of the last."""
    last = hops[-1]
    reach = count(last.kernel, "k") - last.less if last.less else count(last.kernel, "k")
    if last.dilation != 1:
        reach = reach * count(last.dilation, "d")
    return count(_side(hops[:-1]), "r") + reach * count(last.jump, "j")


def _side(hops: Sequence[Hop]) -> int:
    return 1 + sum(hop.reach for hop in hops)
