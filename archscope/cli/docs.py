"""``archscope docs``: a page for every network."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archscope.cli.arguments import Batch, Example, FactoryOptions, Inputs, Strict, complete_names, complete_spec

if TYPE_CHECKING:
    from archscope.site import Plan


def _complete_format(incomplete: str) -> list[Any]:
    from archscope.site import FORMATS

    return complete_names(FORMATS, incomplete)


def command(
    specs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SPEC]...",
            help="Specs by name or by path, members of families (`resnet@50`), or modules of your own; all specs that "
            "come with archscope if none is named.",
            autocompletion=complete_spec,
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write to; it is made if need be.")
    ] = Path("archscope-docs"),
    format: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="html, a finished site, or markdown, pages for a site generator.",
            autocompletion=_complete_format,
        ),
    ] = "html",
    bench: Annotated[
        list[Path] | None,
        typer.Option(
            "--bench",
            metavar="FILE",
            help="A result file of `archscope bench`, or a folder of them; pages of the networks in it show it. "
            "Repeatable.",
            show_default=False,
        ),
    ] = None,
    proofs: Annotated[
        bool,
        typer.Option("--proofs", help="Ask every witness of `archscope verify`, and show the matrix. Needs PyTorch."),
    ] = False,
    input: Inputs = None,
    example: Example = None,
    kwargs: FactoryOptions = None,
    batch: Batch = None,
    strict: Strict = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit 1 if the folder does not hold just what would be written."),
    ] = False,
) -> None:
    """Write documentation: a page for every network, and one of all networks with gallery, comparison and search.

    A page shows the figure, live; the graph; every layer with the arithmetic behind its counts; what was published
    and whether it holds; the source in PyTorch and Keras; and files to take away. The site opens from disk, asks for
    nothing, and is the same bytes every time. Only what changed is written, and only what was written here before is
    ever touched.

    \b
    archscope docs -o site
    archscope docs lenet5 ./mine.yaml -o site
    archscope docs mypkg.models:Net --input 3,224,224 -o site
    archscope docs --bench docs/benchmarks --proofs -o site
    archscope docs -o docs/networks --format markdown --check
    """
    from archscope.cli.opened import foretell, warn
    from archscope.reader import spec_names
    from archscope.requests import request_for
    from archscope.site import build, plan

    said: dict[str, Any] = {"input": input, "example": example, "kwargs": kwargs, "batch": batch, "strict": strict}
    wanted = [request_for(spec, **said) for spec in specs or spec_names()]
    with _progress(len(wanted)) as tick:
        site = build(wanted, format=format, bench=bench or (), proofs=proofs, tick=tick,
                     read=partial(foretell, "docs"))  # fmt: skip
    warn(site.doubts)
    _complain(site.mistakes)
    _remark(site.left_out)
    planned = plan(output, site.files, keep=bool(site.mistakes))
    if check:
        refused: tuple[str, ...] = ()
        status = _compare(planned)
    else:
        refused = planned.carry_out()
        _complain(refused)
        status = 0
        if not refused:
            changed = f"{len(planned.write)} written" + (f", {len(planned.remove)} removed" if planned.remove else "")
            print(f"{output}: {_count(len(site.files), 'file')}, {changed}")
    if site.mistakes or refused or status:
        raise typer.Exit(2 if site.mistakes or refused else status)


def _complain(mistakes: Iterable[str]) -> None:
    """Say what kept networks from their pages, the first one whole, and of the others as many as one reads."""
    from archscope.cli.terminal import complain
    from archscope.errors import readable
    from archscope.escaping import terminal
    from archscope.limits import LONGEST_MESSAGE

    said = [readable(f"error: {terminal(mistake)}") for mistake in mistakes]
    room = LONGEST_MESSAGE
    for position, each in enumerate(said):
        room -= len(each.encode(errors="replace")) + 1
        if position and room < 0:
            complain(f"… and {len(said) - position:,} more")
            break
        complain(each)


def _remark(left_out: Iterable[str]) -> None:
    from archscope.escaping import terminal

    for each in left_out:
        print(f"note: {terminal(each)}", file=sys.stderr)


def _compare(planned: Plan) -> int:
    """Say what is not as it would be written; the exit status."""
    for name in planned.write:
        print(f"{planned.folder / name}: {'differs' if (planned.folder / name).exists() else 'is missing'}")
    for name in planned.remove:
        print(f"{planned.folder / name}: is no longer written")
    return 0 if planned.is_done else 1


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal; nothing where nobody watches."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("pages", total=total)
        made = -1

        def tick(name: str) -> None:
            nonlocal made
            made += 1
            bar.update(task, description=name, completed=made)

        yield tick
