"""``archscope curve``: how a cost grows with one of a network's numbers."""

from __future__ import annotations

from typing import Annotated

import typer

from archscope.cli.arguments import Changes, Inputs, Output, Spec, Strict
from archscope.cli.memory import drawn
from archscope.cli.terminal import PICTURES, TEXTS, emit, format_for


def command(
    spec: Spec,
    over: Annotated[
        str,
        typer.Option(
            "--over",
            metavar="NAME=FIRST..LAST",
            help="What grows, from where to where, doubling: batch, an axis of the input such as length or "
            "resolution, or an option such as C1.out_channels.",
        ),
    ],
    quantities: Annotated[
        str,
        typer.Option(
            "--quantities",
            "-q",
            metavar="NAME,...",
            help="macs, flops, parameters, connections, units; weight_bytes, saved_bytes (for the backward pass) and "
            "cache_bytes (of generation) in float32.",
        ),
    ] = "macs",
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="table, csv, json, markdown, html, latex; svg, png, pdf for a plot. By default what the suffix of "
            "--output says, else a table.",
            show_default=False,
        ),
    ] = None,
    changes: Changes = None,
    input: Inputs = None,
    strict: Strict = False,
    output: Output = None,
) -> None:
    """Work out how a cost grows, and where a square overtakes what is linear.

    Every size is worked out by the layers' rules. Where the numbers are a polynomial on all sizes it is printed too.

    \b
    archscope curve gpt2@small --over length=128..32768 --quantities macs,saved_bytes
    archscope curve gpt2@small --over length=128..32768 -q macs,cache_bytes -o length.svg
    archscope curve lenet5 --over batch=1..1024 -q saved_bytes -o batch.csv
    """
    from archscope.cli.opened import opened
    from archscope.curves import curve
    from archscope.formats.curve import write

    name, first, last = _range(over)
    chosen = format_for(format, output, {**TEXTS, **PICTURES})
    network = opened(spec, changes=changes, input=input, strict=strict)
    grown = curve(network, name, first, last, [each.strip() for each in quantities.split(",") if each.strip()])
    if chosen not in PICTURES.values():
        return emit(write(grown, chosen), output)
    from archscope.diagrams import plot
    from archscope.diagrams.themes import theme

    return drawn(
        lambda: plot.curve(grown.name, grown.over, grown.values, grown.lines, grown.overtaken, theme("light")),
        chosen,
        output,
    )


def _range(text: str) -> tuple[str, int, int]:
    """``length=128..32768`` as a name and two numbers."""
    import re

    from archscope.errors import UsageError

    found = re.fullmatch(r"\s*([^=\s]+)\s*=\s*([\d_]{1,12})\s*\.\.\s*([\d_]{1,12})\s*", text)
    if found is None or not all(each.strip("_") for each in found.groups()):
        raise UsageError(f"`--over {text}`: write a name and two numbers, such as `length=128..32768`")
    return found[1], int(found[2].replace("_", "")), int(found[3].replace("_", ""))
