"""Modules of archscope's own that an exported program has as their operations, by the class that it names for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import torch
from torch import nn

from archscope.building import modules, padding, sequences

_ATEN: Final = torch.ops.aten


class Remade(NamedTuple):
    """A module as a part of a program has it written out.

    Attributes:
        module: what it was.
        reads: the places of its inputs among what the part is given.
        mask: that of its mask, where it is given one.
    """

    module: nn.Module
    reads: tuple[int, ...] = (0,)
    mask: int | None = None


def remade(written: Any) -> Remade | None:
    """The module that a part of a program was; None where it is, or holds, something else."""
    make = _MAKES.get(str(getattr(written, "_ty", "")))
    if make is None:
        return None
    held = dict(written.named_parameters(remove_duplicate=False))
    try:
        found = make(list(written.graph.nodes), held)
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError):  # what no such module has
        return None
    if found is None:
        return None
    own = dict(found.module.named_parameters())
    if {name: each.shape for name, each in own.items()} != {name: each.shape for name, each in held.items()}:
        return None
    for name in own:
        owner, _, last = name.rpartition(".")
        setattr(found.module.get_submodule(owner), last, held[name])
    return found


def _calls(nodes: list[Any], *targets: Any) -> list[Any]:
    return [each for each in nodes if each.target in targets]


def _cut(nodes: list[Any], held: Mapping[str, Any]) -> Remade | None:
    """A transposed convolution whose output is cut by unequal sides."""
    ran = [each for each in nodes if each.op == "call_function"]
    if len(ran) != 2 or ran[0].target not in _CONVOLUTIONS or ran[1].target is not _ATEN.pad.default:
        return None
    given: Any = ran[0].args[3:]
    options = dict(zip(("stride", "padding", "output_padding", "groups", "dilation"), given, strict=False))
    around: Any = ran[1].args[1]
    pairs = list(zip(around[::2], around[1::2], strict=True))[::-1]  # PyTorch has the last axis first
    if any(options.pop("padding", ())) or max(around) > 0:
        return None
    options = {name: tuple(each) if isinstance(each, list) else each for name, each in options.items()}
    wide, deep, *kernel = held["weight"].shape
    kind = _CONVOLUTIONS[ran[0].target]
    return Remade(kind(
        wide, deep * options.get("groups", 1), tuple(kernel), **options, bias="bias" in held,
        sides=tuple((-one, -other) for one, other in pairs), device="meta",
    ))  # fmt: skip


def _experts(nodes: list[Any], held: Mapping[str, Any]) -> Remade:
    """Experts, of which those run that a router chooses."""
    (chosen,) = _calls(nodes, _ATEN.topk.default)
    names = {str(each.target).removeprefix("aten.").partition(".")[0] for each in nodes if each.op == "call_function"}
    (nonlinearity,) = names & {"silu", "gelu", "relu"}
    experts, hidden, features = held["up_proj"].shape
    shared = held.get("shared_experts.up_proj.weight")
    return Remade(modules.Experts(
        features, experts, chosen.args[1], hidden, gated="gate_proj" in held, nonlinearity=nonlinearity,
        shared=0 if shared is None else shared.shape[0] // hidden, bias="up_proj_bias" in held,
        router_bias="router.bias" in held,
    ))  # fmt: skip


def _grouped(nodes: list[Any], held: Mapping[str, Any]) -> Remade:
    """Attention whose heads have a width of their own, or share keys and values."""
    placed = [each for each in nodes if each.op == "placeholder"]
    called = [next(each for each in nodes if each.target == f"{name}_proj") for name in "qkv"]
    heads, groups, _ = (next(iter(each.users)).args[2][0] for each in called)
    (seen,) = _calls(nodes, _ATEN.scaled_dot_product_attention.default)
    mask = seen.args[3] if len(seen.args) > 3 else None
    while mask is not None and mask.op != "placeholder":
        (mask,) = mask.all_input_nodes
    wide = [held[f"{name}_proj.weight"].shape for name in "qkv"]
    words = {"query": "q", "key": "k", "value": "v", "output": "out"}
    module = sequences.GroupedAttention(
        held["out_proj.weight"].shape[0], heads, groups, wide[0][0] // heads,
        bias=[word for word, name in words.items() if f"{name}_proj.bias" in held],
        causal=bool(seen.kwargs.get("is_causal", len(seen.args) > 5 and seen.args[5])),
        kdim=wide[1][1], vdim=wide[2][1],
    )  # fmt: skip
    reads = [placed.index(each.args[0]) for each in called]
    reads = reads if len({*reads}) > 1 else reads[:1]
    return Remade(module, tuple(reads), None if mask is None else placed.index(mask))


_CONVOLUTIONS: Final[Mapping[Any, type[Any]]] = MappingProxyType({
    _ATEN.conv_transpose1d.default: padding.CroppedConvTranspose1d,
    _ATEN.conv_transpose2d.input: padding.CroppedConvTranspose2d,
    _ATEN.conv_transpose3d.input: padding.CroppedConvTranspose3d,
})  # fmt: skip
"""What runs before the output is cut, and the class."""

_CLASSES: Final[Sequence[tuple[type[Any], Callable[[list[Any], Mapping[str, Any]], Remade | None]]]] = (
    *((each, _cut) for each in _CONVOLUTIONS.values()),
    (modules.Experts, _experts),
    (sequences.GroupedAttention, _grouped),
)
_MAKES: Final = MappingProxyType({f"{kind.__module__}.{kind.__qualname__}": make for kind, make in _CLASSES})
"""What a program calls each class, and what makes one."""


__all__ = ["Remade", "remade"]
