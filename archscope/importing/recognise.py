"""A graph of operators as a network: each as a call of one of PyTorch's functions, recognised as those of a module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from archscope.errors import UsageError
from archscope.importing.graph import Graph
from archscope.importing.meaning import Translation
from archscope.importing.recogniser import Recogniser
from archscope.network import Network
from archscope.observed import Entry, Observed
from archscope.recognising.attention import joined
from archscope.recognising.folding import folded
from archscope.recognising.merging import merged
from archscope.recognising.replacing import Part
from archscope.recognising.responses import responding
from archscope.recognising.shifted import shifted
from archscope.recognising.squashed import squashed

_TRIED: Final = 8
"""Places for the batch that are tried at most."""


def network_of(graph: Graph, translate: Translation, path: str) -> Network:
    """The network that a file's graph is.

    Args:
        graph: what the file says.
        translate: what its operators mean.
        path: what the network can be opened by again.

    Raises:
        UsageError: the shape of something is not known, or nothing is made of the inputs.
    """
    recogniser = _recognised(graph, translate)
    graph, nodes = recogniser.graph, recogniser.nodes
    outputs = tuple(dict.fromkeys(ref for name in graph.outputs if (ref := recogniser.refs.get(name)) is not None))
    outputs = tuple(ref for ref in outputs if ref.node not in graph.inputs)
    if not outputs:
        raise UsageError(f"{path} makes nothing of its inputs")
    whole = Part([*nodes.finished(outputs)], outputs, {**nodes.facts}, {})
    short = squashed(responding(shifted(joined(merged(whole), recogniser.causal))))
    made, ends, facts, renamed = folded(short.nodes, short.outputs, short.facts)
    now = {**renamed, **{gone: renamed[name] for gone, name in short.within.items()}}
    unused = [each for name, each in nodes.held.items() if name not in nodes.owners and name not in recogniser.known]
    held = sum(each.values for each in nodes.held.values() if each.trainable and each.name not in recogniser.known)
    ran: Counter[str] = Counter()
    for name, many in recogniser.ran.items():
        ran[now.get(name, name)] += many
    return Network(
        graph.name,
        recogniser.inputs,
        made,
        ends,
        title=graph.title,
        summary=graph.summary,
        path=path,
        facts=facts,
        observed=Observed(
            operations=len(graph.operators),
            batch=graph.batch or 1,
            held=held,
            frozen=0,
            built=True,
            unused=tuple(each for each in unused if each.trainable),
            ran=ran,
            sources={(now.get(name, name), short.roles.get(name, own)): source
                     for (name, own), source in nodes.sources.items()},
            origin=(graph.summary, *graph.remarks, *_of_unasked(recogniser.unasked)),
            given=tuple(Entry(name, graph.shapes[name], recogniser.graph.axes.get(name, 0)) for name in graph.inputs),
            values={(now.get(node, node), place): each for (node, place), each in recogniser.values.items()},
        ),
    )  # fmt: skip


def _of_unasked(products: Sequence[int]) -> Iterator[str]:
    """What is to be known of products without any input."""
    if products:
        many = "1 product reads" if len(products) == 1 else f"{len(products):,} products read"
        yield (f"{many} no input, as of two weights or of a first state of zeros, and no row has what is multiplied "
               f"there: {sum(products):,} multiply-accumulates.")  # fmt: skip


def _recognised(graph: Graph, translate: Translation) -> Recogniser:
    """A graph of which every operator has been kept, with its batch where operators take it, if it can be there."""
    found = Recogniser(graph, translate).read()
    tried = _TRIED if found.misplaced else int(found.torn)
    others = (Recogniser(each, translate).read() for each in islice(graph.elsewhere(), tried))
    return next((each for each in others if each.keeps_samples or (found.misplaced and not each.misplaced)), found)
