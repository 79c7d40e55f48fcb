"""Layers that are one expression in PyTorch, by the class of `archscope.building` that is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

Form = Callable[[Any], str]


def _axis(dim: int) -> int:
    """An axis counted without the batch, counted with it."""
    return dim + 1 if dim >= 0 else dim


def _axes(place: Any, dims: Sequence[int]) -> tuple[int, ...]:
    return tuple(dim % len(place.shape) + 1 for dim in dims)


def _permute(place: Any) -> str:
    return f"{place.taken[0]}.permute{(0, *_axes(place, place.layer.dims))}"


def _transpose(place: Any) -> str:
    return f"{place.taken[0]}.transpose({_axis(place.layer.dim0)}, {_axis(place.layer.dim1)})"


def _squeeze(place: Any) -> str:
    ones = [axis for axis, extent in enumerate(place.shape) if extent == 1]
    axes = _axes(place, ones if place.layer.dim is None else place.layer.dim)
    return f"{place.taken[0]}.squeeze({axes[0] if len(axes) == 1 else axes})"


def _slice(place: Any) -> str:
    layer = place.layer
    start, end = layer.start or "", "" if layer.end is None else layer.end
    along = f"{start}:{end}" + (f":{layer.step}" if layer.step > 1 else "")
    axis = _axes(place, [layer.dim])[0]
    return f"{place.taken[0]}[{', '.join([':'] * axis + [along])}]"


def _parts(place: Any) -> str:
    layer, axis = place.layer, _axis(place.layer.dim)
    if layer.many == 1:
        return str(place.taken[0])
    sizes = layer.chunks if layer.type == "chunk" else list(layer.split_size)
    return f"{place.taken[0]}.{layer.type}({sizes}, dim={axis})"


def _crop(place: Any) -> str:
    wanted = [int(extent) for extent in place.facts.output[1:]]
    first = [(size - made) // 2 for size, made in zip(place.shape[1:], wanted, strict=True)]
    if place.layer.offset is not None:
        first = list(place.layer.offset) * (len(wanted) if len(place.layer.offset) == 1 else 1)
    along = ", ".join(f"{start}:{start + made}" for start, made in zip(first, wanted, strict=True))
    return f"{place.taken[0]}[:, :, {along}]"


def _reduced(name: str) -> Form:
    def form(place: Any) -> str:
        axes = _axes(place, place.layer.dim)
        keep = ", keepdim=True" if place.layer.keepdim else ""
        return f"{place.taken[0]}.{name}({axes[0] if len(axes) == 1 else axes}{keep})"

    return form


def _spread(name: str) -> Form:
    def form(place: Any) -> str:
        axes, layer = _axes(place, place.layer.dim), place.layer
        keep = ", keepdim=True" if layer.keepdim else ""
        return f"{place.taken[0]}.{name}({axes[0] if len(axes) == 1 else axes}, correction={layer.correction}{keep})"

    return form


def _normalize(place: Any) -> str:
    layer = place.layer
    return f"F.normalize({place.taken[0]}, p={layer.p!r}, dim={_axis(layer.dim)}, eps={layer.eps!r})"


def _scale(place: Any) -> str:
    layer, value = place.layer, place.taken[0]
    scaled = value if layer.factor == 1 else f"{value} * {layer.factor!r}"
    return f"{scaled} + {layer.shift!r}" if layer.shift else scaled


def _gated(function: str) -> Form:
    def form(place: Any) -> str:
        value, axis = place.taken[0], _axes(place, [place.layer.dim])[0]
        half = int(place.facts.output[axis - 1])
        before = ", ".join([":"] * axis)
        return f"{value}[{before}, :{half}] * F.{function}({value}[{before}, {half}:])"

    return form


def _maxout(place: Any) -> str:
    axis = _axes(place, [place.layer.dim])[0]
    return f"{place.taken[0]}.unflatten({axis}, (-1, {place.layer.pieces})).amax({axis + 1})"


FORMS: Final[Mapping[str, Form]] = MappingProxyType({
    "Permute": _permute,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": lambda place: f"{place.taken[0]}.unsqueeze({_axis(place.layer.dim)})",
    "Expand": lambda place: f"{place.taken[0]}.expand{(-1, *place.layer.size)}",
    "Slice": _slice,
    "Select": lambda place: f"{place.taken[0]}.select({_axis(place.layer.dim)}, {place.layer.index})",
    "Split": _parts,
    "Chunk": _parts,
    "Crop": _crop,
    "Mean": _reduced("mean"),
    "Sum": _reduced("sum"),
    "Max": _reduced("amax"),
    "Min": _reduced("amin"),
    "LogSumExp": _reduced("logsumexp"),
    "Var": _spread("var"),
    "Std": _spread("std"),
    "Repeat": lambda place: f"{place.taken[0]}.repeat{(1, *place.layer.repeats)}",
    "Roll": lambda place: f"{place.taken[0]}.roll({place.layer.shifts}, {_axes(place, place.layer.dims)})",
    "Normalize": _normalize,
    "Maximum": lambda place: f"torch.maximum({', '.join(place.taken)})",
    "Minimum": lambda place: f"torch.minimum({', '.join(place.taken)})",
    "Pow": lambda place: " ** ".join(place.taken),
    "Stack": lambda place: f"torch.stack([{', '.join(place.taken)}], dim={_axis(place.layer.dim)})",
    "Subtract": lambda place: " - ".join(place.taken),
    "Divide": lambda place: " / ".join(place.taken),
    "Abs": lambda place: f"{place.taken[0]}.abs()",
    "Exp": lambda place: f"{place.taken[0]}.exp()",
    "Log": lambda place: f"{place.taken[0]}.log()",
    "Sqrt": lambda place: f"{place.taken[0]}.sqrt()",
    "Power": lambda place: f"{place.taken[0]} ** {place.layer.exponent!r}",
    "Scale": _scale,
    "GEGLU": _gated("gelu"),
    "SwiGLU": _gated("silu"),
    "ReGLU": _gated("relu"),
    "Maxout": _maxout,
})  # fmt: skip
"""The expression of each."""
