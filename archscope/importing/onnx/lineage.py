"""What PyTorch's exporters have made of a module's parameters: tensors of their own names, and which these stand for.

A matrix that is turned, a mask that is worked out and a table of which some rows are left lie in a file beside the
parameters, and nothing about their numbers tells them from those.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from archscope.escaping import line
from archscope.importing.graph import Operator
from archscope.importing.onnx.written import OWN
from archscope.layers.base import Weight

if TYPE_CHECKING:
    import onnx_ir as ir

_OF_OLD: Final = re.compile(r"onnx::(?P<operator>[A-Za-z]+)_\d+")
"""What PyTorch's older exporter calls a tensor that it has worked out, by the operator that reads it."""
_OF_NOTHING: Final = re.compile(r"val_\d+")
"""What its exporter of today calls a value of no name of its own; of what that comes, only its signature says."""
_WEIGHED: Final = frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm", "Gather", "LSTM", "GRU", "RNN", "PRelu"})
_RECURRENT: Final = frozenset({"LSTM", "GRU", "RNN"})
_PARTS: Final = 16
"""Parts of a tensor that others are looked for among, at most."""
_NAMED: Final = 3
"""Names that a remark has at most."""


class Lineage:
    """What the tensors of a file of PyTorch's come of.

    Attributes:
        known: which tensors are trained, as far as the file says; None of what is no weight.

    Args:
        model: the file.
        known: what its signature says; what comes of that is added.
        made: what it says that a tensor was worked out of, by name; of a constant among the operators, nothing.
    """

    def __init__(self, model: ir.Model, known: Mapping[str, bool | None], made: Mapping[str, frozenset[str]]) -> None:
        self._held: Mapping[str, ir.Value] = model.graph.initializers
        self._said = dict(known)
        self._ours = model.producer_name == "pytorch"
        self._made: dict[str, frozenset[str]] = {}
        self._exact: set[str] = set()
        self.known = dict(known)
        for name, value in self._held.items() if self._ours else ():
            if name in known or name not in made:
                continue
            if made[name] and known:
                self._made[name] = frozenset(each for each in made[name] if known.get(each) is not None)
                if len(made[name]) == 1:
                    self._exact.add(name)
                trained = [known[each] for each in self._made[name]]
                self.known[name] = any(trained) if trained else None
            elif not made[name] and not _reads(value) & _WEIGHED and not any(map(_is_norm, _reads(value))):
                self.known[name] = None

    def again(self, weights: Mapping[str, Weight]) -> dict[str, Operator]:
        """Tensors that are a weight of the file once more, each as the operator that makes it of that."""
        found = {}
        for name, value in self._held.items():
            source = self._source(name, value) if name in weights else ""
            if source and source in weights:
                turned = weights[name].shape == weights[source].shape[::-1] and len(weights[name].shape) == 2
                type_, domain = ("Transpose", "") if turned else ("Folded", OWN)
                found[name] = Operator(type_, (source,), (name,), {"perm": (1, 0)} if turned else {}, domain=domain)
        parts = {name: source for name in weights if name not in found and (source := self._cut_from(name, weights))}
        for name, source in parts.items():
            whole = found[source].inputs[0] if source in found else source
            found[name] = Operator("Folded", (whole,), (name,), domain=OWN)
        return found

    def _source(self, name: str, value: ir.Value) -> str:
        """The weight that a tensor has all values of."""
        made = self._made.get(name, frozenset())
        if len(made) == 1:
            (source,) = made
            same = source in self._held and _size(self._held[source]) == _size(value)
            return source if same else ""
        if self._of_old(name) not in ("MatMul", "Gemm"):
            return ""
        return next((each for each, other in self._held.items() if _is_turned(each, other, value)), "")

    def _of_old(self, name: str) -> str:
        """The operator that the older exporter says to read a tensor that it has worked out; empty for others."""
        found = _OF_OLD.fullmatch(name) if self._ours and not self._made and not self._said else None
        return "" if found is None else found["operator"]

    def _cut_from(self, name: str, weights: Mapping[str, Weight]) -> str:
        """The tensor that one is some columns of: the older exporter cuts what projects to queries, keys and values."""
        if self._of_old(name) not in ("MatMul", "Gemm", "Add"):
            return ""
        *rows, columns = weights[name].shape
        return next((each for each, other in weights.items() if [*other.shape[:-1]] == rows and
                     columns < other.shape[-1] and _is_cut(self._held[name], self._held[each])), "")  # fmt: skip

    def remarks(self, weights: Mapping[str, Weight], again: Mapping[str, Operator]) -> Iterator[str]:
        """What is to be known of numbers that are not those of the module."""
        many = Counter(each for name in weights for each in self._made.get(name, ()))
        odd = [name for name in weights if name not in again and weights[name].trainable and self._is_odd(name, many)]
        if odd:
            yield (f"{_tensors(odd, 'is', 'are')} as the exporter worked {'it' if len(odd) == 1 else 'them'} out of "
                   f"parameters, such as some rows of a table or a product of two: {_named(odd)}. The module may have "
                   "more or fewer there, and what it multiplies for them is in no row.")  # fmt: skip
        there = self._held.keys() | many.keys() | {each for made in again.values() for each in made.inputs}
        gone = [name for name, trained in self._said.items() if trained and name not in there] if self._ours else []
        if gone:
            many_gone = (
                "1 parameter of the module is" if len(gone) == 1 else f"{len(gone):,} parameters of the module are"
            )
            yield (f"{many_gone} not in the file by that name: nothing that it gives needs them, or they are tied to "
                   f"others or worked into them: {_named(gone)}.")  # fmt: skip
        old = [(name, found["operator"]) for name in weights if self._ours and (found := _OF_OLD.fullmatch(name))]
        folded = [name for name, operator in old if operator.startswith("Conv")]
        if folded:
            yield (f"{_tensors(folded, 'is', 'are')} weights of convolutions that the exporter worked out, as where it "
                   f"folds a batch norm in, whose parameters are then gone: {_named(folded)}.")  # fmt: skip
        others = [name for name, operator in old if operator not in _WEIGHED and name not in again]
        others += [name for name in weights if self._is_of_nothing(name) and name not in again]
        if others:
            yield (f"{_tensors(others, 'has', 'have')} a name of the exporter's, and may be made of parameters or be a "
                   f"constant of the code, such as a mask: {_named(others)}. They count as parameters.")  # fmt: skip

    def _is_of_nothing(self, name: str) -> bool:
        """Whether a tensor has a name of the exporter's in a file without its signature, and no layer's place."""
        found = self._ours and not self._said and _OF_NOTHING.fullmatch(name)
        return bool(found) and not _reads(self._held[name]) & _WEIGHED

    def _is_odd(self, name: str, many: Mapping[str, int]) -> bool:
        """Whether a tensor may have other values than the parameters that it comes of, more or fewer."""
        made = self._made.get(name)
        if made is None or _reads(self._held[name]) <= _RECURRENT:
            return False
        return name not in self._exact or any(many[each] > 1 for each in made)


def _tensors(names: list[str], one: str, more: str) -> str:
    return f"1 tensor {one}" if len(names) == 1 else f"{len(names):,} tensors {more}"


def _reads(value: ir.Value) -> frozenset[str]:
    """The operators that read a value."""
    return frozenset(use.node.op_type for use in value.uses())


def _is_norm(operator: str) -> bool:
    return operator.endswith("Normalization")


def _shape(value: ir.Value) -> tuple[int, ...]:
    held = value.const_value
    return () if held is None else tuple(map(int, held.shape.numpy()))


def _size(value: ir.Value) -> int:
    return 0 if value.const_value is None else int(value.const_value.size)


def _is_turned(name: str, other: ir.Value, value: ir.Value) -> bool:
    """Whether a tensor of the module's is a matrix with its axes exchanged, by its values."""
    shape = _shape(value)
    if _OF_OLD.fullmatch(name) or len(shape) != 2 or _shape(other) != shape[::-1]:
        return False
    one, two = _array(other), _array(value)
    return one is not None and two is not None and bool((two == one.T).all())


def _is_cut(part: ir.Value, whole: ir.Value) -> bool:
    """Whether a tensor is neighbouring columns of another, by their values, which are not all the same."""
    one, two = _array(part), _array(whole)
    if one is None or two is None or not (one != one.flat[0]).any():
        return False
    columns, all_ = one.shape[-1], two.shape[-1]
    step = math.gcd(columns, all_)
    starts = range(0, all_ - columns + 1, step) if all_ // step <= _PARTS else ()
    return any(bool((two[..., start : start + columns] == one).all()) for start in starts)


def _array(value: ir.Value) -> Any:
    """The values of a tensor that lie in the file itself."""
    import onnx_ir as ir

    held = value.const_value
    return None if held is None or isinstance(held, ir.ExternalTensor) else held.numpy()


def _named(names: list[str]) -> str:
    shown = ", ".join(f"`{line(each)[:80]}`" for each in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED:,} more"
