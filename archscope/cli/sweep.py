"""``archscope sweep``: the numbers of ten thousand variants, on every core or on a cluster."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Final

import typer

from archscope.cli.arguments import complete_spec
from archscope.cli.terminal import PICTURES, TEXTS, complain, format_for

if TYPE_CHECKING:
    from archscope.sweep import Axis, Journal, Plan, Rows, Sides
    from archscope.sweep.running import Engine

_FEW: Final = 2_000
"""So few networks are done before other processes have started."""

_SUFFIXES: Final = {**TEXTS, ".parquet": "parquet", ".txt": "table", **PICTURES}


def command(
    specs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SPEC...",
            help="What is varied: specs by name or path, all members of a family (`vgg`) or some (`resnet@18,34`); "
            "modules of your own, whose inputs can be varied.",
            autocompletion=complete_spec,
            show_default=False,
        ),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUES",
            help="An option and its values: `C1.padding=0..4`, `conv1.c=64..512:64` in steps, `=64..1024*2` doubling, "
            "`C1.activation=relu,tanh`; a name of the spec's let, `d=256,512`. Repeatable: every combination.",
            show_default=False,
        ),
    ] = None,
    input: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="[NAME=]C,H,W",
            help="Input shapes, any extent a range: `3,128..512:32,=`, where `=` is the extent before it. Of one of "
            "several inputs by name. Repeatable: more shapes.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(
            "--file",
            metavar="FILE",
            help="Settings from a CSV, JSON, YAML or TOML file: rows, one for each network, or keys with their values.",
            show_default=False,
        ),
    ] = None,
    quantities: Annotated[
        str | None,
        typer.Option(
            "--quantities",
            "-q",
            metavar="NAME,...",
            help="What each row has, as in `archscope check`: parameters, macs, units, `C1.macs`, "
            "`peak_bytes(batch=16)`. By default parameters and macs.",
            show_default=False,
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="COMPARISON",
            help="Keep networks of which this holds: `parameters < 1e6`, `1 M < macs <= 2 * parameters`. Repeatable.",
            show_default=False,
        ),
    ] = None,
    front: Annotated[
        str | None,
        typer.Option(
            "--front",
            metavar="ONE,OTHER",
            help="Keep networks that none beats in both of two quantities, least is best: `parameters,macs`; `:most` "
            "behind one where most is best. A plot shows all, and the front.",
            show_default=False,
        ),
    ] = None,
    fitting: Annotated[
        bool, typer.Option("--fitting", help="Leave settings out that fit no network, instead of saying why.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            help="Processes on this machine; one for each core by default, 1 for none beside this one.",
            show_default=False,
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            help="Work on the Dask cluster there, `tcp://host:8786`, instead of here.",
            show_default=False,
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="table, csv, json, parquet, markdown, html, latex; svg, png, pdf for a plot. By default what the "
            "suffix of --output says, else a table.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write to this file. Rows are kept in FILE.part until all are there: after an interrupt the same "
            "command goes on.",
            show_default=False,
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin again, whatever FILE.part holds.")] = False,
) -> int:
    """Work out networks with every combination of settings: a row each, a front, a plot.

    \b
    archscope sweep lenet5 --set C1.padding=0..2 --set C1.out_channels=6,12
    archscope sweep vgg resnet -o plane.svg
    archscope sweep alexnet --input 3,128..512:32,= --where 'macs < 1 G' -o small.csv
    archscope sweep lenet5 --set C5.out_channels=8..512 --set F6.out_features=8..512 --front parameters,macs
    archscope sweep lenet5 --file settings.csv --scheduler tcp://10.0.0.5:8786 -o rows.parquet
    """
    from archscope.sweep import Journal, Rows, beside
    from archscope.sweep.front import sides

    best = None if front is None else sides(front)
    chosen = _format(format, output)
    plan = _plan(specs or (), _axes(sets or (), input or (), file or ()), quantities, where or (), best, fitting)
    journal = Journal(None if output is None else beside(output), plan.identity, fresh=fresh)
    done = False
    try:
        stopped = _worked(plan, journal, workers, scheduler)
        if stopped:
            return stopped
        rows = Rows(plan, journal, best)
        _write(rows, chosen, output)
        done = True
        return _fits(rows)
    finally:
        journal.close(done=done)


def _axes(sets: Sequence[str], inputs: Sequence[str], files: Sequence[Path]) -> list[Axis]:
    from archscope.sweep import input_axis, set_axis
    from archscope.sweep.files import read_settings

    return [*(axis for path in files for axis in read_settings(path)), *map(set_axis, sets), *input_axis(inputs)]


def _plan(
    specs: Sequence[str],
    axes: Sequence[Axis],
    quantities: str | None,
    where: Sequence[str],
    best: Sides | None,
    fitting: bool,
) -> Plan:
    """The sweep, after a look at every spec; a quantity of the front is a column."""
    from archscope.sweep import USUAL, plan
    from archscope.sweep.naming import check, named

    asked = ",".join([quantities or USUAL, *([] if best is None else [best.first, best.second])])
    made = plan(named(specs), axes, asked, where, fitting=fitting)
    check(made)
    return made


def _format(format: str | None, output: Path | None) -> str:
    from archscope.errors import NotFound, UsageError, did_you_mean
    from archscope.sweep.writing import FORMATS, require_pyarrow

    chosen = format_for(format, output, _SUFFIXES)
    known = [*FORMATS, *PICTURES.values()]
    if chosen not in known:
        raise NotFound(f"no format `{chosen}`; {did_you_mean(chosen, known, what='formats')}")
    if output is None and chosen in ("parquet", "png", "pdf"):
        raise UsageError(f"`--format {chosen}` is no text: name a file with `--output`")
    if chosen == "parquet":
        require_pyarrow()
    return chosen


def _worked(plan: Plan, journal: Journal, workers: int | None, scheduler: str | None) -> int:
    """Work the rows out; the exit status where somebody stopped it."""
    from archscope.bench.progress import progress_on
    from archscope.sweep import run

    try:
        with _engine(plan, workers, scheduler) as engine, progress_on(sys.stderr) as progress:

            def step(done: int) -> None:
                progress.step(done, plan.size, "networks")
                progress.tick()

            run(plan, journal, engine, step)
    except KeyboardInterrupt:
        _kept(plan, journal)
        return 130
    except Exception:
        _kept(plan, journal)
        raise
    return 0


def _kept(plan: Plan, journal: Journal) -> None:
    """Say what is done, where it is and how it goes on."""
    if journal.path is not None and journal.last >= 0:
        complain(f"note: stopped after {journal.last + 1:,} of {plan.size:,} networks; {journal.path} keeps them, and "
                 "the same command goes on")  # fmt: skip


@contextlib.contextmanager
def _engine(plan: Plan, workers: int | None, scheduler: str | None) -> Iterator[Engine]:
    """Who works: a cluster that is there, the cores of this machine, or this process for a few networks."""
    from archscope.errors import MissingExtra, UsageError
    from archscope.sweep import Here
    from archscope.sweep.cluster import cores, existing, local, require_dask

    if scheduler is not None:
        if workers is not None:
            raise UsageError("`--workers` are processes here, and `--scheduler` is a cluster; leave one of them out")
        with existing(scheduler) as cluster:
            yield cluster
        return
    many = workers or (cores() if plan.size > _FEW else 1)
    if many > 1 and workers is None:
        try:
            require_dask()
        except MissingExtra as error:
            complain(f"note: one core works; {error}")
            many = 1
    if many == 1:
        yield Here()
        return
    with local(many) as cluster:
        yield cluster


def _write(rows: Rows, format: str, output: Path | None) -> None:
    from archscope.files import writing
    from archscope.sweep.writing import FORMATS

    if format in PICTURES.values():
        _draw(rows, format, output)
        return
    if output is not None:
        with writing(output) as file:
            FORMATS[format](rows, file)
        return
    from archscope.escaping import painted

    with _standard_output() as out:
        FORMATS[format](rows, out) if format != "table" else out.write(painted(_table(rows)).encode())


def _table(rows: Rows) -> str:
    from archscope.formats.grid import plain
    from archscope.sweep.writing import grid

    return plain(grid(rows)) + "\n"


@contextlib.contextmanager
def _standard_output() -> Iterator[IO[bytes]]:
    import io

    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is not None:
        yield buffer
        return
    held = io.BytesIO()  # a program that catches what is printed
    yield held
    sys.stdout.write(held.getvalue().decode())


def _draw(rows: Rows, format: str, output: Path | None) -> None:
    from archscope.cli.memory import drawn
    from archscope.diagrams.themes import theme
    from archscope.errors import UsageError
    from archscope.sweep.plane import picture

    columns = rows.plan.columns
    if rows.front is None and len(columns) < 2:
        raise UsageError("a plot is of two quantities: `-q parameters,macs`")
    across, up = (rows.front.first, rows.front.second) if rows.front is not None else columns[:2]
    drawn(lambda: picture(rows, across, up, theme("light")), format, output)


def _fits(rows: Rows) -> int:
    """0 where any network is there; where all settings fit none, 2 and why."""
    many, unfit, why = rows.tally
    if many and many == unfit:
        complain(f"error: no setting fits; the first: {why}")
        return 2
    return 0
