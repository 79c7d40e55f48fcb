"""A network by what a person calls it on a command line: a spec, or a module of their own."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archscope.errors import UsageError, require_torch
from archscope.network import Network
from archscope.reader import load

if TYPE_CHECKING:
    from torch import nn

_FACTORY: Final = re.compile(r"(?P<factory>[A-Za-z_][\w.]*:[A-Za-z_][\w.]*)(?:@(?P<shapes>.*))?")


def open_network(
    spec: str | os.PathLike[str],
    *,
    changes: Mapping[str, Any] | Sequence[str] = (),
    input: Sequence[int] | str | None = None,
    strict: bool = False,
) -> Network:
    """Read a spec by name or path, or trace what ``package.module:factory`` makes.

    A module is named with the shape of its input, ``mypkg.models:AlexNet@3,224,224``, or gets it from ``input``;
    the shapes of several inputs are joined by ``+``.

    Args:
        spec: the spec, or the factory.
        changes: options of a spec to change first, as in `archscope.load`.
        input: the input's shape, ``(1, 28, 28)`` or ``"1,28,28"``.
        strict: whether the warnings about a spec are mistakes.

    Raises:
        NotFound: there is no such spec.
        SpecError: the spec has mistakes.
        UsageError: the factory cannot be called, or its module does not run; a shape is missing.
        MissingExtra: PyTorch is needed for a module, and is not installed.

    >>> open_network("lenet5").title
    'LeNet-5'
    """
    named = None if Path(spec).exists() else _FACTORY.fullmatch(os.fspath(spec))
    if named is None:
        return load(spec, changes=changes, input=input, strict=strict)
    factory, stated = named["factory"], named["shapes"]
    if changes:
        raise UsageError(f"`--set` changes a spec, and `{factory}` is a module; change its code, or write a spec of it")
    return _traced(factory, _shapes(factory, stated if input is None else input))


def _shapes(factory: str, stated: Sequence[int] | str | None) -> list[tuple[int, ...]]:
    if stated is None or stated == "":
        raise UsageError(f"`{factory}` does not say what it takes; state the shape of its input without the batch: "
                         f"{factory}@3,224,224")  # fmt: skip
    if not isinstance(stated, str):
        return [tuple(stated)]
    try:
        shapes = [tuple(int(extent) for extent in shape.split(",")) for shape in stated.split("+")]
    except ValueError:
        shapes = []
    if not shapes or any(extent < 1 for shape in shapes for extent in shape):
        raise UsageError(f"`{stated}` is no shape; write whole numbers with commas, channels first: 3,224,224")
    return shapes


def _traced(factory: str, shapes: Sequence[Sequence[int]]) -> Network:
    """The module on meta, where a large network costs nothing; on the CPU, if it will not be made or run there."""
    require_torch(f"reading `{factory}`")
    from archscope.tracing.factory import Factory
    from archscope.tracing.following import trace_module
    from archscope.tracing.inputs import Call, Given

    maker = Factory(factory)
    name = factory.rpartition(":")[2].rpartition(".")[2]
    path = f"{factory}@{'+'.join(','.join(str(extent) for extent in shape) for shape in shapes)}"
    call = Call(tuple(Given(tuple(shape)) for shape in shapes))
    if maker.makes:
        # Some code looks at values, and meta has none; the CPU shows whether that was it.
        with contextlib.suppress(UsageError):
            return trace_module(maker.module("meta"), call, name, path)
    return trace_module(_begun(maker.module(), shapes, factory), call, name, path)


def _begun(module: nn.Module, shapes: Sequence[Sequence[int]], factory: str) -> nn.Module:
    """A module whose lazy layers have their shapes: it has run once."""
    import torch
    from torch.nn.parameter import is_lazy

    from archscope.tracing.factory import raised
    from archscope.tracing.strangers import heard_apart

    if any(is_lazy(each) for each in module.parameters()):
        try:
            with torch.no_grad(), heard_apart():
                module(*(torch.zeros(1, *shape) for shape in shapes))
        except (Exception, SystemExit) as error:
            raise UsageError(f"the module of `{factory}` raised {raised(error)}") from error
    return module
