"""``archscope verify``: second opinions on every number, or on somebody's own module."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archscope.cli.arguments import (
    Batch,
    Changes,
    Example,
    FactoryOptions,
    Inputs,
    Loss,
    Output,
    Specs,
    Strict,
    complete_names,
)
from archscope.cli.terminal import color, emit, width

if TYPE_CHECKING:
    from archscope.importing.jax.things import JaxCalled
    from archscope.network import Network
    from archscope.oracles import Verification
    from archscope.tracing.calling import Called
    from archscope.tracing.inputs import Call


def _complete_format(incomplete: str) -> list[Any]:
    from archscope.oracles.report import FORMATS

    return complete_names(FORMATS, incomplete)


def _complete_witness(incomplete: str) -> list[Any]:
    from archscope.oracles import WITNESSES

    return complete_names({each.name: each.confirms for each in WITNESSES.values()}, incomplete)


def command(
    specs: Specs = None,
    format: Annotated[
        str,
        typer.Option("--format", "-f", metavar="FORMAT", help="table, markdown, json or junit.",
                     autocompletion=_complete_format),
    ] = "table",
    witness: Annotated[
        list[str] | None,
        typer.Option("--witness", "-w", metavar="NAME",
                     help="Ask only this one: module, torchinfo, fvcore, FLOPs, Jacobian, field, memory, Keras, "
                     "onnxruntime, program, JAX, weights, published. Repeatable.",
                     autocompletion=_complete_witness, show_default=False),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="MODULE:FACTORY",
                     help="Compare a module of your own instead, as `archscope diff` does: "
                     "`mypkg.models:AlexNet`. Exits with 1 if anything differs.", show_default=False),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option("--weights", metavar="FILE",
                     help="A file of weights that were trained for the network: safetensors, GGUF, a state dict of "
                     "PyTorch's, an index or a folder of several. Its header is held against every layer.",
                     show_default=False),
    ] = None,
    changes: Changes = None,
    input: Inputs = None,
    example: Example = None,
    kwargs: FactoryOptions = None,
    batch: Batch = None,
    strict: Strict = False,
    seconds: Annotated[
        float,
        typer.Option("--seconds", metavar="SECONDS", min=0.1,
                     help="How long the witnesses of one network may take together, by the clock: a busy machine sees "
                     "less in it. What is too large for that is sampled, and it says so."),
    ] = 60.0,
    loss: Loss = None,
    output: Output = None,
) -> None:  # fmt: skip
    """Have every number confirmed by somebody else: PyTorch, torchinfo, fvcore, Keras, gradients, the papers.

    Prints one matrix, layers by witnesses. A cell agrees, differs, or is not covered; what differs and what is not
    covered is said below it, with both numbers or the reason. Exits with 1 if anything differs and the spec does
    not say why. Ctrl-C ends it with 130, after what is known so far.

    \b
    archscope verify
    archscope verify lenet5
    archscope verify alexnet --witness fvcore --witness published
    archscope verify alexnet --against mypkg.models:AlexNet
    archscope verify gpt2@small --weights model.safetensors
    archscope verify --format junit -o verification.xml
    """
    import archscope
    from archscope.cli.opened import foretell, opened_with_module

    if against is not None:
        if witness:
            raise archscope.UsageError(f"`--against` asks no witness; leave out `--witness {witness[0]}`")
        if len(specs or ()) != 1:
            raise archscope.UsageError(f"`--against` compares one spec with a module, got {len(specs or ())}; "
                                       "write `archscope verify alexnet --against mypkg.models:AlexNet`")  # fmt: skip
        theirs = None if _names_module((specs or [])[0]) else kwargs
        network, _, module = opened_with_module(
            (specs or [])[0], changes=changes, input=input, example=example, strict=strict, batch=batch,
            kwargs=kwargs if theirs is None else None,
        )  # fmt: skip
        call = getattr(module, "call", None)  # a module of JAX's says shapes of its own
        _compare(network, against, theirs, call, output, format)
        return
    from archscope.errors import NotFound, did_you_mean
    from archscope.losses import DEFAULT
    from archscope.oracles.report import FORMATS

    if format not in FORMATS:
        raise NotFound(f"there is no format `{format}`; {did_you_mean(format, FORMATS, what='formats')}")
    if weights is not None and len(specs or ()) != 1:
        raise archscope.UsageError(f"`--weights` are those of one network, got {len(specs or ())}; "
                                   "write `archscope verify gpt2@small --weights model.safetensors`")  # fmt: skip
    names = specs or archscope.reader.spec_names()
    said = {"input": input, "example": example, "kwargs": kwargs, "batch": batch, "strict": strict}
    networks = [opened_with_module(name, changes=changes, **said) for name in names]
    for network, _, _ in networks if weights is None else ():
        foretell("verify", network)
    found = _verified(
        [(network, module) for network, _, module in networks],
        witness,
        as_written=not changes and input is None,
        seconds=seconds,
        weights=weights or "",
        loss=loss or DEFAULT,
    )
    emit(_written(found, format, output is None), output)
    if any(each.stopped for each in found):
        raise typer.Exit(130)
    if any(each.differing for each in found):
        raise typer.Exit(1)


def _written(found: Sequence[Verification], format: str, on_terminal: bool) -> str:
    from archscope.oracles.report import FORMATS, write_matrix

    if format == "table":
        return write_matrix(found, width=width() if on_terminal else None, color=color() if on_terminal else False)
    return FORMATS[format](found)


def _verified(
    networks: Sequence[tuple[Network, Called | JaxCalled | None]],
    witnesses: Sequence[str] | None,
    *,
    as_written: bool,
    seconds: float,
    weights: str,
    loss: str,
) -> list[Verification]:
    """What the witnesses say of each network; an interrupt ends it with what is known so far."""
    from archscope.oracles import verify
    from archscope.oracles.verification import asked_of

    found: list[Verification] = []
    with _progress(sum(len(witnesses or asked_of(network, weights, own)) for network, own in networks)) as step:
        for network, module in networks:
            # A module's `--input` is no change: without one it has no shapes at all.
            found.append(verify(network, witnesses or None, as_written=as_written or module is not None,
                                seconds=seconds, progress=step, module=module, weights=weights, loss=loss))  # fmt: skip
            if found[-1].stopped:
                break
    return found


def _nothing(network: str, witness: str, layer: str) -> None:
    """Take a step of a bar that nobody watches."""


@contextmanager
def _progress(steps: int) -> Iterator[Callable[[str, str, str], object]]:
    """A bar on a terminal, on the error stream so that results can be piped; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield _nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    room = max(20, console.width - 32)
    bar = Progress(BarColumn(bar_width=20), TimeElapsedColumn(), TextColumn("{task.description}", markup=False),
                   console=console, transient=True)  # fmt: skip
    with bar:
        task = bar.add_task("importing PyTorch", total=steps)
        begun: list[tuple[str, str]] = []

        def step(network: str, witness: str, layer: str) -> None:
            if (network, witness) not in begun:
                begun.append((network, witness))
            doing = f"{network}: {witness}" + (f" at {layer}" if layer else "")
            bar.update(task, description=doing[:room], completed=len(begun) - 1)

        yield step


def _names_module(spec: str) -> bool:
    from archscope.requests import Request

    return Request(spec).of_module


def _compare(network: Network, factory: str, kwargs: str | None, call: Call | None, output: Any, format: str) -> None:
    from archscope.errors import NotFound, did_you_mean, require_torch

    require_torch("verify --against")
    from archscope.oracles.beside import FORMATS, write
    from archscope.oracles.comparison import compare_factory
    from archscope.tracing.stated import parse_options

    if format not in FORMATS:
        raise NotFound(f"there is no format `{format}`; {did_you_mean(format, FORMATS, what='formats')}")
    options = {} if kwargs is None else parse_options(kwargs)
    found = compare_factory(network, factory, options, call)
    emit(write(found, format, width=None if output else width()), output)
    if not found.same:
        raise typer.Exit(1)
