"""What PyTorch's exporters have made of a module's parameters: tensors of their own names, and which these stand for.

A matrix that is turned, a mask that is worked out and a table of which some rows are left lie in a file beside the
parameters, and nothing about their numbers tells them from those.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from archscope.escaping import line
from archscope.importing.graph import Operator
from archscope.importing.onnx.written import OWN
from archscope.layers.base import Weight

if TYPE_CHECKING:
    import onnx_ir as ir

_OF_OLD: Final = re.compile(r"onnx::(?P<operator>[A-Za-z]+)_\d+")
"""What PyTorch's older exporter calls a tensor that it has worked out, by the operator that reads it."""
_NUMBERED: Final = re.compile(r"(?:\w*_)?\d+")
_WORDS: Final = re.compile(
    "abs|add|arange|baddbmm|bmm|cat|clone|cos|cumsum|div|embedding|exp|expand|eye|full|gather|getitem|index|linear|"
    "linspace|log|logical_not|masked_fill|matmul|mean|mm|mul|neg|ones|outer|permute|pow|reciprocal|repeat|reshape|roll|"
    "rsqrt|rsub|scalar_tensor|select|sigmoid|sin|slice|softmax|softplus|split|sqrt|squeeze|stack|sub|sum|t|tanh|"
    "transpose|tril|triu|unbind|unsqueeze|view|where|zeros"
)
"""What its exporter of today calls the first value of an operation; the next ones have a number, `embedding_1`."""
_REORDERED: Final = re.compile(
    r"val_\d+|(t|transpose|permute)(_\d+)?|.*/(Transpose|Reshape|Squeeze|Unsqueeze|Identity)[^/]*"
)
"""What both call a tensor that is another in another order."""
_WEIGHED: Final = frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm", "Gather", "LSTM", "GRU", "RNN", "PRelu"})
_RECURRENT: Final = frozenset({"LSTM", "GRU", "RNN"})
_PRODUCTS: Final = frozenset({"MatMul", "Gemm"})
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
        signed: whether it has a signature.
    """

    def __init__(
        self, model: ir.Model, known: Mapping[str, bool | None], made: Mapping[str, frozenset[str]], *, signed: bool
    ) -> None:
        self._held: Mapping[str, ir.Value] = model.graph.initializers
        self._said = dict(known)
        self._ours = model.producer_name == "pytorch"
        self._told = made.keys() | known.keys()
        self._made: dict[str, frozenset[str]] = {}
        self._exact: set[str] = set()
        self._first: dict[str, str] = {}
        self.known = dict(known)
        for name, value in self._held.items() if self._ours else ():
            if name in known or name not in made:
                continue
            if made[name] and signed:
                self._made[name] = frozenset(each for each in made[name] if known.get(each) is not None)
                if len(made[name]) == 1:
                    self._exact.add(name)
                trained = [known[each] for each in self._made[name]]
                self.known[name] = any(trained) if trained else None
            elif not made[name] and not _reads(value) & _WEIGHED and not any(map(_is_norm, _reads(value))):
                self.known[name] = None
        alone = {name for name, value in self._held.items() if self._ours and not signed and _is_number(value)}
        self.known |= {name: True for name in alone - made.keys() if not _is_the_exporters(name)}

    def again(self, weights: Mapping[str, Weight]) -> dict[str, Operator]:
        """Tensors that are a weight of the file once more, each as the operator that makes it of that."""
        found: dict[str, Operator] = {}
        if not self._ours:
            return found

        def is_other(name: str) -> bool:
            return name in weights and name not in found

        for name, value in self._held.items():
            source = self._source(name, value, is_other) if name in weights else ""
            if source and source in weights:
                turned = weights[name].shape == weights[source].shape[::-1] and len(weights[name].shape) == 2
                type_, domain = ("Transpose", "") if turned else ("Folded", OWN)
                found[name] = Operator(type_, (source,), (name,), {"perm": (1, 0)} if turned else {}, domain=domain)
        for name in weights:
            source = "" if name in found else self._cut_from(name, weights)
            if source:
                whole = found[source].inputs[0] if source in found else source
                found[name] = Operator("Folded", (whole,), (name,), domain=OWN)
        return found

    def _source(self, name: str, value: ir.Value, is_other: Callable[[str], bool]) -> str:
        """The weight that a tensor has all values of; among others, where that is not in the file itself."""
        made = self._made.get(name, frozenset())
        if len(made) == 1:
            (source,) = made
            first = source if source in self._held else self._first.setdefault(source, name)
            source = first if first == source or is_other(first) else name
            return source if source != name and _size(self._held[source]) == _size(value) else ""
        if not self.is_made(name) or not _reads(value) & _PRODUCTS:
            return ""
        return next((each for each in self._held if is_other(each) and self._is_turned(each, name)), "")

    def _is_turned(self, one: str, other: str) -> bool:
        """Whether a matrix is another with its axes exchanged, by their values."""
        shape = _shape(self._held[one])
        if one == other or len(shape) != 2 or _shape(self._held[other]) != shape[::-1]:
            return False
        turned, matrix = _array(self._held[one]), _array(self._held[other])
        return turned is not None and matrix is not None and bool((matrix == turned.T).all())

    def is_made(self, name: str) -> bool:
        """Whether an exporter has named a tensor, and the file does not say what it comes of."""
        return self._ours and name not in self._told and _is_the_exporters(name)

    def _cut_from(self, name: str, weights: Mapping[str, Weight]) -> str:
        """The tensor that one is some columns of: what projects to queries, keys and values is cut for them."""
        if not self.is_made(name) or not _reads(self._held[name]) & {*_PRODUCTS, "Add"}:
            return ""
        *rows, columns = weights[name].shape
        return next((each for each, other in weights.items() if [*other.shape[:-1]] == rows and
                     columns < other.shape[-1] and _is_cut(self._held[name], self._held[each])), "")  # fmt: skip

    def remarks(self, weights: Mapping[str, Weight], again: Mapping[str, Operator]) -> Iterator[str]:
        """What is to be known of numbers that are not those of the module."""
        if not self._ours:
            return
        many = Counter(each for name in weights for each in self._made.get(name, ()))
        odd = [name for name in weights if name not in again and weights[name].trainable and self._is_odd(name, many)]
        if odd:
            yield (f"{_tensors(odd, 'is', 'are')} as the exporter worked {'it' if len(odd) == 1 else 'them'} out of "
                   f"parameters, such as some rows of a table or a product of two: {_named(odd)}. The module may have "
                   "more or fewer there, and what it multiplies for them is in no row.")  # fmt: skip
        there = self._held.keys() | many.keys() | {each for made in again.values() for each in made.inputs}
        gone = [name for name, trained in self._said.items() if trained and name not in there]
        if gone:
            many_gone = (
                "1 parameter of the module is" if len(gone) == 1 else f"{len(gone):,} parameters of the module are"
            )
            yield (f"{many_gone} not in the file by that name: nothing that it gives needs them, or they are tied to "
                   f"others or worked into them: {_named(gone)}.")  # fmt: skip
        old = [(name, found["operator"]) for name in weights if (found := _OF_OLD.fullmatch(name))]
        folded = [name for name, operator in old if operator.startswith("Conv")]
        if folded:
            yield (f"{_tensors(folded, 'is', 'are')} weights of convolutions that the exporter worked out, as where it "
                   f"folds a batch norm in, whose parameters are then gone: {_named(folded)}.")  # fmt: skip
        others = [name for name in weights if name not in again and self._is_unknown(name)]
        if others:
            yield (f"{_tensors(others, 'has', 'have')} a name of the exporter's, and may be made of parameters or be a "
                   f"constant of the code, such as a mask: {_named(others)}. They count as parameters.")  # fmt: skip

        apart = [
            name for name in weights if name not in again and name not in others and self._is_unread(name, weights)
        ]
        if apart:
            yield (f"{_tensors(apart, 'lies', 'lie')} in another file, which is not read, under a name of the "
                   f"exporter's, and may be part of another or the same in another order: {_named(apart)}. They count "
                   "by themselves.")  # fmt: skip

    def _is_unread(self, name: str, weights: Mapping[str, Weight]) -> bool:
        """Whether a tensor may be another or part of it, by its shape, and there are no values to tell by."""
        if not self.is_made(name) or not _reads(self._held[name]) & _PRODUCTS:
            return False
        shape = weights[name].shape
        return any(
            _is_elsewhere(self._held[name]) or _is_elsewhere(self._held[each]) for each, other in weights.items()
            if each != name and len(shape) == len(other.shape) == 2
            and (other.shape == shape[::-1] or (other.shape[0] == shape[0] and other.shape[1] > shape[1]))
        )  # fmt: skip

    def _is_unknown(self, name: str) -> bool:
        """Whether a tensor may be anything that an exporter works out, and is no weight in another order."""
        if not self.is_made(name) or _size(self._held[name]) == 1:
            return False
        placed = _reads(self._held[name]) & _WEIGHED
        old = _OF_OLD.fullmatch(name)
        return not (old["operator"] in _WEIGHED if old else placed and _REORDERED.fullmatch(name))

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


def _is_number(value: ir.Value) -> bool:
    """Whether a tensor is one number with a point."""
    return _size(value) == 1 and value.dtype is not None and value.dtype.name.startswith(("FLOAT", "DOUBLE", "BFLOAT"))


def _is_the_exporters(name: str) -> bool:
    """Whether a tensor has no name of a module's, but one that an exporter or a program after it made."""
    return "/" in name or "::" in name or bool(_WORDS.fullmatch(name) or _NUMBERED.fullmatch(name))


def _is_cut(part: ir.Value, whole: ir.Value) -> bool:
    """Whether a tensor is neighbouring columns of another, by their values, which are not all the same."""
    one, two = _array(part), _array(whole)
    if one is None or two is None or not (one != one.flat[0]).any():
        return False
    columns = one.shape[-1]
    firsts = two.reshape(-1, two.shape[-1])[0, : two.shape[-1] - columns + 1]
    starts = (firsts == one.flat[0]).nonzero()[0].tolist()
    return any(bool((two[..., start : start + columns] == one).all()) for start in starts)


def _is_elsewhere(value: ir.Value) -> bool:
    """Whether a tensor lies in another file."""
    import onnx_ir as ir

    return isinstance(value.const_value, ir.ExternalTensor)


def _array(value: ir.Value) -> Any:
    """The values of a tensor that lie in the file itself."""
    held = value.const_value
    return None if held is None or _is_elsewhere(value) else held.numpy()


def _named(names: list[str]) -> str:
    shown = ", ".join(f"`{line(each)[:80]}`" for each in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED:,} more"
