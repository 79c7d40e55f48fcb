"""What PyTorch's exporters have made of a module's parameters: tensors of their own names, and which these stand for.

A matrix that is turned, a mask that is worked out and a table of which some rows are left lie in a file beside the
parameters, and nothing about their numbers tells them from those.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from archscope.escaping import line
from archscope.importing.graph import Operator
from archscope.importing.onnx.written import OWN
from archscope.layers.base import Weight

if TYPE_CHECKING:
    import onnx_ir as ir

_OF_OLD: Final = re.compile(r"onnx::(?P<operator>[A-Za-z]+)_\d+")
"""What PyTorch's older exporter calls a tensor that it has worked out, by the operator that reads it."""
_WEIGHED: Final = frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm", "Gather", "LSTM", "GRU", "RNN", "PRelu"})
_RECURRENT: Final = frozenset({"LSTM", "GRU", "RNN"})
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
        return found

    def _source(self, name: str, value: ir.Value) -> str:
        """The weight that a tensor has all values of."""
        made = self._made.get(name, frozenset())
        if len(made) == 1:
            (source,) = made
            same = source in self._held and _size(self._held[source]) == _size(value)
            return source if same else ""
        of_old = _OF_OLD.fullmatch(name) if self._ours and not self._made and not self._said else None
        if of_old is None or of_old["operator"] not in ("MatMul", "Gemm"):
            return ""
        return next((each for each, other in self._held.items() if _is_turned(each, other, value)), "")

    def remarks(self, weights: Mapping[str, Weight], again: Mapping[str, Operator]) -> Iterator[str]:
        """What is to be known of numbers that are not those of the module."""
        many = Counter(each for name in weights for each in self._made.get(name, ()))
        odd = [name for name in weights if name not in again and weights[name].trainable and self._is_odd(name, many)]
        if odd:
            yield (f"{_tensors(odd, 'is', 'are')} as the exporter worked {'it' if len(odd) == 1 else 'them'} out of "
                   f"parameters, such as some rows of a table or a product of two: {_named(odd)}. The module may have "
                   "more or fewer there.")  # fmt: skip
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
        others = [name for name, operator in old if operator not in _WEIGHED]
        if others:
            yield (f"{_tensors(others, 'has', 'have')} a name of the exporter's, and may be made of parameters or be a "
                   f"constant of the code, such as a mask: {_named(others)}. They count as parameters.")  # fmt: skip

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
    import onnx_ir as ir

    if any(isinstance(each.const_value, ir.ExternalTensor) for each in (other, value)):
        return False
    one, two = other.const_value, value.const_value
    return one is not None and two is not None and bool((two.numpy() == one.numpy().T).all())


def _named(names: list[str]) -> str:
    shown = ", ".join(f"`{line(each)[:80]}`" for each in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED:,} more"
