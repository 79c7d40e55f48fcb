"""``archscope diff``: why the numbers of two networks differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archscope.cli.arguments import (
    Batch,
    Example,
    FactoryOptions,
    Inputs,
    Output,
    Spec,
    Strict,
    complete_names,
    complete_spec,
)
from archscope.cli.terminal import TEXTS, emit, format_for, width

if TYPE_CHECKING:
    from archscope.difference import Difference
    from archscope.network import Network


def _complete_format(incomplete: str) -> list[Any]:
    from archscope.formats.differences import FORMATS

    return complete_names(FORMATS, incomplete)


def command(
    first: Spec,
    second: Annotated[
        str | None,
        typer.Argument(
            metavar="[SECOND]",
            help="The network to compare with it, named in the same way; left out, it is the first with `--set`.",
            autocompletion=complete_spec,
            show_default=False,
        ),
    ] = None,
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
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="LAYER.OPTION=VALUE",
            help="Change an option of the second network first, or of the first where the second is a module: "
            "`--set C1.padding=2`, `--set conv5.repeat=1`, `--set let.d=512`. Repeatable.",
            show_default=False,
        ),
    ] = None,
    diagram: Annotated[
        Path | None,
        typer.Option(
            "--diagram",
            metavar="FILE",
            help="Also draw both, what differs in colour: `both.svg`, .png, .pdf, .tikz or .drawio; chains as a list.",
            show_default=False,
        ),
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Leave with 1 if anything differs, as `git diff` does.")
    ] = False,
    input: Inputs = None,
    example: Example = None,
    kwargs: FactoryOptions = None,
    batch: Batch = None,
    strict: Strict = False,
    output: Output = None,
) -> None:
    """Say why the numbers of two networks differ: what is another in the second, and what that costs.

    The layers are laid side by side by what they are and how they are wired, not by their names. Each difference
    comes with its parameters, fixed values, connections, MACs and bytes saved for the backward pass; the last lines
    add the parts up to the whole gap. A network is a spec, a member of a family, a file, a module of your own, or a
    spec at an older revision. `--input` and `--batch` are for both; `--kwargs` and `--example` for those that are
    modules.

    \b
    archscope diff lenet5 lenet5-pytorch
    archscope diff vgg@D vgg@E --format markdown
    archscope diff gpt2@small --set let.vocabulary=40478
    archscope diff HEAD~1:specs/net.yaml specs/net.yaml --exit-code
    archscope diff lenet5-pytorch mypkg.models:Net --diagram both.svg
    """
    from archscope.cli.opened import foretell
    from archscope.difference import difference
    from archscope.formats.differences import write

    chosen = format_for(format, output, TEXTS)
    said = {"input": input, "example": example, "kwargs": kwargs, "batch": batch, "strict": strict}
    one, other = _both(first, second, changes or [], said)
    foretell("diff", max(one, other, key=lambda each: len(each.nodes)))
    found = difference(one, other, names=_names(first, second, changes or []))
    if diagram is not None:
        _draw(found, diagram)
    emit(write(found, chosen, width=None if output else width()), output)
    if exit_code and not found.same:
        raise typer.Exit(1)


def _both(first: str, second: str | None, changes: list[str], said: dict[str, Any]) -> tuple[Network, Network]:
    from archscope.cli.opened import opened
    from archscope.errors import UsageError

    if second is None and not changes:
        raise UsageError("`diff` compares two networks; name the second, or what is another in it: "
                         f"`archscope diff {first} --set LAYER.OPTION=VALUE`")  # fmt: skip
    if first == second == "-":
        raise UsageError("the standard input holds one spec; name a file for the other")
    named = first if second is None else second
    of_first = _is_module(named) and not _is_module(first)
    one = opened(first, changes=changes if of_first else None, **_for(first, said, None))
    return one, opened(named, changes=None if of_first else changes, **_for(named, said, one))


def _is_module(name: str) -> bool:
    from archscope.requests import Request

    return Request(name).of_module


def _for(name: str, said: dict[str, Any], one: Network | None) -> dict[str, Any]:
    """What was said that is for a network: a spec has no arguments, and a module without a shape gets the first's."""
    if not _is_module(name):
        return {"input": said["input"], "strict": said["strict"]}
    asked = {key: value for key, value in said.items() if key != "strict"}
    stated = said["input"] or said["example"] or "@" in name or one is None or len(one.inputs) != 1
    if not stated and one is not None:
        ((entry, shape),) = one.inputs.items()
        kind = ":int64" if entry in one.tokens else ""
        asked["input"] = [",".join(str(int(extent)) for extent in shape) + kind]
    return asked


def _names(first: str, second: str | None, changes: list[str]) -> tuple[str, str]:
    """What the two are called: as they were asked for."""
    name = first if second is None else second
    if changes and _is_module(name) and not _is_module(first):
        return f"{first} with {', '.join(changes)}", name
    if changes:
        name = f"{name} with {', '.join(changes)}"
    return (first, name) if first != name else (f"{first} (first)", f"{name} (second)")


def _draw(found: Difference, path: Path) -> None:
    from archscope.diagrams.side_by_side import SideBySide

    SideBySide(found).save(path)
