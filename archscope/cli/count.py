"""``archscope count``: the total that another tool would print, and why it is not ours."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from archscope.cli.arguments import (
    Batch,
    Changes,
    Example,
    FactoryOptions,
    Inputs,
    Output,
    Spec,
    Strict,
    complete_names,
)
from archscope.cli.terminal import emit


def _complete_tool(incomplete: str) -> list[Any]:
    from archscope.conventions import TOOLS

    return complete_names({tool.name: tool.convention for tool in TOOLS.values()}, incomplete)


def command(
    spec: Spec,
    tools: Annotated[
        list[str] | None,
        typer.Option(
            "--as",
            metavar="TOOL",
            help="torchinfo, fvcore, thop, ptflops, calflops, deepspeed, keras, timm or torchvision. Repeatable; "
            "all of them if none is named.",
            autocompletion=_complete_tool,
            show_default=False,
        ),
    ] = None,
    format: Annotated[
        str, typer.Option("--format", "-f", metavar="FORMAT", help="table, markdown, csv or json.")
    ] = "table",
    changes: Changes = None,
    input: Inputs = None,
    example: Example = None,
    kwargs: FactoryOptions = None,
    batch: Batch = None,
    strict: Strict = False,
    output: Output = None,
) -> None:
    """Print the total that another tool would print for a network, and the way to it from ours.

    Tools count by conventions of their own: with the bias or without, two for a multiply-accumulate or one, norms
    and activations or not, attention missed. The total is derived from the analysis, every layer counted as PyTorch's
    module of its kind, of one sample at inference; no tool has to be installed. Where a tool is wrong it says so.

    \b
    archscope count resnet@50 --as thop
    archscope count dcgan@generator --as torchinfo --as fvcore
    archscope count mypkg.models:Net@3,224,224 --as ptflops --format json
    """
    import archscope
    from archscope.cli.opened import opened
    from archscope.conventions import TOOLS, count
    from archscope.formats.counts import write

    network = opened(spec, changes=changes, input=input, example=example, kwargs=kwargs, batch=batch, strict=strict)
    analysis = archscope.analyze(network)
    emit(write([count(analysis, tool) for tool in tools or TOOLS], format), output)
