"""`Function`: what a module computes and no layer type describes, as a layer whose numbers say what is known."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from archscope.layers.base import NOTHING, Facts, Layer, Shape, Weight
from archscope.working import Count, count, product

POINTWISE: Final = frozenset({
    "abs", "add", "bitwise_and", "bitwise_or", "ceil", "clamp", "clamp_max", "clamp_min", "clip", "cos", "div",
    "eq", "erf", "exp", "fill", "floor", "ge", "gt", "le", "log", "log1p", "logical_and", "logical_not",
    "logical_or", "logsigmoid", "lt", "masked_fill", "maximum", "minimum", "mish", "mul", "ne", "neg", "pow",
    "reciprocal", "round", "rsqrt", "rsub", "sign", "sin", "softshrink", "softsign", "sqrt", "square", "sub",
    "tanhshrink", "threshold", "true_divide", "where",
})  # fmt: skip
"""Functions of PyTorch that work value by value."""

MOVING: Final = frozenset({
    "amax", "amin", "argmax", "cat", "channel_shuffle", "chunk", "concat", "concatenate", "copy", "cumsum",
    "expand", "expand_as", "flatten", "flip", "gather", "getitem", "hstack", "index_put", "index_select", "max",
    "mean", "min", "moveaxis", "movedim", "narrow", "pad", "permute", "pixel_shuffle", "pixel_unshuffle", "repeat",
    "repeat_interleave", "reshape", "roll", "rot90", "scatter", "select", "setitem", "split", "split_with_sizes",
    "squeeze", "stack", "std", "sum", "swapaxes", "t", "tensor_split", "tile", "topk", "transpose", "tril", "triu",
    "unbind", "unflatten", "unfold", "unsqueeze", "var", "view", "view_as", "vstack",
})  # fmt: skip
"""Functions that move, repeat or add up values and multiply nothing with a weight."""


_PRODUCTS: Final = frozenset({"bmm", "matmul", "mm"})


class Function(Layer):
    """A function of PyTorch, seen from outside: its shapes and weights are exact, its lines are not known.

    What works value by value, or only moves values, has no connections and no products; a product of two inputs has
    no connections, because no weight is in it. For anything else both are not covered, with the reason.
    A call that is a layer but for an option its type does not have counts as that layer does, and cannot be made.

    >>> facts = Function("matmul", [(4, 9)]).facts((4, 3), (3, 9))
    >>> facts.output, facts.macs, facts.macs.working
    ((4, 9), 108, '4·9·3')
    >>> facts = Function("fft_fft", [(4, 9)]).facts((4, 9))
    >>> facts.output, facts.macs, facts.reasons["macs"]
    ((4, 9), None, 'archscope has no layer type for `fft_fft`')
    """

    type: ClassVar[str] = "function"
    family: ClassVar[str] = "function"
    verb: ClassVar[str] = "Function"
    arity: ClassVar[tuple[int, int | None]] = (1, None)

    called: str
    made: tuple[Shape, ...]
    held: tuple[Weight, ...]
    misfit: bool
    like: Layer | None
    beyond: str

    def __init__(
        self,
        called: str,
        outputs: Sequence[Shape],
        weights: Sequence[Weight] = (),
        *,
        misfit: bool = False,
        like: Layer | None = None,
        beyond: str = "",
    ) -> None:
        object.__setattr__(self, "called", called)
        object.__setattr__(self, "made", tuple(tuple(int(extent) for extent in shape) for shape in outputs))
        object.__setattr__(self, "held", tuple(weights))
        object.__setattr__(self, "misfit", misfit)
        object.__setattr__(self, "like", like)
        object.__setattr__(self, "beyond", beyond)
        several = tuple(f"output{place}" for place in range(len(self.made)))
        object.__setattr__(self, "output_names", several if len(several) > 1 else ("output",))

    def __repr__(self) -> str:
        return f"Function({self.called!r}, {list(self.made)!r})"

    @property
    def label(self) -> str:
        return self.called if self.like is None else f"{self.like.label}, {self.beyond}"

    def rule(self, *inputs: Shape) -> Facts:
        if self.like is not None:
            return self.like.facts(*inputs)
        macs = NOTHING if self.called in POINTWISE or self.called in MOVING else self._products(inputs)
        unknown = (
            f"this `{self.called}` takes shapes or weights that its layer type does not"
            if self.misfit
            else f"archscope has no layer type for `{self.called}`"
        )
        alone = self.called in POINTWISE and all(shape == self.made[0] for shape in inputs)
        reasons = {} if macs is not None else {"macs": unknown}
        if self.held or macs is None:
            reasons["connections"] = unknown
        if not alone:
            reasons["receptive_field"] = unknown
        return Facts(
            inputs=inputs,
            outputs=self.made,
            weights=self.held,
            connections=None if "connections" in reasons else NOTHING,
            connections_in_bounds=None if "connections" in reasons else NOTHING,
            macs=macs,
            windows=() if alone else None,
            reasons=MappingProxyType(reasons),
        )

    def _products(self, inputs: tuple[Shape, ...]) -> Count | None:
        """Multiply-accumulates of a product of inputs, ``(…, n, k)`` with ``(…, k, m)``; None for anything else."""
        if any(len(shape) < 2 for shape in inputs):
            return None
        if self.called in _PRODUCTS and len(inputs) == 2 and inputs[0][-1] == inputs[1][-2]:
            return product(count(extent) for extent in self.made[0]) * count(inputs[0][-1], "k")
        if self.called == "scaled_dot_product_attention" and len(inputs) == 3:
            query, key, value = inputs
            scores = product(count(extent) for extent in (*query[:-1], key[-2]))
            return scores * count(query[-1], "e") + scores * count(value[-1], "v")
        return None
