"""Attention: the layer with its projections, and the product alone."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar, Final

from archscope.errors import Rejects
from archscope.layers.asked import check_mask, hidden_pairs, sequence_of, weighed
from archscope.layers.attending import Product, Projections, attended, attention
from archscope.layers.base import Facts, Layer, Shape, Weight, spell_count, spell_option, spell_shape
from archscope.layers.doubt import SEQUENCE, Meaning
from archscope.layers.grouped import Grouped, grouped
from archscope.layers.steps import Remembered, Step
from archscope.options import Kind, choice, flag, list_of, number, option, optional, positive, probability
from archscope.working import Count, bare, count, product, total

GRIDLESS = {"receptive_field": "a position sees others far away from it"}
_CAUSAL = "Whether a position sees itself and those before it alone; all products are worked out and counted."


_PROJECTIONS: Final = ("query", "key", "value", "output")


def _biases() -> Kind:
    """True or false for all projections, or a list of those for which it is true; kept as the names of these."""
    some = list_of(choice(*_PROJECTIONS), f"true, false or a list of {', '.join(_PROJECTIONS)}", least=0)

    def parse(value: Any) -> tuple[str, ...]:
        if isinstance(value, bool):
            return _PROJECTIONS if value else ()
        chosen = some.parse(value)
        return tuple(each for each in _PROJECTIONS if each in chosen)

    def show(value: tuple[str, ...]) -> bool | list[str]:
        return bool(value) if len(value) in (0, len(_PROJECTIONS)) else list(value)

    name = f"true, false or a list of {', '.join(_PROJECTIONS)}"
    return Kind(name, parse, {"anyOf": [flag.schema, some.schema]}, show)


class MultiheadAttention(Layer):
    """Multi-head attention (Vaswani et al. 2017) over ``(positions, features)``.

    One input attends to itself; two are queries and what is attended to; three are queries, keys, values; a fourth
    is a mask, added to the scores: ``(keys,)``, ``(queries, keys)`` or ``(heads, queries, keys)``.
    With ``e`` features, ``l`` queries and ``s`` keys:

    * parameters: four projections, ``(e + 1)·e`` each, with biases; keys and values of another width
      change theirs, and so do heads of another width than ``e / num_heads``, and fewer heads of keys and values;
    * MACs: the projections, and ``2·l·s·e`` for the scores and the weighted sum. A causal mask takes nothing off:
      PyTorch and all who count work out the whole product;
    * connections: those of the projections; products of two inputs carry no weight.

    ``add_bias_kv`` puts a learned key and value behind the others, ``2·e`` parameters, and ``add_zero_attn`` one of
    zeros: each makes one key more, ``2·l·e`` MACs.

    >>> facts = MultiheadAttention(num_heads=8).facts((16, 64))
    >>> facts.output, facts.parameters, facts.macs
    ((16, 64), 16640, 294912)

    Llama-2-70B: 64 heads of queries, eight of keys and values (Ainslie et al. 2023):

    >>> MultiheadAttention(num_heads=64, num_kv_heads=8, bias=False, causal=True).facts((4096, 8192)).parameters
    150994944
    """

    type: ClassVar[str] = "multihead_attention"
    family: ClassVar[str] = "sequence"
    verb: ClassVar[str] = "Attention"
    takes: ClassVar[Meaning] = SEQUENCE
    arity: ClassVar[tuple[int, int | None]] = (1, 4)
    of_itself: ClassVar[bool] = True
    num_heads: int = option(positive, doc="Heads; they share the features among them.")
    num_kv_heads: int | None = option(
        optional(positive),
        default=None,
        doc="Heads of keys and values, each for a group of heads of queries; as many as `num_heads` if left out.",
    )
    head_dim: int | None = option(
        optional(positive), default=None, doc="Features of a head; the features over `num_heads` if left out."
    )
    bias: tuple[str, ...] = option(
        _biases(), default=True, doc="Whether the projections add a constant: all, none, or those of a list."
    )
    causal: bool = option(flag, default=False, doc=_CAUSAL)
    add_bias_kv: bool = option(
        flag, default=False, doc="Whether a learned key and a learned value stand behind those that come."
    )
    add_zero_attn: bool = option(flag, default=False, doc="Whether a key and a value of zeros stand behind all others.")
    dropout: float = option(
        probability, default=0.0, doc="Probability that a weight of attention is dropped while training."
    )

    @property
    def label(self) -> str:
        name = "causal attention" if self.causal else "attention"
        groups = self.key_heads
        shared = f" on {groups}" if groups != self.num_heads else ""
        return f"{name}, {spell_count(self.num_heads, 'head')}{shared}"

    @property
    def looks_back(self) -> bool:
        return self.causal

    def heads(self, facts: Facts) -> tuple[int, int, int] | None:
        width = bare(facts.inputs[0][1]) // self.num_heads if self.head_dim is None else self.head_dim
        return self.num_heads, self.key_heads, width

    @property
    def key_heads(self) -> int:
        """Heads of keys and values."""
        return self.num_heads if self.num_kv_heads is None else self.num_kv_heads

    @property
    def more_keys(self) -> int:
        """Keys beside those that come."""
        return self.add_bias_kv + self.add_zero_attn

    def usual(self, features: int) -> bool:
        """Whether `torch.nn.MultiheadAttention` has it: heads that share the features, biases everywhere or nowhere."""
        whole = self.head_dim is None or self.head_dim * self.num_heads == features
        return whole and self.key_heads == self.num_heads and len(self.bias) in (0, 4)

    def check(self) -> None:
        if self.num_heads % self.key_heads:
            raise Rejects(
                f"{spell_option('num_kv_heads', self.key_heads)} does not divide the "
                f"{spell_count(self.num_heads, 'head')}",
                option="num_kv_heads",
                help=f"use a divisor of {self.num_heads}",
            )

    def meaning(self, came: Meaning) -> Meaning:  # noqa: ARG002 - whatever came, positions leave
        return SEQUENCE

    def rule(self, *inputs: Shape) -> Facts:
        last = min(len(inputs), 3) - 1
        roles = (0, min(1, last), last)
        query, key, value = (sequence_of(inputs[place], place) for place in roles)
        if self.head_dim is None and query[1] % self.num_heads:
            raise Rejects(
                f"{spell_option('num_heads', self.num_heads)} does not divide the "
                f"{spell_count(bare(query[1]), 'feature')}",
                option="num_heads",
                input=0,
                help=f"use a divisor of {bare(query[1])}",
            )
        if key[0] != value[0]:
            raise Rejects(f"{bare(key[0])} keys but {bare(value[0])} values", input=last)
        if (self.more_keys or self.dropout) and not self.usual(bare(query[1])):
            name = "add_bias_kv" if self.add_bias_kv else "add_zero_attn" if self.add_zero_attn else "dropout"
            raise Rejects(
                f"{spell_option(name, getattr(self, name))} with heads of another width, fewer heads of keys or some "
                "of the biases",
                option=name,
                help="PyTorch has it for heads that share the features alone, with all biases or none",
            )
        for mask in inputs[3:]:
            check_mask(mask, (self.num_heads, query[0], key[0]), self.causal, "causal", ("heads", "queries", "keys"))
        e, k, v = count(query[1], "e"), count(key[1], "k"), count(value[1], "v")
        queries, keys = count(query[0], "l"), count(key[0], "s")
        read, shared = self._widths(e)
        steps = (("query", e, read, queries), ("key", k, shared, keys), ("value", v, shared, keys),
                 ("output", read, e, queries))  # fmt: skip
        lines = total(
            (width + 1 if name in self.bias else width) * made * places for name, width, made, places in steps
        )
        seen = keys + self.more_keys if self.more_keys else keys
        scores = count(2) * queries * seen * read
        return Facts(
            inputs=inputs,
            outputs=((queries, e),),
            weights=self._joined(e, k, v) if self.usual(bare(e)) else self._apart(e, k, v),
            connections=lines,
            connections_in_bounds=lines,
            macs=total(width * made * places for _, width, made, places in steps) + scores,
            windows=None,
            reasons=GRIDLESS,
        )

    def _widths(self, e: Count) -> tuple[Count, Count]:
        """Features that all heads of queries have, and all heads of keys."""
        if self.usual(bare(e)):
            return e, e
        d = count(bare(e) // self.num_heads if self.head_dim is None else self.head_dim, "d")
        heads, groups = count(self.num_heads, "h"), count(self.key_heads, "g")
        return heads * d, (heads if self.key_heads == self.num_heads else groups) * d

    def _joined(self, e: Count, k: Count, v: Count) -> tuple[Weight, ...]:
        """As PyTorch holds them: one matrix for all three where they read the same width."""
        three = count(3) * e
        if e == k == v:
            projections: tuple[Weight, ...] = (Weight("in_proj_weight", (three, e)),)
        else:
            widths = (("q", e), ("k", k), ("v", v))
            projections = tuple(Weight(f"{name}_proj_weight", (e, width)) for name, width in widths)
        learned = (Weight("bias_k", (count(1), count(1), e)), Weight("bias_v", (count(1), count(1), e)))
        more = learned if self.add_bias_kv else ()
        out = Weight("out_proj.weight", (e, e))
        if not self.bias:
            return (*projections, *more, out)
        return (*projections, Weight("in_proj_bias", (three,)), *more, out, Weight("out_proj.bias", (e,)))

    def _apart(self, e: Count, k: Count, v: Count) -> tuple[Weight, ...]:
        read, shared = self._widths(e)
        parts = (("query", "q_proj", read, e), ("key", "k_proj", shared, k), ("value", "v_proj", shared, v),
                 ("output", "out_proj", e, read))  # fmt: skip
        weights: list[Weight] = []
        for role, name, made, width in parts:
            weights.append(Weight(f"{name}.weight", (made, width)))
            if role in self.bias:
                weights.append(Weight(f"{name}.bias", (made,)))
        return tuple(weights)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return self._runs(facts, self.dropout)

    def runs_at_inference(self, facts: Facts) -> tuple[Step, ...] | None:
        return self._runs(facts, 0.0)

    def runs_padded(self, facts: Facts, *, numbers: bool, training: bool) -> tuple[Step, ...] | None:
        """What runs where the fourth input says which keys of a sample are padding; see `Projections`."""
        apart = facts.replace(inputs=facts.inputs[:3])
        return self._runs(apart, self.dropout if training else 0.0, padding="input 4", numbers=numbers)

    def _runs(self, facts: Facts, dropout: float, **padding: Any) -> tuple[Step, ...] | None:
        shapes = facts.inputs
        last = min(len(shapes), 3) - 1
        lengths = (bare(shapes[0][0]), bare(shapes[min(1, last)][0]))
        features = bare(shapes[0][1])
        if self.usual(features):
            widths = {features, bare(shapes[min(1, last)][1]), bare(shapes[last][1])}
            # As PyTorch asks: whether the values are the keys, and then whether the queries are them too.
            read = {(0, 0, 0): 1, (0, 1, 1): 2, (0, 0): 1}.get(facts.alike[:3], last + 1)
            return attention(Projections(read, lengths, features, self.num_heads, len(widths) > 1,
                                         bool(self.bias), len(shapes) > 3, self.causal, dropout, self.add_bias_kv,
                                         self.add_zero_attn, **padding))  # fmt: skip
        width = features // self.num_heads if self.head_dim is None else self.head_dim
        mask = tuple(bare(each) for each in shapes[3]) if len(shapes) > 3 else None
        return grouped(Grouped(last + 1, lengths, features, self.num_heads, self.key_heads, width, self.bias, mask,
                               self.causal))  # fmt: skip

    def hidden_macs(self, facts: Facts) -> int:
        if not self.causal:
            return 0
        read, _ = self._widths(count(facts.inputs[0][1]))
        queries, keys = (bare(facts.inputs[min(place, len(facts.inputs) - 1)][0]) for place in (0, 1))
        return 2 * bare(read) * hidden_pairs(queries, keys)

    def recalls(self, facts: Facts) -> int | None:
        if not self.causal or len(facts.inputs) > 1:
            return None
        read, _ = self._widths(count(facts.inputs[0][1], "e"))
        return count(2) * read

    def remembers(self, facts: Facts) -> Remembered | None:
        width = count(bare(facts.inputs[0][1]) // self.num_heads if self.head_dim is None else self.head_dim, "d")
        token = count(2) * count(self.key_heads, "g") * width
        if self.causal:
            return Remembered(each=token)
        own = len(facts.inputs) == 1 or facts.alike[:2] == (0, 0)
        once = 0 if own else token * count(facts.inputs[1][0], "s")
        return Remembered(once=once, masked=token if len(facts.inputs) > 3 else 0)


class ScaledDotProductAttention(Layer):
    """The product of attention alone: ``softmax(q·kᵀ/√e)·v``, as in PyTorch; no weights.

    Reads queries ``(…, l, e)``, keys ``(…, s, e)`` and values ``(…, s, v)``, heads as a leading axis where there
    are any, and a mask that is added to the scores where a fourth input is given.

    * MACs: ``l·s·e`` for the scores and ``l·s·v`` for the weighted sum, for every head. A causal mask takes nothing
      off. Where queries, keys or values are learned, connections are the products that they weigh.

    >>> facts = ScaledDotProductAttention(is_causal=True).facts((8, 16, 32), (8, 16, 32), (8, 16, 32))
    >>> facts.output, facts.parameters, facts.macs
    ((8, 16, 32), 0, 131072)
    """

    type: ClassVar[str] = "scaled_dot_product_attention"
    family: ClassVar[str] = "sequence"
    verb: ClassVar[str] = "Attention"
    arity: ClassVar[tuple[int, int | None]] = (3, 4)
    is_causal: bool = option(flag, default=False, doc=_CAUSAL)
    enable_gqa: bool = option(
        flag, default=False, doc="Whether a head of keys and values may stand for several heads of queries."
    )
    scale: float | None = option(optional(number), default=None, doc="What scores are multiplied by; 1/√e if left out.")
    dropout_p: float = option(probability, default=0.0, doc="Probability that a weight is dropped while training.")

    @property
    def label(self) -> str:
        return "causal dot-product attention" if self.is_causal else "dot-product attention"

    @property
    def looks_back(self) -> bool:
        return self.is_causal

    def heads(self, facts: Facts) -> tuple[int, int, int] | None:
        """Of queries, of keys, and how wide one is.

        >>> layer = ScaledDotProductAttention(enable_gqa=True)
        >>> layer.heads(layer.facts((64, 3, 49, 32), (64, 3, 49, 32), (64, 3, 49, 32)))  # 64 windows
        (3, 3, 32)
        >>> layer.heads(layer.facts((8, 16, 32), (2, 16, 32), (2, 16, 32)))
        (8, 2, 32)
        """
        query, key = facts.inputs[:2]
        # Axes before that of the heads, of windows say, are as a batch is; of queries in groups the axes differ.
        first = max(len(query) - 3, 0) if query[:-2] == key[:-2] else 0
        queries, keys = (int(product(count(each) for each in shape[first:-2])) for shape in (query, key))
        return queries, keys, bare(query[-1])

    def meaning(self, came: Meaning) -> Meaning:
        return came

    def rule(self, *inputs: Shape) -> Facts:
        query, key, value = inputs[:3]
        for place, shape in enumerate(inputs[:3]):
            if len(shape) < 2 or len(shape) != len(query):
                raise Rejects(
                    f"takes (…, positions, features), as many axes in each, got {spell_shape(shape)}",
                    input=place,
                    help=None if len(shape) < 2 else f"give it {len(query)} axes, as the queries have",
                )
        if key[-1] != query[-1]:
            raise Rejects(f"queries of {bare(query[-1])} features but keys of {bare(key[-1])}", input=1)
        if value[:-1] != key[:-1]:
            raise Rejects(f"keys {spell_shape(key)} but values {spell_shape(value)}", input=2,
                          help="all their extents but the last must be equal")  # fmt: skip
        self._check_heads(query[:-2], key[:-2])
        queries, keys = count(query[-2], "l"), count(key[-2], "s")
        for mask in inputs[3:]:
            check_mask(mask, (*query[:-1], key[-2]), self.is_causal, "is_causal", ("…", "queries", "keys"))
        heads = [count(extent, "h") for extent in query[:-2]]
        features, made = count(query[-1], "e"), count(value[-1], "v")
        wide = count(2) * features if features == made else features + made
        return Facts(
            inputs=inputs,
            outputs=((*query[:-1], value[-1]),),
            macs=product([*heads, queries, keys]) * wide,
            windows=None,
            reasons=GRIDLESS,
        )

    def weighed(self, facts: Facts, places: tuple[int, ...]) -> Facts:
        return weighed(facts, places)

    def _check_heads(self, query: Shape, key: Shape) -> None:
        if query == key:
            return
        divides = query and query[:-1] == key[:-1] and not query[-1] % key[-1]
        if not (self.enable_gqa and divides):
            raise Rejects(
                f"queries have the leading axes {spell_shape(query)}, keys {spell_shape(key)}",
                input=1,
                help="write `enable_gqa: true` for grouped queries" if divides else "the leading axes must be equal",
            )

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return attended(self._product(facts, self.dropout_p))

    def runs_at_inference(self, facts: Facts) -> tuple[Step, ...] | None:
        return attended(self._product(facts, 0.0))

    def _product(self, facts: Facts, dropout: float) -> Product:
        query, key, value = (tuple(bare(each) for each in shape) for shape in facts.inputs[:3])
        mask = tuple(bare(each) for each in facts.inputs[3]) if len(facts.inputs) > 3 else ()
        return Product(("input", "input 2", "input 3"), "output", query[:-2], key[:-2], (query[-2], key[-2]),
                       (query[-1], value[-1]), "input 4" if mask else "", mask, self.is_causal, dropout)  # fmt: skip

    def hidden_macs(self, facts: Facts) -> int:
        if not self.is_causal:
            return 0
        query, key, value = (tuple(map(bare, shape)) for shape in facts.inputs[:3])
        return prod(query[:-2]) * hidden_pairs(query[-2], key[-2]) * (query[-1] + value[-1])

    def recalls(self, facts: Facts) -> int | None:
        return facts.macs if self.is_causal else None

    def remembers(self, facts: Facts) -> Remembered | None:
        heads = product(count(each) for each in facts.inputs[1][:-2])
        token = heads * (count(facts.inputs[1][-1], "d") + count(facts.inputs[2][-1], "v"))
        if self.is_causal:
            return Remembered(each=token)
        masked = token if len(facts.inputs) > 3 else 0
        return Remembered(apart=token * count(facts.inputs[1][-2], "s"), masked=masked)
