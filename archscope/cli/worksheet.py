"""``archscope worksheet``: a network's table with empty cells, to be filled in by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archscope.cli.arguments import Changes, Example, FactoryOptions, Inputs, Spec, Strict
from archscope.cli.terminal import complain, emit

if TYPE_CHECKING:
    from archscope.classroom import Sheet

Blank = Annotated[
    str | None,
    typer.Option(
        "--blank",
        metavar="NAME,...",
        help="What is left empty: output, parameters, fixed, connections, macs, flops, units, receptive_field. By "
        "default output, parameters, connections and macs.",
        show_default=False,
    ),
]

Layers = Annotated[
    str | None,
    typer.Option(
        "--layers", metavar="A..B,...", help="The layers on the sheet: `C1..F6`, `C1,C3`.", show_default=False
    ),
]


def command(
    spec: Spec,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="A sheet as .md, .tex, .pdf, .docx or .ipynb, or a form to answer on as .csv or .xlsx; of several, "
            "`{seed}` in its name is the seed. Without it Markdown is printed.",
            show_default=False,
        ),
    ] = None,
    blank: Blank = None,
    layers: Layers = None,
    vary: Annotated[
        str | None,
        typer.Option(
            "--vary",
            metavar="SEED",
            help="Other kernel sizes, channels and paddings: a sheet for each seed, `7`, or for many, `1..40`.",
            show_default=False,
        ),
    ] = None,
    key: Annotated[bool, typer.Option("--key", help="The answers, with every working.")] = False,
    changes: Changes = None,
    input: Inputs = None,
    example: Example = None,
    kwargs: FactoryOptions = None,
    strict: Strict = False,
) -> None:
    """Write a worksheet: a network's layers with empty cells for their numbers, on A4.

    `--vary` changes kernels, channels and paddings, so that neighbours have different sheets; the same seed is always
    the same sheet. `archscope mark` marks the answers and says which term is wrong. Needs `archscope[classroom]` for
    .pdf, .docx and .xlsx.

    \b
    archscope worksheet lenet5 -o sheet.pdf
    archscope worksheet lenet5 -o key.pdf --key
    archscope worksheet lenet5 --vary 1..40 -o 'sheets/{seed}.pdf'
    archscope worksheet lenet5 --vary 1..40 -o 'forms/{seed}.csv'
    archscope worksheet alexnet --layers conv1..conv5 --blank parameters,connections
    """
    from archscope.analysis import analyze
    from archscope.classroom.sheet import sheet_of
    from archscope.classroom.writers import format_of, numbered
    from archscope.cli.opened import opened, warn

    suffix = "md" if output is None else format_of(output)
    if vary is None:
        network = opened(spec, changes=changes, input=input, example=example, kwargs=kwargs, strict=strict)
        return _write(sheet_of(analyze(network), spec=spec, layers=layers, blank=blank), suffix, output, key)
    from archscope.classroom.variation import seeds_in, vary_named

    seeds = seeds_in(vary)
    names = [None if output is None else numbered(output, seed, len(seeds) > 1) for seed in seeds]
    if len(seeds) > 1 and output is not None and output.parent.parent.is_dir():
        output.parent.mkdir(exist_ok=True)
    for seed, name in zip(seeds, names, strict=True):
        varied = vary_named(spec, seed, changes=changes, input=input, strict=strict)
        sheet = sheet_of(analyze(varied.network), spec=spec, layers=layers, blank=blank, seed=seed,
                         changes=varied.changes)  # fmt: skip
        if seed == seeds[0]:
            warn(varied.network.doubts)
        _write(sheet, suffix, name, key)
    if len(seeds) > 1:
        complain(f"{len(seeds)} sheets of {spec}, {seeds[0]} to {seeds[-1]}")
    return None


def _write(sheet: Sheet, suffix: str, output: Path | None, key: bool) -> None:
    from archscope.classroom.writers import write
    from archscope.files import write_bytes

    if suffix == "md" and output is not None:
        from archscope.classroom.writers.markdown import with_picture

        text, picture = with_picture(sheet, output.with_suffix(".svg").name, key=key)
        if picture is not None:
            write_bytes(output.with_suffix(".svg"), picture.encode())
        emit(text, output)
        return
    made = write(sheet, suffix, key=key)
    if output is None:
        emit(str(made))
    elif isinstance(made, str):
        emit(made, output)
    else:
        write_bytes(output, made)
