"""What a network holds from one token to the next when it makes them one by one: keys, values, states.

>>> from archscope.layers import MultiheadAttention
>>> from archscope.network import Network, Node, Ref
>>> layer = MultiheadAttention(num_heads=64, num_kv_heads=8, bias=False, causal=True)
>>> llama = Network("one layer of Llama-2-70B", {"input": (4096, 8192)}, [Node("a", layer, (Ref("input"),), "a")])
>>> cache = cache_of(llama, dtype="float16")
>>> cache.token_bytes, cache.token_bytes.working, cache.at(4096)
(4096, '2·2·8·128', 16777216)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from archscope.errors import UsageError, did_you_mean
from archscope.layers import Facts, ScaledDotProductAttention
from archscope.layers.steps import Hidden, Remembered
from archscope.memory.scored import Scored, scored
from archscope.memory.trained import own_type
from archscope.network import Network, Node, Ref
from archscope.precision import DTYPE_BYTES
from archscope.record import EMPTY, Record
from archscope.working import Count, as_count, bare, count, product, total

PAGE: Final = 16
"""Tokens that are reserved together unless told otherwise, as vLLM does."""

_AS_ONE: Final = ScaledDotProductAttention()

_UNKNOWN: Final = "whether what is added to its scores hides what comes later is not known"


class Cache(Record):
    """What is remembered of one sample.

    Attributes:
        layers: bytes for every token, and bytes however many there are, by layer.
        windows: how many of the last tokens a layer's mask shows, by layer; all of those that are not here.
        dtype: PyTorch's name of the type it is held in.
        window: how many of the last tokens are remembered; all if None.
        page: tokens that are reserved together.
        not_covered: layers without a rule, and why; where there are any, all numbers are "at least".
    """

    layers: Mapping[str, tuple[Count, Count]]
    dtype: str
    window: int | None = None
    page: int = PAGE
    not_covered: Mapping[str, str] = EMPTY
    windows: Mapping[str, int] = EMPTY

    def window_of(self, layer: str) -> int | None:
        """How many of the last tokens a layer remembers; None for all."""
        bounds = [each for each in (self.window, self.windows.get(layer)) if each is not None]
        return min(bounds, default=None)

    @property
    def token_bytes(self) -> Count:
        """Bytes for one more token, until the window is full."""
        return total(each for each, _ in self.layers.values())

    @property
    def fixed_bytes(self) -> Count:
        """Bytes however many tokens there are: states, and keys and values of another sequence."""
        return total(once for _, once in self.layers.values())

    def at(self, length: int, batch: int = 1) -> Count:
        """Bytes after some tokens.

        >>> Cache({"a": (count(8), count(0))}, "float32", window=100).at(1000)
        800
        """
        return self._of(lambda window: as_count(_within(length, window)), batch)

    def reserved(self, length: int, batch: int = 1) -> Count:
        """Bytes that are set aside for some tokens: whole pages.

        >>> cache = Cache({"a": (count(8), count(0))}, "float32", page=16)
        >>> cache.at(1000), cache.reserved(1000), cache.reserved(1000).working
        (8000, 8064, '⌈1,000/16⌉·16·8')
        """
        page = count(self.page, "p")
        return self._of(lambda window: count(_within(length, window), "t").ceil_over(page) * page, batch)

    def _of(self, tokens: Callable[[int | None], Count], batch: int) -> Count:
        """What some tokens take; ``tokens`` says how many are kept of them where a window is all that is seen."""
        once = self.fixed_bytes
        groups: dict[int | None, list[Count]] = {}
        for layer, (each, _) in self.layers.items():
            groups.setdefault(self.window_of(layer), []).append(each)
        grown = total(tokens(window) * total(each) for window, each in groups.items() if bare(total(each)))
        sample = grown + once if once else grown
        return sample if batch == 1 else count(batch) * sample


def cache_of(network: Network, *, dtype: str = "", window: int | None = None, page: int = PAGE) -> Cache:
    """What a network remembers from one token to the next; see `Cache`.

    Raises:
        UsageError: no such type; a window or a page of no tokens; no layer remembers anything.
    """
    dtype = dtype or own_type(network)
    if dtype not in DTYPE_BYTES:
        raise UsageError(f"no type `{dtype}`; {did_you_mean(dtype, DTYPE_BYTES, what='types')}")
    for name, value in (("window", window), ("page", page)):
        if value is not None and value < 1:
            raise UsageError(f"a {name} of {value} holds no token; use 1 or more")
    size = count(DTYPE_BYTES[dtype], "b")
    layers: dict[str, tuple[Count, Count]] = {}
    unknown: dict[str, str] = {}
    windows: dict[str, int] = {}
    goes_by = _goes_by(network)
    for name, inputs, held in _remembering(network):
        apart = bool(held.apart) and not goes_by[inputs[0].node] <= goes_by[inputs[1].node]
        once = held.apart if apart else held.once
        token, why = held.each, held.unknown
        if held.masked and not once:
            hidden = _hidden_by(network, inputs[3:])
            why = _UNKNOWN if hidden is None else ""
            if hidden is not None and hidden.later:
                token = held.masked
                windows.update({} if hidden.window is None else {name: hidden.window})
        if why:
            unknown[name] = why
        elif token or once:
            each, fixed = (size * as_count(many) if bare(many) else count(0) for many in (token, once))
            layers[name] = (each, fixed)
    if not layers and not unknown:
        none = "no layer is causal attention, attends to another sequence, or is recurrent"
        raise UsageError(f"{network.name} remembers nothing from one token to the next: {none}"
                         if network.observed is None else
                         f"{network.name}: not covered, as {none}, and no rule follows what else its code remembers "
                         "from one token to the next, such as the state of a scan that it writes out")  # fmt: skip
    return Cache(layers, dtype, window, page, unknown, windows)


def _remembering(network: Network) -> Iterator[tuple[str, Sequence[Ref], Remembered]]:
    """Layers that may remember something, what they read, and what each would remember; attention written out too."""
    written = {each.name: each for each in scored(network)}
    for node in network.nodes:
        held = node.layer.remembers(_before_repeats(network, node).replace(
            alike=tuple(map(node.inputs.index, node.inputs))))  # fmt: skip
        if held is not None:
            yield node.name, node.inputs, held
        elif (each := written.get(node.name)) is not None:
            inputs = (each.queries, each.keys, each.values, *each.masks)
            held = _AS_ONE.remembers(_shared(network, _facts_of(network, each), inputs))
            if held is not None:
                yield node.name, inputs, held


def _facts_of(network: Network, each: Scored) -> Facts:
    """What attention as one layer would read, keys that are turned upright as they were before."""
    queries, upright, values = map(network.shape_of, (each.queries, each.keys, each.values))
    keys = (*upright[:-2], upright[-1], upright[-2])
    return Facts((queries, keys, values, *([] if not each.masks else [network.shape_of(each.masks[0])])), (), ())


def _before_repeats(network: Network, node: Node) -> Facts:
    """The facts of a layer, its keys and values as they are before they are repeated for heads that share them."""
    facts = network.facts[node.name]
    if facts.weights or len(node.inputs) < len(("queries", "keys", "values")):
        return facts
    return _shared(network, facts, node.inputs)


def _shared(network: Network, facts: Facts, inputs: Sequence[Ref]) -> Facts:
    """What attention reads, keys and values as they are before they are repeated for heads that share them."""
    queries, *others = facts.inputs
    times = [_times(network, ref) for ref in inputs[1:3]]
    made = [shape if often == 1 else (product(map(bare, shape[:-2])) // often, *shape[-2:])
            for shape, often in zip(others[:2], times, strict=True)]  # fmt: skip
    return facts.replace(inputs=(queries, *made, *others[2:]))


def _times(network: Network, ref: Ref) -> int:
    """How often a value is repeated behind what made it: code does so where heads share their keys and values."""
    times = 1
    while (node := network.by_name.get(ref.node)) is not None and _repeats(node):
        read, made = (product(map(bare, network.shape_of(each))) for each in (node.inputs[0], ref))
        if made < read:
            break
        times *= made // read
        ref = node.inputs[0]
    return times


def _repeats(node: Node) -> bool:
    """Whether a layer only sees what it reads differently, or repeats it."""
    return len(node.inputs) == 1 and (node.layer.shares_memory or node.layer.label.startswith("repeat"))


def _within(length: int, window: int | None) -> int:
    return length if window is None else min(length, window)


def _hidden_by(network: Network, masks: Sequence[Ref]) -> Hidden | None:
    """What some masks hide together; None where one is given from outside."""
    found = [_hidden(network, ref.node) for ref in masks]
    known = [each for each in found if each is not None]
    if len(known) < len(found):
        return None
    windows = [each.window for each in known if each.window is not None]
    return Hidden(any(each.later for each in known), min(windows, default=None))


def _hidden(network: Network, name: str) -> Hidden | None:
    """What is hidden by what is added to scores, all masks in it together; None where it is given from outside."""
    if name in network.inputs:
        return None
    node = network.by_name[name]
    own = node.layer.hides()
    if own is not None:
        return own
    return _hidden_by(network, node.inputs)


def _goes_by(network: Network) -> dict[str, frozenset[str]]:
    """By node, the inputs of the network that its values go by."""
    found = {name: frozenset({name}) for name in network.inputs}
    for node in network.nodes:
        found[node.name] = frozenset().union(*(found[ref.node] for ref in node.inputs))
    return found
