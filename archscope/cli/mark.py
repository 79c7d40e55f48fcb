"""``archscope mark``: answers to a worksheet, marked, with the term that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archscope.cli.arguments import Changes, Example, FactoryOptions, Inputs, Output, Spec, Strict
from archscope.cli.terminal import complain, emit, format_for, width
from archscope.cli.worksheet import Blank, Layers


def command(
    spec: Spec,
    answers: Annotated[
        list[Path],
        typer.Argument(
            metavar="ANSWERS...",
            help="Files with answers, .csv, .xlsx, .md or .ipynb, or folders of them.",
            show_default=False,
        ),
    ],
    blank: Blank = None,
    layers: Layers = None,
    vary: Annotated[
        int | None,
        typer.Option(
            "--vary", metavar="SEED", help="The sheet of files that do not say which they answer.", show_default=False
        ),
    ] = None,
    carried: Annotated[
        bool,
        typer.Option("--carried/--no-carried", help="Whether what follows rightly from a wrong number gets its point."),
    ] = True,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="text, markdown, html, or csv for a line a pupil. By default what the suffix of --output says.",
            show_default=False,
        ),
    ] = None,
    changes: Changes = None,
    input: Inputs = None,
    example: Example = None,
    kwargs: FactoryOptions = None,
    strict: Strict = False,
    output: Output = None,
) -> None:
    """Mark answers to a worksheet: right, wrong, and which term of the arithmetic is wrong.

    A wrong number is explained by making the known slips on the working of the right one: a bias forgotten, padding
    ignored, groups ignored, two of them at once. Answers may be arithmetic, which is read and never run. Nothing is
    sent anywhere. Say `--blank` and `--layers` as for the worksheet. A file that cannot be read is named, the others
    are marked, and the status is 2.

    \b
    archscope mark lenet5 ada.csv
    archscope mark lenet5 answers/ -o class.csv
    archscope mark lenet5 answers/ -o report.html
    archscope mark lenet5 ada.md --vary 7
    """
    from archscope.analysis import analyze
    from archscope.classroom import report
    from archscope.classroom.marks import Marking
    from archscope.classroom.variation import Variation, vary_named
    from archscope.cli.opened import opened
    from archscope.errors import NotFound, did_you_mean

    chosen = format_for(format, output, report.SUFFIXES, "text")
    if chosen not in report.SUFFIXES.values():
        known = list(report.SUFFIXES.values())
        raise NotFound(f"no format `{chosen}`; {did_you_mean(chosen, known, what='formats')}")
    network = opened(spec, changes=changes, input=input, example=example, kwargs=kwargs, strict=strict)

    def varied(seed: int) -> Variation:
        return vary_named(spec, seed, changes=changes, input=input, strict=strict)

    marking = Marking(analyze(network), varied, spec=spec, layers=layers, blank=blank, seed=vary, carries=carried)
    found = marking.everything(answers)
    if found.papers:
        emit(report.write(found.papers, chosen, width=None if output else width()), output)
    for each in found.complaints:
        complain(f"error: {each}")
    if found.complaints:
        raise typer.Exit(2)
