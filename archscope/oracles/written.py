"""The class that `archscope code` writes, run on its own: its parameters, and what its operations multiply.

It is text that knows nothing of archscope, so what is written here is what a reader gets. Each operation that reaches
PyTorch's dispatcher is counted by its shapes; the layers' rules have no part in that. Layers that PyTorch does not have
are written with weights of the shapes that the rules state, so of their parameters the built module is to be asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from archscope.errors import ArchscopeError
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared, not_covered

if TYPE_CHECKING:
    from torch import Tensor, nn

NAME: Final = "source"


def observe(case: Case) -> Iterator[Finding]:
    """Write the class, make it on meta unless the network is small, and run it once."""
    from archscope.writing.listing import class_name
    from archscope.writing.pytorch import write_pytorch

    try:
        module = made(write_pytorch(case.network), class_name(case.network), case.device)
    except ArchscopeError as error:
        yield not_covered(NAME, None, "parameters", f"it cannot be written: {error}")
        return
    except RecursionError:
        yield not_covered(NAME, None, "parameters", "an expression of it has more operands than Python compiles")
        return
    values = sum(each.numel() for each in module.parameters() if each.requires_grad)
    yield compared(NAME, None, "parameters", case.analysis.totals.parameters, values)
    macs, unknown = multiplied(module, case.inputs())
    if case.analysis.totals.macs is None:
        yield not_covered(NAME, None, "macs", "the products of the network are not known")
    elif unknown:
        yield not_covered(NAME, None, "macs", f"nothing is known of {', '.join(sorted(unknown))}")
    else:
        yield compared(NAME, None, "macs", case.analysis.totals.macs, macs)


def made(text: str, name: str, device: str) -> nn.Module:
    """The class of that name, made on a device; nobody's random numbers are used up."""
    import torch

    from archscope.tracing.strangers import keeping_random

    names: dict[str, Any] = {"__name__": "written"}
    exec(compile(text, f"<source of {name}>", "exec"), names)  # noqa: S102 - archscope has just written it
    with keeping_random(), torch.device(device):
        module: nn.Module = names[name]()
    return module.eval()


def multiplied(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[int, set[str]]:
    """What the operations of one run multiply, and those of which nothing is known."""
    import torch

    from archscope.oracles.census import Census
    from archscope.oracles.flops import spelled_out

    with torch.no_grad(), spelled_out(), Census() as census:
        module(*inputs)
    return census.macs, census.unknown
