"""Weights that do not lie value by value: sparse, wrapped, or packed in objects of PyTorch's quantized modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from archscope.layers.base import Weight
from archscope.recognising.operations import Kind, Operation
from archscope.working import Count, count

_COMPRESSED: Final[Mapping[torch.layout, tuple[str, str]]] = {
    torch.sparse_csr: ("crow_indices", "col_indices"),
    torch.sparse_bsr: ("crow_indices", "col_indices"),
    torch.sparse_csc: ("ccol_indices", "row_indices"),
    torch.sparse_bsc: ("ccol_indices", "row_indices"),
}
"""Layouts that lie row by row or column by column, and where their places lie."""


SPARSE: Final = frozenset({torch.sparse_coo, *_COMPRESSED})
"""Layouts of tensors that hold the values which are not zero, and their places."""

_PRODUCTS: Final = {"aten::mm": 0, "aten::mv": 0, "aten::addmm": 1, "aten::addmv": 1, "aten::_sparse_addmm": 1}
"""Products of which one side may be sparse, and at which argument they begin."""


class Packed:
    """The packed weights that modules hold, by the object that they lie in; none of them is trained."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        self.held: dict[str, Weight] = {}
        self._names: dict[int, frozenset[str]] = {}
        for path, each in modules.items():
            for inside in [value for value in vars(each).values() if isinstance(value, torch.ScriptObject)]:
                weights = {weight.name: weight for weight in _unpacked(path.removesuffix("._packed_params"), inside)}
                self.held.update(weights)
                self._names[id(inside)] = frozenset(weights)

    def read(self, given: Iterable[Any]) -> frozenset[str]:
        """The weights in what a call was given."""
        if not self._names:
            return frozenset()
        several = [each for value in given for each in (value if isinstance(value, (list, tuple)) else [value])]
        return frozenset[str]().union(*(self._names.get(id(each), frozenset()) for each in several))


def weight_of(name: str, tensor: Tensor, *, trainable: bool) -> Weight:
    """A tensor of a module as a weight, with the bytes that it takes."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    return Weight(name, tuple(tensor.shape) or (1,), trainable, dtype, stored(tensor))


def sparse_products(found: Operation, args: Sequence[Any]) -> Count | None:
    """What an operation on sparse tensors multiplies: each value that they hold, once a row or column of the other."""
    at = _PRODUCTS.get(found.name)
    if at is None:
        return None if found.kind is Kind.RULE else found.products(args, None)
    one, other = args[at : at + 2]
    sparse, dense, axis = (one, other, 1) if one.layout in SPARSE else (other, one, 0)
    if dense.layout in SPARSE or sparse.is_meta:
        return None
    values = sparse._values() if sparse.layout is torch.sparse_coo else sparse.values()
    return count(values.numel(), "values") * (dense.shape[axis] if dense.dim() > axis else 1)


def stored(tensor: Any) -> int | None:
    """Bytes of a tensor that is made of others, of the places and values of a sparse one; None of any other.

    >>> stored(torch.eye(3).to_sparse()), stored(torch.eye(3))
    (60, None)
    """
    if tensor.layout is torch.sparse_coo:
        parts = [tensor._indices(), tensor._values()]
    elif tensor.layout in _COMPRESSED:
        parts = [getattr(tensor, part)() for part in (*_COMPRESSED[tensor.layout], "values")]
    elif hasattr(tensor, "__tensor_flatten__"):
        parts = [getattr(tensor, part) for part in tensor.__tensor_flatten__()[0]]
    else:
        return None
    return sum(stored(each) or each.numel() * each.element_size() for each in parts)


def _unpacked(path: str, packed: Any) -> Iterator[Weight]:
    for name, tensor in _parts(packed):
        yield weight_of(f"{path}.{name}".lstrip("."), tensor, trainable=False)


def _parts(packed: Any) -> Iterator[tuple[str, Tensor]]:
    """The tensors in an object, by what a module of PyTorch's calls them; none, if it is in a form of its own."""
    try:
        if hasattr(packed, "unpack"):
            yield from [each for each in zip(("weight", "bias"), packed.unpack(), strict=False) if each[1] is not None]
            return
        state, _ = packed.__getstate__()  # of a recurrent cell: its name, its biases, and what its matrices lie in
        yield from zip(("bias_ih", "bias_hh"), state[1], strict=False)
        for name, inside in zip(("weight_ih", "weight_hh"), state[4], strict=False):
            yield name, inside.unpack()[0]
    except (AttributeError, RuntimeError, IndexError, TypeError, ValueError):
        return
