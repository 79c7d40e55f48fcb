"""``archscope table``: every number about a network."""

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
from archscope.cli.terminal import TEXTS, color, emit, format_for, width


def _complete_format(incomplete: str) -> list[Any]:
    from archscope.formats import FORMATS

    return complete_names(FORMATS, incomplete)


def _complete_columns(incomplete: str) -> list[Any]:
    from archscope.formats.columns import COLUMNS

    done, comma, last = incomplete.rpartition(",")
    return [(done + comma + column.name, column.doc) for column in COLUMNS.values() if column.name.startswith(last)]


def command(
    spec: Spec,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="table, markdown, csv, json, html or latex. By default what the suffix of --output says, "
            "else a table for the terminal.",
            autocompletion=_complete_format,
            show_default=False,
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--columns",
            "-c",
            metavar="NAME,...",
            help="Which columns, in which order: type, label, activation, kernel, inputs, input, output, weights, "
            "shares, parameters, fixed, connections, connections_in_bounds, macs, flops, units, activation_bytes, "
            "saved_bytes, temporary_bytes, "
            "receptive_field, jump, start, dense_equivalent, tower, group.",
            autocompletion=_complete_columns,
            show_default=False,
        ),
    ] = None,
    working: Annotated[bool, typer.Option("--working", help="Show the arithmetic behind every count.")] = False,
    every_node: Annotated[
        bool,
        typer.Option(
            "--all", help="A line for every node: activations and the copies on towers on lines of their own."
        ),
    ] = False,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth",
            metavar="N",
            help="A line for every block with its sums instead of one for every layer: 1 for the outermost blocks; "
            "equal blocks in series are one line, ×N.",
            show_default=False,
        ),
    ] = None,
    changes: Changes = None,
    input: Inputs = None,
    example: Example = None,
    kwargs: FactoryOptions = None,
    batch: Batch = None,
    strict: Strict = False,
    symbolic: Annotated[
        str | None,
        typer.Option(
            "--symbolic",
            metavar="NAME,...",
            help="Leave these numbers open and print formulas in them: batch, an axis of the input (length, height, "
            "channels, resolution for both sides of a square), cached for one more token while so many are cached, an "
            "option (C1.out_channels) or a name of the spec's let (d).",
            show_default=False,
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="NAME=NUMBER,...",
            help="Put other numbers in the places that --symbolic can open: `--at batch=8,length=4096`.",
            show_default=False,
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Print every number about a network, layer by layer.

    The activation named on a layer is folded into its line. Numbers are exact and of one sample; a dash is a
    number that is not covered, with the reason below the table. A terminal that is too narrow for all columns
    says which ones it left out.

    \b
    archscope table lenet5
    archscope table lenet5 --working
    archscope table alexnet --symbolic resolution
    archscope table lenet5 --set C1.padding=2 --input 1,28,28
    archscope table alexnet --columns output,macs,connections_in_bounds,tower
    archscope table alexnet -o alexnet.tex
    archscope table resnet@50 --depth 1
    archscope table ./mine.yaml --format json | jq .totals
    """
    import archscope
    from archscope import formulas
    from archscope.cli.opened import foretell, opened
    from archscope.formats import View, write

    chosen = format_for(format, output, TEXTS)
    network = opened(spec, changes=changes, input=input, example=example, kwargs=kwargs, batch=batch, strict=strict)
    if depth is None:
        foretell("table", network)
    if at is not None:
        network = formulas.at(network, _numbers(at))
    analysis = archscope.analyze(network)
    if symbolic is not None:
        analysis = analysis.symbolic(*(name.strip() for name in symbolic.split(",")))
    view = View(
        columns=_names(columns),
        working=working,
        every_node=every_node,
        depth=depth,
        width=None if output else width(),
        color=False if output else color(),
    )
    emit(write(analysis, chosen, view), output)


def _names(columns: list[str] | None) -> tuple[str, ...] | None:
    if not columns:
        return None
    return tuple(name.strip() for each in columns for name in each.split(",") if name.strip())


def _numbers(text: str) -> dict[str, int]:
    """``batch=8,length=4096`` as numbers by name."""
    from archscope.errors import UsageError

    numbers = {}
    for part in text.split(","):
        name, equals, number = (each.strip() for each in part.partition("="))
        if not equals or not number.replace("_", "").isdecimal() or len(number) > 12:
            raise UsageError(f"`--at {part.strip()}`: write a name and a whole number, such as `length=4096`")
        if name in numbers:
            raise UsageError(f"`--at {text}` says `{name}` twice")
        numbers[name] = int(number)
    return numbers
