"""Modules for what attention adds to its scores: relative positions and masks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

from archscope.building.functions import Made, Typed
from archscope.building.offsets import regions, rows_of_distances, rows_of_window


class RelativePositionBias(Typed):
    """A learned value for each head and distance, the same for every sample; starts as small normal values.

    >>> RelativePositionBias(num_heads=3, window=(7, 7))(5).shape
    torch.Size([5, 3, 49, 49])
    """

    layer_type = "relative_position_bias"

    def __init__(
        self,
        *,
        num_heads: int,
        window: tuple[int, ...] | None = None,
        class_token: bool = False,
        num_buckets: int | None = None,
        max_distance: int = 128,
        bidirectional: bool = True,
        length: int | None = None,
        key_length: int | None = None,
    ) -> None:
        told: dict[str, Any] = {"window": window, "class_token": class_token}
        if window is None:
            told = {"num_buckets": num_buckets, "max_distance": max_distance, "bidirectional": bidirectional,
                    "length": length, "key_length": key_length}  # fmt: skip
        super().__init__(num_heads=num_heads, **told)
        if window is not None:
            held = math.prod(2 * extent - 1 for extent in window) + 3 * class_token
            queries = keys = math.prod(window) + class_token
            self._rows = rows_of_window(window, class_token=class_token)
        else:
            held, queries, keys = num_buckets or 0, length or 0, key_length or length or 0
            self._rows = rows_of_distances(queries, keys, held, max_distance, both=bidirectional)
        self.lengths = queries, keys
        self.weight = nn.Parameter(torch.empty(held, num_heads))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, batch: int = 1) -> Tensor:
        looked_up = self.weight[self._rows]
        bias = looked_up.view(*self.lengths, -1).permute(2, 0, 1)
        return bias.expand(batch, *bias.shape)


class AttentionMask(Made):
    """What may not be seen, as −∞ among zeros, in the type of the module's values.

    >>> AttentionMask(length=3, causal=True)(1)
    tensor([[[0., -inf, -inf],
             [0., 0., -inf],
             [0., 0., 0.]]])
    """

    layer_type = "attention_mask"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        length, key_length = options.get("length"), options.get("key_length")
        self.lengths = length or 0, key_length or length or 0
        self.causal: bool = options.get("causal", False)
        self.sliding_window: int | None = options.get("sliding_window")
        shifted = [options.get(name) for name in ("grid", "window", "shift")]
        self._regions: Any = None if None in shifted else regions(*shifted)  # type: ignore[arg-type]

    def forward(self, batch: int = 1) -> Tensor:
        hidden = self._by_distance() if self._regions is None else self._by_windows(self._regions)
        mask = self.like.new_zeros(hidden.shape).masked_fill(hidden, float("-inf"))
        return mask.expand(batch, *mask.shape)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        if self._regions is not None and self.like.device.type not in ("cpu", "meta"):
            # From the CPU they would be copied, and waited for, in every call.
            self._regions = torch.as_tensor(self._regions, device=self.like.device)
        return self

    def _by_distance(self) -> Tensor:
        queries, keys = (torch.arange(length, device=self.like.device) for length in self.lengths)
        apart = queries[:, None] - keys
        if self.sliding_window is None:
            return apart < 0
        if not self.causal:
            return apart.abs() >= self.sliding_window
        return (apart < 0) | (apart >= self.sliding_window)

    def _by_windows(self, regions: Any) -> Tensor:
        region = torch.as_tensor(regions, device=self.like.device)
        return region[:, None, :] != region[:, :, None]
