"""Constants that hide from each position what comes later, told by their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import torch
from torch import Tensor

from archscope.recognising.signatures import bound

HIDDEN: Final = -1e4
"""A score from which on softmax gives nothing, in every precision."""


_Says = Literal["hidden", "seen", "added"]
"""What a mask says: true for what is hidden, true for what is seen, or what is added to the scores."""


class Causal:
    """Tells calls on scores that hide from each position what comes later, and do nothing else.

    Args:
        known: the values of a constant, if they are known.
    """

    def __init__(self, known: Callable[[Tensor], Tensor | None]) -> None:
        self._known = known
        self._told: dict[tuple[int, int, str], tuple[Tensor, bool]] = {}

    def hides(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Whether a call does.

        >>> later = torch.ones(3, 3).triu(1).bool()
        >>> Causal(lambda tensor: tensor).hides("masked_fill", [torch.zeros(2, 3, 3), later, -torch.inf], {})
        True
        """
        try:
            if name == "masked_fill":
                given = dict(zip(("input", "mask", "value"), args, strict=False)) | dict(kwargs)
                return self._is_low(given["value"]) and self._is_later(given["mask"], "hidden")
            if name == "where" and args[0].dtype == torch.bool:
                return self._is_low(args[2]) and self._is_later(args[0], "seen")
            if name in ("add", "iadd") and kwargs.get("alpha", 1) == 1:
                return self._is_later(args[1], "added")
        except (AttributeError, IndexError, KeyError):  # called in another way, or with a number
            return False
        return False

    def attending(self, given: Mapping[str, Any], *, true_hides: bool) -> tuple[dict[str, Any], bool] | None:
        """The arguments of attention without masks that hide nothing, or what comes later and nothing else.

        The second is whether one hides that. None where there is none such; ``true_hides`` says what true values of a
        mask mean.
        """
        left, later = dict(given), False
        for name in ("attn_mask", "key_padding_mask"):
            mask = given.get(name)
            says: _Says = "added"
            if not isinstance(mask, Tensor):
                continue
            if mask.dtype == torch.bool:
                says = "hidden" if true_hides or name == "key_padding_mask" else "seen"
            if self._is_later(mask, says):
                later = True
            elif not self._hides_nothing(mask, says):
                continue
            left[name] = None
        if all(left[name] is given[name] for name in given):
            return None
        return left | {"is_causal": False}, later

    def unmasked(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], given: list[Tensor]
    ) -> tuple[Sequence[Any], Mapping[str, Any], list[Tensor]]:
        """The arguments of attention without a mask that says what an option of the layer says too."""
        named = bound("scaled_dot_product_attention", args, kwargs)
        found = self.attending(named, true_hides=False)
        if found is None:
            return args, kwargs, given
        is_causal = found[1] or named["is_causal"]
        return (), {**found[0], "is_causal": is_causal}, [each for each in given if each is not named["attn_mask"]]

    def changes_nothing(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], made: Sequence[int]) -> bool:
        """Whether a call adds zeros to its first argument, multiplies it by ones, or hides nothing of it.

        >>> Causal(lambda tensor: tensor).changes_nothing("add", [torch.ones(2, 3), torch.zeros(3)], {}, (2, 3))
        True
        """
        if kwargs or len(args) < 2 or name not in ("add", "mul", "masked_fill", "where"):
            return False
        value, mask = (args[1], args[0]) if name == "where" else args[:2]
        if not isinstance(value, Tensor) or not isinstance(mask, Tensor) or value.shape != made:
            return False
        if name == "mul":
            return self._is(mask, "ones", lambda found: bool((found == 1).all()))
        return self._hides_nothing(mask, "added" if name == "add" else "hidden" if name == "masked_fill" else "seen")

    def is_zero(self, tensor: Tensor) -> bool:
        """Whether a constant is known to be nothing but zeros."""
        return self._is(tensor, "zeros", lambda found: not bool(found.any()))

    def _hides_nothing(self, mask: Tensor, says: _Says) -> bool:
        if says == "seen":
            return self._is(mask, "all", lambda found: bool(found.all()))
        return self.is_zero(mask)

    def _is_low(self, value: Any) -> bool:
        if not isinstance(value, Tensor):
            return bool(value <= HIDDEN)
        found = self._known(value)
        return found is not None and bool((found <= HIDDEN).all())

    def _is_later(self, mask: Tensor, says: _Says) -> bool:
        """Whether a mask is that of what comes later."""
        return self._is(mask, says, lambda found: _is_later(found, says))

    def _is(self, mask: Tensor, what: str, asked: Callable[[Tensor], bool]) -> bool:
        """Whether something is so of a constant whose values are known; what equal blocks have is looked at once.

        Looking at a large mask takes as much memory again, each time from somewhere else. What is written in between is
        another.
        """
        found = self._known(mask)
        if found is None:
            return False
        place = id(found), found._version, what
        if place not in self._told:
            self._told[place] = found, asked(found)
        return self._told[place][1]


def _is_later(mask: Tensor, says: _Says) -> bool:
    """Whether a mask hides what comes later, and that alone, the same for all heads and samples."""
    if mask.dim() < 2 or any(extent != 1 for extent in mask.shape[:-2]):
        return False
    queries, keys = mask.shape[-2:]
    plain = mask.reshape(queries, keys)
    hidden = plain == 0 if says == "seen" else plain != 0
    if not queries == keys > 1 or not torch.equal(hidden, torch.ones_like(hidden).triu_(1)):
        return False
    return says != "added" or bool((plain.masked_fill(~hidden, HIDDEN) <= HIDDEN).all())
