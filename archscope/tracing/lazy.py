"""Modules with lazy layers, which have no shapes before they run: the same module, with layers that have them."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import is_lazy

from archscope.tracing.following import followed, given_names
from archscope.tracing.inputs import Call
from archscope.tracing.shadow import Shadow


def shaped(module: nn.Module, call: Call, called: str) -> nn.Module:
    """The module itself; one that has lazy layers stays lazy, and a copy whose layers took their shapes stands for it.

    All else in the copy holds the module's own tensors. What runs to find the shapes is a shadow, with values where the
    module has them, so that new layers begin as they would in the module.

    >>> import torch
    >>> shaped(nn.LazyLinear(2), Call((torch.ones(1, 3),)), "it")
    Linear(in_features=3, out_features=2, bias=True)
    """
    if not any(map(is_lazy, (*module.parameters(), *module.buffers()))):
        return module
    values = not all(each.is_meta for each in module.parameters())
    run = followed(module, call, given_names(module, call), called, values=values)
    copy = Shadow(lambda tensor: tensor)
    begun = dict(run.shadow.named_modules(remove_duplicate=False))
    own_code: list[tuple[nn.Module, nn.Module]] = []
    for path, each in module.named_modules(remove_duplicate=False):
        made = begun.get(path)
        own = {name: tensor for name, tensor in (*each._parameters.items(), *each._buffers.items()) if _waits(tensor)}
        if made is None or not own or not issubclass(type(each), LazyModuleMixin):
            continue
        del made.__dict__["forward"]  # that of the run, which watches it
        if "forward" in each.__dict__:
            own_code.append((each, made))
        copy.stands(each, made)
        for name, tensor in own.items():
            copy.stands(tensor, getattr(made, name))
    for each, made in own_code:  # it speaks of modules, each of which stands for another by now
        made.__dict__["forward"] = copy.of(each.__dict__["forward"])
    whole: nn.Module = copy.of(module)
    return whole


def _waits(tensor: Tensor | None) -> bool:
    """Whether a tensor has no shape yet."""
    return tensor is not None and is_lazy(tensor)


__all__ = ["shaped"]
