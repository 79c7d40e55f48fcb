"""``archscope check``: limits and exact values that networks have to keep."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from archscope.cli.arguments import Output, complete_names
from archscope.cli.terminal import emit


def _complete_format(incomplete: str) -> list[Any]:
    return complete_names(("table", "markdown", "json", "junit"), incomplete)


def command(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="TOML files with `keep = [...]`, or specs with `keep:`; `archscope.toml` if none is named.",
            show_default=False,
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="REVISION",
            help="Also say what differs in the specs since this revision: `origin/main`.",
            show_default=False,
        ),
    ] = None,
    format: Annotated[
        str,
        typer.Option("--format", "-f", metavar="FORMAT", help="table, markdown, json or junit.",
                     autocompletion=_complete_format),
    ] = "table",
    output: Output = None,
) -> None:  # fmt: skip
    """Hold networks to budgets: limits and exact values, written in TOML or in the spec itself.

    A budget is a comparison of numbers of networks: `net.macs <= 1.2 G`, `net.C3.parameters == 1516`,
    `net.saved_bytes(batch=16) < 4 GiB`, `net.parameters < 2 * old.parameters`; or `equal(net, "vgg@D")`. Exits with 1
    if one does not hold. Nothing in a budget is run: it is read, and only what is named here is worked out.

    \b
    archscope check
    archscope check budgets.toml --format junit -o budgets.xml
    archscope check --base origin/main --format markdown -o comment.md
    archscope check specs/net.yaml
    """
    from archscope.budgets import USUAL, Checked, Networks, check, read_file, since, write

    read = [read_file(path) for path in files or [USUAL]]
    kept = tuple(each for file in read for each in check(file.budgets, Networks(file.named, file.path)))
    changed, new = since(read, base) if base is not None else ({}, ())
    checked = Checked(kept, base or "", changed, new)
    emit(write(checked, format), output)
    if checked.missed:
        raise typer.Exit(1)
