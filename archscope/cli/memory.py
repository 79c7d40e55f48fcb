"""``archscope memory``: what a network holds, phase by phase, and which batch fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from archscope.cli.arguments import Changes, Example, FactoryOptions, Inputs, Loss, Output, Spec, Strict
from archscope.cli.terminal import PICTURES, TEXTS, complain, emit, format_for

if TYPE_CHECKING:
    from archscope.diagrams.scene import Scene
    from archscope.memory import Memory
    from archscope.network import Network

_SHORT: Final = {"bf16": "bfloat16", "fp16": "float16", "half": "float16"}


def command(
    spec: Spec,
    batch: Annotated[int, typer.Option("--batch", metavar="N", help="Samples that run at once.")] = 1,
    optimizer: Annotated[
        str | None,
        typer.Option(
            "--optimizer",
            metavar="NAME",
            help="A step of training with sgd, momentum, adam or adamw; inference if left out.",
            show_default=False,
        ),
    ] = None,
    foreach: Annotated[
        bool,
        typer.Option("--foreach/--loop", help="Whether the optimizer changes all tensors at once, as on CUDA."),
    ] = False,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(
            "--checkpoint",
            metavar="GROUP",
            help="A group, a block with all its copies, or each module of a list of them, that runs again in the "
            "backward pass. Repeatable.",
            show_default=False,
        ),
    ] = None,
    dtype: Annotated[
        str,
        typer.Option(
            "--dtype",
            metavar="TYPE",
            help="Type of all values: float32, bf16, fp16, float64; by default that of the weights.",
            show_default=False,
        ),
    ] = "",
    autocast: Annotated[
        str | None,
        typer.Option(
            "--autocast",
            metavar="TYPE",
            help="Mixed precision: weights, gradients and state in float32, the forward pass in bf16 or fp16 where "
            "PyTorch's autocast has it so.",
            show_default=False,
        ),
    ] = None,
    loss: Loss = None,
    symbolic: Annotated[
        str | None,
        typer.Option(
            "--symbolic",
            metavar="NAME,...",
            help="Leave these numbers open, as in `table --symbolic`: formulas of what is held after the forward pass.",
            show_default=False,
        ),
    ] = None,
    fits: Annotated[
        str | None,
        typer.Option(
            "--fits", metavar="SIZE", help="Which batch fits in this much: `24GiB`, `80GB`.", show_default=False
        ),
    ] = None,
    cache: Annotated[
        int | None,
        typer.Option(
            "--cache",
            metavar="TOKENS",
            help="What is remembered after so many tokens when they are made one by one: keys, values, states.",
            show_default=False,
        ),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option("--window", metavar="N", help="With --cache: of the last N tokens alone.", show_default=False),
    ] = None,
    page: Annotated[
        int, typer.Option("--page", metavar="N", help="With --cache: tokens that are reserved together.")
    ] = 16,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="table, markdown, csv, json, html, latex; svg, png, pdf for a picture of all layers. By default what "
            "the suffix of --output says, else a table.",
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
    """Print what a network holds in memory, phase by phase: weights, gradients, state, values saved for backward.

    \b
    archscope memory lenet5 --batch 64 --optimizer adam
    archscope memory alexnet-torchvision --batch 256 --optimizer sgd --fits 8GiB
    archscope memory resnet@50 --batch 32 --optimizer adam --checkpoint bottleneck
    archscope memory resnet@18 --batch 32 --optimizer adam -o held.svg
    archscope memory gpt2@small --batch 8 --optimizer adamw --autocast bf16 --loss cross_entropy
    archscope memory gpt2@small --symbolic batch,length --optimizer adamw
    archscope memory gpt2@small --cache 1024 --dtype fp16
    archscope memory mypkg.models:Net@3,224,224 --batch 32 --optimizer adam
    """
    from archscope.cli.opened import foretell, opened_with_module
    from archscope.cli.tracked import tracked_too
    from archscope.errors import UsageError
    from archscope.formats.memory import missing, tracked, write
    from archscope.losses import DEFAULT
    from archscope.memory import largest_batch, memory, type_of

    if loss is not None and optimizer is None:
        raise UsageError(f"`--loss {loss}` is what a backward pass starts from; name an `--optimizer` too")
    others = {"--fits": fits, "--checkpoint": checkpoint, "--loss": loss}
    if symbolic is not None:
        _alone(f"--symbolic {symbolic}", {**others, "--cache": cache, "--batch": None if batch == 1 else batch})
    if cache is not None:
        _alone(f"--cache {cache}", {**others, "--optimizer": optimizer})
    room = None if fits is None else _bytes(fits)
    type_ = _SHORT.get(dtype, dtype)
    cast = None if autocast is None else _SHORT.get(autocast, autocast)
    chosen = format_for(format, output, {**TEXTS, **PICTURES})
    network, _, module = opened_with_module(spec, changes=changes, input=input, example=example, kwargs=kwargs,
                                            strict=strict)  # fmt: skip
    foretell("memory", network)
    if cache is not None:
        if autocast is not None:
            raise UsageError(
                "`--autocast` is for a pass over all positions; say what a cache is held in with `--dtype`"
            )
        _remembered(network, Remembering(cache, batch, type_, window, page), chosen, output)
        return
    if symbolic is not None:
        _formulas(network, symbolic.split(","), Training(optimizer, type_of(network, type_), cast), chosen, output)
        return
    held = memory(network, batch, dtype=type_, optimizer=optimizer, foreach=foreach, checkpoint=checkpoint or (),
                  autocast=cast, loss=loss or DEFAULT)  # fmt: skip
    largest = None if room is None else largest_batch(network, room, held.request)
    held = held.replace(tracked=tracked_too(module, held, largest))
    if chosen in PICTURES.values():
        drawn(lambda: _timeline(held), chosen, output)
    else:
        emit(write(held, chosen, "" if room is None or largest is None else _fitting(held, room, largest)), output)
    differs = held.tracked is not None and bool(held.tracked.differing)
    if differs:  # also where numbers are at least: they may be above what there is, and a picture says neither
        complain(f"{network.name}: {tracked(held)}")
    if held.not_covered:
        raise UsageError(missing(network.name, held.not_covered))
    if differs:
        raise typer.Exit(1)


def _alone(asked: str, others: Mapping[str, object]) -> None:
    """Refuse what is said of phases beside a question that is about none."""
    from archscope.errors import UsageError

    beside = next((name for name, value in others.items() if value), None)
    if beside is not None:
        raise UsageError(f"`{asked}` is about no phases, and `{beside}` says something of them; leave one of them out")


class Training(NamedTuple):
    """How a step runs: the optimizer's name, the type of values, the type that autocast runs in."""

    optimizer: str | None
    dtype: str
    autocast: str | None

    def __str__(self) -> str:
        cast = "" if self.autocast is None else f" with autocast to {self.autocast}"
        return f"training{f' with {self.optimizer}' if self.optimizer else ''}, {self.dtype}{cast}"


def _formulas(network: Network, names: list[str], way: Training, format: str, output: Path | None) -> None:
    from archscope.errors import UsageError
    from archscope.formats.held import Formulas, write
    from archscope.formats.memory import missing
    from archscope.formulas import opened
    from archscope.memory import after_forward

    made, ground = opened(network, [name.strip() for name in names])
    held = after_forward(made, **way._asdict())
    emit(write(Formulas(network.name, str(way), held, ground), format), output)
    if held.not_covered:
        raise UsageError(missing(network.name, held.not_covered))


class Remembering(NamedTuple):
    """What is asked of a cache: tokens, samples, the type of values, the window, the page."""

    length: int
    batch: int
    dtype: str
    window: int | None
    page: int


def _remembered(network: Network, asked: Remembering, format: str, output: Path | None) -> None:
    from archscope.errors import UsageError
    from archscope.formats.cache import Asked, write
    from archscope.formats.memory import missing
    from archscope.memory import cache_of

    for name, value in (("cache", asked.length), ("batch", asked.batch)):
        if value < 1:
            raise UsageError(f"`--{name} {value}`: write a whole number above 0")
    held = cache_of(network, dtype=asked.dtype, window=asked.window, page=asked.page)
    emit(write(Asked(network.name, held, asked.length, asked.batch), format), output)
    if held.not_covered:
        raise UsageError(missing(network.name, held.not_covered))


def _timeline(held: Memory) -> Scene:
    from archscope.diagrams.plot import timeline
    from archscope.diagrams.themes import theme

    return timeline(held, theme("light"))


def drawn(draw: Callable[[], Scene], format: str, output: Path | None) -> None:
    """Write a picture of numbers to a file; as SVG it may be printed."""
    from archscope.diagrams.plot import written
    from archscope.errors import UsageError
    from archscope.files import write_bytes

    if output is None and format != "svg":
        raise UsageError(f"`--format {format}` is no text: name a file with `--output`")
    made = written(draw(), format)
    if output is None:
        emit(str(made).rstrip("\n"))
    else:
        write_bytes(output, made if isinstance(made, bytes) else made.encode())


def _fitting(held: Memory, room: int, largest: int) -> str:
    """Whether a network fits in some bytes, with which batch, and why not."""
    from archscope.formats.sheet import spell_bytes

    at_least = " at most, as not every layer is covered" if held.not_covered else ""
    whatever = ", whatever values decide" if held.decided else at_least
    peak, batch = held.at_most, held.request.batch
    needs = "may need" if held.decided else "needs"
    if largest >= batch:
        return f"A batch of {largest:,} fits in {spell_bytes(room)}{whatever}."
    if largest:
        return (f"A batch of {batch:,} does not fit in {spell_bytes(room)}, as it {needs} {spell_bytes(peak)}; "
                f"a batch of {largest:,} fits{whatever}.")  # fmt: skip
    alone = held["after build"].after.total
    return f"Not even one sample fits in {spell_bytes(room)}: {spell_bytes(alone)} are held before anything runs."


def _bytes(text: str) -> int:
    """``24GiB`` as bytes."""
    import re

    from archscope.errors import UsageError

    scales = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
              "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}  # fmt: skip
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?)\s*((?:[kmgt]i?)?b)", text.strip().lower())
    if found is None or not float(found[1]):
        raise UsageError(f"`--fits {text}`: write a number and a unit, such as `24GiB`")
    return int(float(found[1]) * scales[found[2]])
