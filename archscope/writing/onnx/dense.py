"""Operators of ONNX for products with matrices, vectors that are looked up, learned values, mixtures of experts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from archscope.writing.onnx.pointwise import silu
from archscope.writing.onnx.sheet import Place

Form = Callable[[Place], str]


def _linear(place: Place) -> str:
    weight, bias = place.weight("weight"), place.weight("bias")
    if len(place.shape) == 1:
        return place.run("Gemm", place.taken[0], weight, bias, transB=1)
    return dense(place, place.taken[0], weight, bias)


def dense(place: Place, value: str, weight: str, bias: str) -> str:
    """A value at every position times a matrix that has its units in front, and their biases."""
    made = place.run("MatMul", value, place.transpose(weight, 1, 0))
    return place.run("Add", made, bias) if bias else made


def _bilinear(place: Place) -> str:
    units, left, right = (int(extent) for extent in place.facts.weights[0].shape)
    matrix = place.weight("weight", (left, units * right), lambda values: values.transpose(1, 0, 2))
    rest = place.shape[:-1]
    halfway = place.reshape(place.run("MatMul", place.taken[0], matrix), *rest, units, right)
    turned = place.run("Unsqueeze", place.taken[1], place.whole(-1))
    made = place.run("Squeeze", place.run("MatMul", halfway, turned), place.whole(-1))
    return place.run("Add", made, place.weight("bias")) if place.has("bias") else made


def _rbf(place: Place) -> str:
    apart = place.run("Sub", place.run("Unsqueeze", place.taken[0], place.whole(-2)), place.weight("weight"))
    return place.run("ReduceSum", place.run("Mul", apart, apart), place.whole(-1), keepdims=0)


def _embedding(place: Place) -> str:
    return place.run("Gather", place.weight("weight"), place.taken[0])


def _embedding_bag(place: Place) -> str:
    vectors = place.run("Gather", place.weight("weight"), place.taken[0])
    if len(place.taken) > 1:
        vectors = place.run("Mul", vectors, place.run("Unsqueeze", place.taken[1], place.whole(-1)))
    reduce = {"mean": "ReduceMean", "sum": "ReduceSum", "max": "ReduceMax"}[place.layer.mode]
    return place.run(reduce, vectors, place.whole(-2), keepdims=0)


def _parameter(place: Place) -> str:
    return place.expand(place.weight("weight"), place.output)


def _constant(place: Place) -> str:
    return place.expand(place.constant(place.layer.value), place.output)


def _experts(place: Place) -> str:
    """Each position times copies of the matrices of its experts: as many products as the layer has, and no more."""
    layer, features = place.layer, place.shape[-1]
    rows = place.run("Reshape", place.taken[0], place.whole(-1, features))
    routed = place.run("Gemm", rows, place.weight("router.weight"), place.weight("router.bias"), transB=1)
    best = place.whole(layer.top_k)
    share, chosen = place.run_all("TopK", place.run("Softmax", routed, axis=-1), best, outputs=2, axis=-1)
    share = place.run("Div", share, place.run("ReduceSum", share, place.whole(-1), keepdims=1))
    column = place.run("Unsqueeze", rows, place.whole(1, 3))
    hidden = _of_experts(place, column, chosen, "up_proj")
    if layer.gated:
        gate = _function(place, _of_experts(place, column, chosen, "gate_proj"))
        hidden = place.run("Mul", gate, hidden)
    else:
        hidden = _function(place, hidden)
    made = place.run("Squeeze", _of_experts(place, hidden, chosen, "down_proj"), place.whole(-1))
    weighed = place.run("Mul", made, place.run("Unsqueeze", share, place.whole(-1)))
    total = place.run("ReduceSum", weighed, place.whole(1), keepdims=0)
    if layer.num_shared_experts:
        total = place.run("Add", total, _shared(place, rows))
    return place.run("Reshape", total, place.whole(-1, *place.shape))


def _of_experts(place: Place, column: str, chosen: str, name: str) -> str:
    """What the chosen experts' matrices make of a column each."""
    made = place.run("MatMul", place.run("Gather", place.weight(name), chosen), column)
    bias = place.weight(f"{name}_bias")
    if not bias:
        return made
    return place.run("Add", made, place.run("Unsqueeze", place.run("Gather", bias, chosen), place.whole(-1)))


def _shared(place: Place, rows: str) -> str:
    """What the experts make that run at every position."""

    def gemm(value: str, name: str) -> str:
        own = f"shared_experts.{name}_proj"
        return place.run("Gemm", value, place.weight(f"{own}.weight"), place.weight(f"{own}.bias"), transB=1)

    hidden = gemm(rows, "up")
    if place.layer.gated:
        return gemm(place.run("Mul", _function(place, gemm(rows, "gate")), hidden), "down")
    return gemm(_function(place, hidden), "down")


def _function(place: Place, value: str) -> str:
    kind = place.layer.nonlinearity
    return silu(place, value) if kind == "silu" else place.run({"gelu": "Gelu", "relu": "Relu"}[kind], value)


FORMS: Final[Mapping[str, Form]] = MappingProxyType({
    "linear": _linear,
    "bilinear": _bilinear,
    "rbf": _rbf,
    "embedding": _embedding,
    "embedding_bag": _embedding_bag,
    "parameter": _parameter,
    "constant": _constant,
    "mixture_of_experts": _experts,
})  # fmt: skip
"""The operators of each, from its place; the value they make."""
