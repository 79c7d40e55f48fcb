"""The batch, and how it is told from the other axes of a tensor."""

from __future__ import annotations

from torch import Tensor

from archscope.layers import Shape


def sample_of(tensor: Tensor, batch: int | None = 1) -> Shape:
    """The shape of one sample: the batch taken away, wherever it went; None is no batch axis at all.

    >>> import torch
    >>> sample_of(torch.zeros(1, 3, 4)), sample_of(torch.zeros(7, 1, 3)), sample_of(torch.zeros(16, 9), 4)
    ((3, 4), (7, 3), (4, 9))
    """
    shape = tuple(tensor.shape)
    if batch is None or not shape:
        return shape
    if shape[0] == batch:
        return shape[1:]
    if batch in shape:
        place = shape.index(batch)
        return (*shape[:place], *shape[place + 1 :])
    return (shape[0] // batch, *shape[1:]) if shape[0] % batch == 0 else shape
