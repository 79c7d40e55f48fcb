"""Operators of ONNX Runtime's that are several of ONNX's in one, as its optimised files have them: written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

_MICROSOFT: Final = "com.microsoft"
_OF_ACTIVATION: Final[Mapping[str, tuple[str, ...]]] = {
    "Relu": (), "Tanh": (), "Sigmoid": (), "LeakyRelu": ("alpha",), "HardSigmoid": ("alpha", "beta"),
}  # fmt: skip
"""Activations that a product may have, and what its parameters are."""
_GELU_SINCE: Final = 20
"""The opset that has GELU."""


class _Unfit(Exception):
    """An operator of which not all is known."""


class _Parts:
    """What one operator is written out as.

    Args:
        node: it.
        opset: which of ONNX's operators there are.
    """

    def __init__(self, node: Any, opset: int) -> None:
        self.node, self.opset = node, opset
        self.made: list[Any] = []
        self.said = {each.name: each for each in node.attribute}

    def input(self, place: int) -> str:
        return str(self.node.input[place]) if place < len(self.node.input) else ""

    def number(self, name: str, usual: float) -> float:
        found = self.said.get(name)
        return usual if found is None else float(found.f or found.i)

    def add(self, type_: str, *inputs: str, last: bool = False, keep: tuple[str, ...] = (), **attributes: Any) -> str:
        """One of ONNX's operators; the name of what it makes."""
        import onnx

        name = self.node.output[0] if last else f"{self.node.output[0]}.{len(self.made)}"
        made = onnx.helper.make_node(type_, [*inputs], [name], name=self.node.name, **attributes)
        made.attribute.extend(self.said[each] for each in keep if each in self.said)
        made.metadata_props.extend(self.node.metadata_props)
        self.made.append(made)
        return name


def _activated(parts: _Parts, type_: str, inputs: tuple[str, ...]) -> None:
    """A product and its activation."""
    activation = parts.said["activation"].s.decode() if "activation" in parts.said else ""
    numbers = [*parts.said["activation_params"].floats] if "activation_params" in parts.said else []
    keep = tuple(name for name in parts.said if not name.startswith("activation"))
    if not activation:
        parts.add(type_, *inputs, keep=keep, last=True)
        return
    if activation not in _OF_ACTIVATION:
        raise _Unfit
    names = _OF_ACTIVATION[activation]
    numbers += [parts.number(f"activation_{name}", 0.01) for name in names[len(numbers) :]]
    made = parts.add(type_, *inputs, keep=keep)
    parts.add(activation, made, last=True, **dict(zip(names, numbers, strict=False)))


def _conv(parts: _Parts) -> None:
    if parts.input(3):  # a sum comes before the activation
        raise _Unfit
    _activated(parts, "Conv", tuple(parts.node.input[:3]))


def _gemm(parts: _Parts) -> None:
    _activated(parts, "Gemm", tuple(parts.node.input))


def _gelu(parts: _Parts, *, approximate: str, biased: bool) -> None:
    value = parts.input(0)
    value = parts.add("Add", value, parts.input(1)) if biased and parts.input(1) else value
    if parts.opset >= _GELU_SINCE:
        parts.add("Gelu", value, last=True, approximate=approximate)
    else:
        parts.add("Gelu" if approximate == "none" else "FastGelu", value, last=True, domain=_MICROSOFT)


def _skipped(parts: _Parts, *, simplified: bool = False) -> None:
    """A sum of two, and perhaps of a constant, and a norm of it; the sum itself may be handed out as well."""
    if any(parts.node.output[1:3]) or len(parts.input(2)) == 0:
        raise _Unfit
    value, told = parts.add("Add", parts.input(0), parts.input(1)), tuple(parts.node.output[3:4])
    shift, bias = ("", parts.input(3)) if simplified else (parts.input(3), parts.input(4))
    value = parts.add("Add", value, bias) if bias else value
    if any(told):
        parts.made[-1].output[0] = value = told[0]
    norm = "SimplifiedLayerNormalization" if simplified else "LayerNormalization"
    parts.add(norm, value, *filter(None, (parts.input(2), shift)), last=True, axis=-1, keep=("epsilon",))


_WRITTEN: Final[Mapping[str, Callable[[_Parts], None]]] = {
    "FusedConv": _conv,
    "FusedGemm": _gemm,
    "SkipLayerNormalization": _skipped,
    "SkipSimplifiedLayerNormalization": lambda parts: _skipped(parts, simplified=True),
    "FastGelu": lambda parts: _gelu(parts, approximate="tanh", biased=True),
    "BiasGelu": lambda parts: _gelu(parts, approximate="none", biased=True),
}
"""Operators by name, and what writes each out."""


def written_out(model: Any) -> None:
    """Put ONNX's own operators in the place of those of ONNX Runtime's that are several in one."""
    graph = model.graph
    if not any(node.domain == _MICROSOFT and node.op_type in _WRITTEN for node in graph.node):
        return
    opset = max((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), default=0)
    nodes = [each for node in graph.node for each in _of(node, opset)]
    del graph.node[:]
    graph.node.extend(nodes)


def _of(node: Any, opset: int) -> Iterator[Any]:
    write = _WRITTEN.get(node.op_type) if node.domain == _MICROSOFT and node.output and node.output[0] else None
    if write is None:
        yield node
        return
    parts = _Parts(node, opset)
    try:
        write(parts)
    except _Unfit:
        parts.made = [node]
    yield from parts.made
