"""`Lookups`: values of a parameter in other places, and masks, that are given to attention or added to its scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import torch
from torch import Tensor

from archscope.layers import AttentionMask, RelativePositionBias
from archscope.tracing.causal import HIDDEN
from archscope.tracing.repeated import REPEATS
from archscope.tracing.scores import bias_of, mask_of

_SAME: Final = frozenset({
    "contiguous", "clone", "to", "float", "type", "type_as", "detach", "alias", "double", "half", "bfloat16", "cpu",
    "cuda", "deepcopy", "data", "to_copy", "interpolate", "upsample_bilinear2d", "upsample_nearest2d",
})  # fmt: skip
"""Functions that leave each value where it is, if they leave the shape as it is."""

_MOVES: Final = frozenset({
    "view", "reshape", "flatten", "unflatten", "unsqueeze", "squeeze", "expand", "repeat", "permute", "transpose",
    "swapaxes", "getitem", "narrow", "select", "index_select", "t", "movedim", "moveaxis", "swapdims",
})  # fmt: skip
"""Functions that put values in other places, and leave them as they are."""

_MOST: Final = 1 << 22
"""Values of a parameter whose places are followed."""


class Found(NamedTuple):
    """What was looked up in which parameter: the layer, and the shape in which it stands."""

    name: str
    layer: RelativePositionBias
    shape: tuple[int, ...]


class _Way(NamedTuple):
    """How a constant was made of others."""

    name: str
    parent: Tensor
    args: Sequence[Any]
    kwargs: Mapping[str, Any]


class Lookups:
    """Follows the values of parameters to other places.

    Args:
        root: the parameter that a tensor is, whole and in its order; None for anything else.
        known: the values of a constant that is no parameter's, if they are known.
    """

    def __init__(self, root: Callable[[Tensor], str | None], known: Callable[[Tensor], Tensor | None]) -> None:
        self._root = root
        self._known = known
        self._ways: dict[int, _Way] = {}
        self._sums: dict[int, tuple[Tensor, Tensor]] = {}
        self._kept: list[Any] = []
        self._biases: dict[int, Found | None] = {}
        self._seen: dict[int, Tensor] = {}
        self._masks: dict[int, tuple[Tensor, AttentionMask | None]] = {}

    def follow(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], given: Sequence[Tensor],
               made: Tensor) -> bool:  # fmt: skip
        """A call on constants made another one; whether it looks up a bias of attention in the table of a module."""
        if name == "embedding" and len(given) > 1 and self._root(given[1]) is not None and given[0].dim() > 1:
            self._keep(made, _Way("getitem", given[1], (given[1], given[0]), {}))
            return self.bias(made) is not None
        if name in ("add", "iadd") and len(given) == 2 and not kwargs and not any(made is each for each in given):
            followed = [each for each in given if id(each) in self._ways or id(each) in self._sums]
            other = _other(given, followed[0]) if len(followed) == 1 else None
            if other is not None and self._known(other) is not None:
                self._sums[id(made)] = followed[0], other
                self._kept.append(made)
            return False
        if name in ("where", "masked_fill") and not kwargs and len(args) == 3:
            return self._hidden(name, args, made)
        first = given[0] if given else None
        if name in _SAME and first is not None and id(first) in self._sums and first.shape == made.shape:
            self._sums[id(made)] = self._sums[id(first)]
            self._kept.append(made)
            return False
        if first is None or made.numel() > _MOST or not (name in _MOVES or name in _SAME or name == "cat"):
            return False
        if id(first) in self._ways or (name != "cat" and self._root(first) is not None and first.numel() <= _MOST):
            self._keep(made, _Way(name, first, tuple(args), dict(kwargs)))
        return False

    def _hidden(self, name: str, args: Sequence[Any], made: Tensor) -> Literal[False]:
        """A call that puts numbers so low that softmax gives nothing in the place of some scores: a mask is added."""
        kept, scores = (args[0], args[1]) if name == "where" else (args[1], args[0])
        low = args[2]
        seen = self._known(kept) if isinstance(kept, Tensor) and kept.dtype == torch.bool else None
        lowest = self._known(low) if isinstance(low, Tensor) else torch.tensor(low)
        followed = isinstance(scores, Tensor) and scores.shape == made.shape and id(scores) in self._ways
        if seen is not None and lowest is not None and followed and bool((lowest <= HIDDEN).all()):
            mask = kept if name == "where" else ~seen
            self._seen[id(mask)] = seen if name == "where" else mask
            self._sums[id(made)] = scores, mask
            self._kept += [made, mask]
        return False

    def _keep(self, made: Tensor, way: _Way) -> None:
        self._ways[id(made)] = way
        self._kept.append(made)

    def parts(self, tensor: Tensor) -> tuple[Tensor, Tensor] | None:
        """The bias and the mask that a constant is the sum of."""
        return self._sums.get(id(tensor))

    def bias(self, tensor: Tensor) -> Found | None:
        """The bias that a constant is, with its heads, queries and keys; None if it is none."""
        if id(tensor) not in self._ways:
            return None
        if id(tensor) not in self._biases:
            self._biases[id(tensor)] = self._bias(tensor)
        return self._biases[id(tensor)]

    def expanded(self, tensor: Tensor) -> bool:
        """Whether the code repeats it for every sample by itself."""
        way = self._ways.get(id(tensor))
        return way is not None and (way.name in REPEATS or self.expanded(way.parent))

    def _bias(self, tensor: Tensor) -> Found | None:
        found = self._places(tensor)
        if found is None:
            return None
        root, places = found
        table = self._table(root)
        if table is None or table.dim() != 2:
            return None
        rows, heads = table.shape
        turned = _heads_first(places, heads)
        if turned is None:
            return None
        looked_up, apart = turned[0] // heads, torch.arange(heads)[:, None, None]
        if not torch.equal(looked_up * heads + apart, turned):
            return None
        layer = bias_of(looked_up, heads, rows)
        return None if layer is None else Found(root, layer, tuple(places.shape))

    def _table(self, root: str) -> Tensor | None:
        return next((way.parent for way in self._ways.values() if self._root(way.parent) == root), None)

    def _places(self, tensor: Tensor) -> tuple[str, Tensor] | None:
        """Which parameter its values are of, and where each stands there."""
        root = self._root(tensor)
        if root is not None:
            return root, torch.arange(tensor.numel()).view(tensor.shape)
        way = self._ways.get(id(tensor))
        before = None if way is None else self._places(way.parent)
        if way is None or before is None:
            return None
        root, places = before
        if way.name in _SAME:
            return before if places.shape == tensor.shape else None
        moved = self._cat(way, root) if way.name == "cat" else self._moved(way, places)
        return None if moved is None or moved.shape != tensor.shape else (root, moved)

    def _cat(self, way: _Way, root: str) -> Tensor | None:
        parts = [self._places(each) for each in way.args[0]]
        if any(each is None or each[0] != root for each in parts):
            return None
        return torch.cat([each[1] for each in parts if each is not None], *way.args[1:], **way.kwargs)

    def _moved(self, way: _Way, places: Tensor) -> Tensor | None:
        try:
            args = [places if each is way.parent else self._with(each) for each in way.args]
            kwargs = {name: places if each is way.parent else self._with(each) for name, each in way.kwargs.items()}
            method = "__getitem__" if way.name == "getitem" else way.name
            made: Tensor = getattr(torch.Tensor, method)(*args, **kwargs)
        except (RuntimeError, TypeError, IndexError, KeyError, AttributeError):
            return None
        return made

    def _with(self, value: Any) -> Any:
        """An argument with values: an index that is known."""
        if isinstance(value, Tensor):
            known = self._known(value)
            if known is None:
                raise KeyError
            return known
        return type(value)(self._with(each) for each in value) if type(value) in (list, tuple) else value

    def mask(self, tensor: Tensor) -> AttentionMask | None:
        """The mask that a constant is; None if it is none."""
        known = self._seen.get(id(tensor), self._known(tensor)) if tensor.dim() > 1 else None
        if known is None:
            return None
        if id(known) not in self._masks:
            self._masks[id(known)] = known, mask_of(known.detach().cpu())
        return self._masks[id(known)][1]


def _other(pair: Sequence[Tensor], one: Tensor) -> Tensor:
    return pair[1] if pair[0] is one else pair[0]


def _heads_first(places: Tensor, heads: int) -> Tensor | None:
    """``(heads, queries, keys)``, of that or of ``(queries, keys, heads)``, without axes of one value in front."""
    while places.dim() > 3 and places.shape[0] == 1:
        places = places[0]
    if places.dim() != 3:
        return None
    if places.shape[0] == heads and bool((places[:, 0, 0] % heads == torch.arange(heads)).all()):
        return places
    return places.permute(2, 0, 1) if places.shape[2] == heads else None
