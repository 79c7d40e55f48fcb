"""``archscope bench``: how fast a network runs, and how fast it could."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from archscope.cli.arguments import Example, FactoryOptions, Inputs, Strict, complete_spec
from archscope.cli.terminal import emit

if TYPE_CHECKING:
    from archscope.analysis import Analysis
    from archscope.bench.plan import Cell
    from archscope.bench.run import Job, Progress, Run
    from archscope.requests import Request
    from archscope.sweep.cells import Cells
    from archscope.tracing.calling import Called

    Measuring = contextlib.AbstractContextManager[Callable[[Progress], Run | Cells]]

_NO_FILE: Final = re.compile(r"[/\x00-\x1f\x7f\ud800-\udfff]")
"""What the name of a cell may have and that of a file may not."""


def _axis(name: str, default: str, help: str) -> Any:
    return typer.Option(f"--{name}", metavar="NAME,...", help=f"{help} By default {default}.", show_default=False)


def command(
    specs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SPEC...",
            help="Specs by name, members of families (`resnet@50`), paths of YAML files, or modules of your own: "
            "`mypkg.models:Net@3,224,224`.",
            autocompletion=complete_spec,
            show_default=False,
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps. What is named never falls back.")
    ] = "auto",
    strict: Strict = False,
    batch: Annotated[str, typer.Option(metavar="N,...", help="Samples a call.")] = "1",
    dtype: Annotated[str, _axis("dtype", "fp32", "fp32 (IEEE), tf32, bf16, fp16, amp-bf16, amp-fp16.")] = "fp32",
    layout: Annotated[str, _axis("layout", "nchw", "nchw, nhwc (channels last).")] = "nchw",
    engine: Annotated[str, _axis("engine", "eager", "eager, graph (CUDA graph), compile (torch.compile).")] = "eager",
    mode: Annotated[str, _axis("mode", "infer", "infer, train (forward and backward).")] = "infer",
    quick: Annotated[bool, typer.Option("--quick", help="One round of short figures, for a first look.")] = False,
    rounds: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Fresh processes; 3 by default.", show_default=False)
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            min=0.01,
            show_default=False,
            help="Most seconds that one figure of a cell is sampled in a round; 2 by default, 0.5 with --quick. "
            "A cell has several figures, each round warms up and measures ceilings besides, so a run takes "
            "many times that.",
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(metavar="S", min=1, help="Seconds after which a cell is given up.")] = 600,
    seed: Annotated[int, typer.Option(metavar="N", help="Of weights, inputs and the order of the cells.")] = 0,
    layers: Annotated[bool, typer.Option("--layers/--no-layers", help="Time every layer in place, too.")] = True,
    ceilings: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Hold it against these ceilings instead of measured ones.", show_default=False
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh-ceilings", help="Measure the ceilings even if some of today are kept.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Measure nothing: print what no machine could beat.")
    ] = False,
    hardware: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...", help="For --dry-run: h200, a100, rtx4090; all by default.", show_default=False
        ),
    ] = None,
    format: Annotated[
        str, typer.Option("--format", "-f", metavar="FORMAT", help="table, json, csv or markdown.")
    ] = "table",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the result as JSON to this file after every cell; what is done survives an interrupt.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.svg", help="Draw the roofline; of several cells, one file each, named.", show_default=False
        ),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Say FAST, SLOW, SAME or AMBIGUOUS against this result.", show_default=False),
    ] = None,
    input: Inputs = None,
    example: Example = None,
    kwargs: FactoryOptions = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Measure on a Dask cluster, tcp://host:8786: on workers that declare a GPU (--resources GPU=1), one "
            "cell at a time on each.",
            show_default=False,
        ),
    ] = None,
    read: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Report on this result; measure nothing.", show_default=False)
    ] = None,
) -> int:
    """Measure how fast networks run, a layer at a time, against what the device could do.

    Every figure comes with its spread, the floor it is held against and the noise that was seen. The output is
    compared with a float64 reference before anything is timed. Cells that cannot run say why; the others go on.
    The exit status is 1 where an output differs from the reference, no cell could be measured, or one is SLOW.

    \b
    archscope bench lenet5 --quick
    archscope bench lenet5 alexnet --batch 1,8 -o result.json --plot roofline.svg
    archscope bench alexnet --device cuda --batch 256 --dtype fp32,bf16 --engine eager,graph,compile
    archscope bench alexnet --dry-run --batch 256 --dtype bf16
    archscope bench alexnet --scheduler tcp://10.0.0.5:8786 --batch 1,8,64 -o result.json
    archscope bench --read result.json --format markdown
    """
    from archscope.bench.compare import read_result
    from archscope.bench.report import FORMATS
    from archscope.errors import NotFound, UsageError, did_you_mean

    if format not in FORMATS:
        raise NotFound(f"no format `{format}`; {did_you_mean(format, FORMATS, what='formats')}")
    base = None if compare is None else read_result(compare)
    if read is not None:
        return _report(read_result(read), format, plot, base, str(compare))
    if not specs:
        raise UsageError("bench needs a spec, such as `archscope bench lenet5 --quick`; `archscope list` shows them")
    axes = {"dtype": dtype, "layout": layout, "engine": engine, "mode": mode}
    cells, analyses, asked = _cells(specs, batch, axes, {"input": input, "example": example, "kwargs": kwargs,
                                                           "strict": strict})  # fmt: skip
    if scheduler is not None and dry_run:
        raise UsageError("`--scheduler` is where cells are measured, and --dry-run measures nothing")
    if dry_run:
        return _dry_run(cells, analyses, asked, hardware, ceilings, format, output)
    if any(each.network.path is None for each in analyses.values()):
        raise UsageError("bench measures in processes of their own, which cannot read a pipe; write the spec to a file")
    if hardware is not None:
        raise UsageError("--hardware is for --dry-run: a device that is at hand is measured")
    # A worker that is told a name alone would open a spec with the inputs that are written in it.
    told = {name: request.document() for name, (request, own) in asked.items() if own or request.inputs}
    job = _job(cells, analyses, requests=told, device=device, quick=quick, rounds=rounds, seconds=seconds,
               ceilings=ceilings, timeout=timeout, seed=seed, layers=layers, fresh_ceilings=fresh,
               output=output)  # fmt: skip
    requests = {name: request for name, (request, _) in asked.items()}
    return _measure(job, _measuring(job, requests, scheduler), format, plot, base, str(compare))


def _cells(
    specs: Sequence[str], batch: str, axes: Mapping[str, str], said: Mapping[str, Any]
) -> tuple[tuple[Cell, ...], dict[str, Analysis], dict[str, tuple[Request, Called | None]]]:
    """What is measured, the networks by name, and how each was asked for, with the module that it is."""
    import archscope
    from archscope.bench.plan import parse_axis, parse_batches, plan
    from archscope.cli.opened import opened_with_module
    from archscope.importing.jax.things import JaxCalled

    chosen = {f"{axis}s": parse_axis(axis, text) for axis, text in axes.items()}
    batches = parse_batches(batch)
    analyses, asked = {}, {}
    for spec in dict.fromkeys(specs):
        network, request, called = opened_with_module(spec, **said)
        analyses[network.name] = archscope.analyze(network)
        asked[network.name] = (request, None if isinstance(called, JaxCalled) else called)
    return plan(list(analyses), batches=batches, **chosen), analyses, asked


def _dry_run(
    cells: tuple[Cell, ...],
    analyses: dict[str, Analysis],
    asked: Mapping[str, tuple[Request, Called | None]],
    hardware: str | None,
    ceilings: Path | None,
    format: str,
    output: Path | None,
) -> int:
    import textwrap

    from archscope.bench.ceilings import read_ceilings
    from archscope.bench.dry import dry_run, sheets, sources
    from archscope.bench.hardware import HARDWARE, find_hardware
    from archscope.errors import UsageError
    from archscope.escaping import json_text

    if format == "csv":
        raise UsageError("--dry-run prints table, markdown or json, not csv")
    if ceilings is not None:
        devices = [read_ceilings(ceilings)]
    else:
        names = list(HARDWARE) if hardware is None else [name.strip() for name in hardware.split(",")]
        devices = [find_hardware(name).ceilings for name in names]
    document = dry_run(cells, analyses, devices, {name: own for name, (_, own) in asked.items() if own})
    if format == "json":
        text = json_text(document, indent=1)
    elif format == "markdown":
        text = "\n\n".join([*(sheet.markdown() for sheet in sheets(document)), *sources(document)])
    else:
        lines = [textwrap.fill(line, 80, subsequent_indent="  ") for line in sources(document)]
        text = "\n\n".join([*(sheet.text() for sheet in sheets(document)), "\n".join(lines)])
    emit(text, output)
    return 0


def _job(
    cells: tuple[Cell, ...],
    analyses: dict[str, Analysis],
    *,
    quick: bool,
    rounds: int | None,
    seconds: float | None,
    device: str,
    ceilings: Path | None,
    **more: Any,
) -> Job:
    from archscope.bench.ceilings import read_ceilings
    from archscope.bench.devices import check_name
    from archscope.bench.run import Job
    from archscope.bench.timing import Limits
    from archscope.errors import require_torch

    check_name(device)
    require_torch("bench")
    figure = seconds if seconds is not None else 0.5 if quick else 2.0
    limits = Limits(figure=figure, warm_up=figure, window=0.03 if quick else 0.1)
    given = None if ceilings is None else read_ceilings(ceilings)
    return Job(
        cells=cells,
        analyses=analyses,
        device=device,
        rounds=rounds or (1 if quick else 3),
        limits=limits,
        ceiling_seconds=min(0.1 if quick else 0.5, figure),
        ceilings=given,
        argv=tuple(sys.argv[1:]),
        **more,
    )


@contextlib.contextmanager
def _measuring(
    job: Job, requests: Mapping[str, Request], scheduler: str | None
) -> Iterator[Callable[[Progress], Run | Cells]]:
    """What measures: processes of this machine, or workers of a cluster."""
    if scheduler is None:
        from archscope.bench.run import Run

        yield lambda progress: Run(job, progress=progress)
        return
    from archscope.sweep.cells import Cells, require_gpus
    from archscope.sweep.cluster import existing

    with existing(scheduler) as cluster:
        require_gpus(cluster)
        yield lambda progress: Cells(job, requests, cluster, progress=progress)


def _measure(
    job: Job, measuring: Measuring, format: str, plot: Path | None, base: dict[str, Any] | None, against: str
) -> int:
    from archscope.bench.progress import progress_on
    from archscope.bench.run import exit_status
    from archscope.sweep.cluster import ClusterGone

    with measuring as made, progress_on(sys.stderr) as progress:
        run = made(progress)
        try:
            run.measure()
        except (KeyboardInterrupt, ClusterGone) as error:
            document = run.document()
            if document["cells"]:
                _report(document, format, plot, None, against)
            if job.output is not None:
                run.write(job.output)
            if isinstance(error, ClusterGone):
                raise
            print(f"interrupted: {len(document['cells'])} of {len(job.cells)} cells are in the result", file=sys.stderr)
            return 130
    document = run.document()
    status = _report(document, format, plot, base, against)
    return exit_status(document) or status


def _report(
    document: Mapping[str, Any], format: str, plot: Path | None, base: dict[str, Any] | None, against: str
) -> int:
    from archscope.bench.compare import compare
    from archscope.bench.report import comparison, write
    from archscope.bench.roofline import write_svgs
    from archscope.errors import UsageError
    from archscope.files import write_text

    emit(write(document, format))
    if plot is not None:
        drawn = write_svgs(document)
        if not drawn:
            raise UsageError(f"cannot draw {plot}: no cell has timed layers; eager inference has them")
        for cell, figure in drawn.items():
            name = plot if len(drawn) == 1 else plot.with_stem(f"{plot.stem}-{_NO_FILE.sub('-', cell)}")
            write_text(name, figure)
    if base is None:
        return 0
    found = compare(base, document)
    print()
    print(comparison(found, against))
    return 1 if any(each.word == "SLOW" for each in found) else 0
