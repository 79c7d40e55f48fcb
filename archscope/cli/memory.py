"""``archscope memory``: what a network holds, phase by phase, and which batch fits."""

from __future__ import annotations

from typing import Annotated

import typer

from archscope.cli.arguments import Changes, Example, FactoryOptions, Inputs, Output, Spec, Strict
from archscope.cli.terminal import emit


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
            help="A group, or a block with all its copies, that runs again in the backward pass. Repeatable.",
            show_default=False,
        ),
    ] = None,
    dtype: Annotated[str, typer.Option("--dtype", metavar="TYPE", help="float32, bf16, fp16, float64.")] = "float32",
    fits: Annotated[
        str | None,
        typer.Option(
            "--fits", metavar="SIZE", help="Which batch fits in this much: `24GiB`, `80GB`.", show_default=False
        ),
    ] = None,
    format: Annotated[
        str, typer.Option("--format", "-f", metavar="FORMAT", help="table, markdown, csv or json.")
    ] = "table",
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
    archscope memory mypkg.models:Net@3,224,224 --batch 32 --optimizer adam
    """
    from archscope.cli.opened import opened
    from archscope.formats.memory import write
    from archscope.formats.sheet import spell_bytes
    from archscope.memory import Request, largest_batch, memory

    room = None if fits is None else _bytes(fits)
    type_ = {"bf16": "bfloat16", "fp16": "float16", "half": "float16"}.get(dtype, dtype)
    network = opened(spec, changes=changes, input=input, example=example, kwargs=kwargs, strict=strict)
    held = memory(network, batch, dtype=type_, optimizer=optimizer, foreach=foreach, checkpoint=checkpoint or ())
    fitting = ""
    if room is not None:
        request: Request = held.request
        largest = largest_batch(network, room, request)
        at_least = " at most, as not every layer is covered" if held.not_covered else ""
        alone = held["after build"].after.total
        fitting = (
            f"A batch of {largest:,} fits in {spell_bytes(room)}{at_least}."
            if largest
            else f"Not even one sample fits in {spell_bytes(room)}: {spell_bytes(alone)} are held before anything runs."
        )
    emit(write(held, format, fitting), output)


def _bytes(text: str) -> int:
    """``24GiB`` as bytes."""
    import re

    from archscope.errors import UsageError

    scales = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
              "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}  # fmt: skip
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)\s*([kmgt]i?b)?", text.strip().lower())
    if found is None:
        raise UsageError(f"`--fits {text}`: write a number and a unit, such as `24GiB`")
    return int(float(found[1]) * scales[found[2] or ""])
