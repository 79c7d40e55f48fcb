"""``archscope explain``: one layer's numbers step by step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archscope.cli.arguments import Batch, Changes, Example, FactoryOptions, Inputs, LayerName, Output, Spec, Strict
from archscope.cli.terminal import color, emit, width

if TYPE_CHECKING:
    from archscope.analysis import Analysis


def command(
    spec: Spec,
    layer: LayerName,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask for each number instead of telling it, and say what is wrong with it.")
    ] = False,
    changes: Changes = None,
    input: Inputs = None,
    example: Example = None,
    kwargs: FactoryOptions = None,
    batch: Batch = None,
    strict: Strict = False,
    output: Output = None,
) -> None:
    """Work out one layer's numbers step by step, as on a blackboard.

    Each number stands three times: as a formula in letters, with the layer's own numbers in their places, and
    worked out. What is shown is the arithmetic that was done. `total` stands for the whole network. Figures in print
    stand below, with what is to be said of them. `-o slides.pptx` makes slides of it, a step a slide; for `total` of
    every layer.

    \b
    archscope explain lenet5 C1
    archscope explain lenet5 C1 --set C1.padding=2
    archscope explain alexnet conv2
    archscope explain resnet@50 conv3
    archscope explain gpt2@small total
    archscope explain lenet5 C3 --ask
    archscope explain lenet5 total -o lenet5.pptx
    """
    import archscope
    from archscope.cli.opened import opened
    from archscope.formats import derivation

    analysis = archscope.analyze(
        opened(spec, changes=changes, input=input, example=example, kwargs=kwargs, batch=batch, strict=strict)
    )
    if ask:
        return _ask(analysis, layer, output)
    if output is not None and output.suffix.lower() == ".pptx":
        from archscope.classroom.slides import write
        from archscope.files import write_bytes

        return write_bytes(output, write(analysis, layer))
    shown = (None, False) if output else (width(), color())
    return emit(derivation.write(analysis, layer, width=shown[0], color=shown[1]), output)


def _ask(analysis: Analysis, layer: str, output: Path | None) -> None:
    """Ask in the terminal, or in a pipe, until nobody answers."""
    import sys
    import textwrap

    from archscope.classroom.asking import ask
    from archscope.errors import UsageError

    if output is not None:
        raise UsageError("`--ask` asks in the terminal and writes no file; leave --output out")
    room = min(width() or 80, 100)

    def say(text: str) -> None:
        for line in text.split("\n"):
            emit("\n".join(textwrap.wrap(line, room, break_on_hyphens=False)))

    def answer() -> str | None:
        print("> ", end="", flush=True)
        text = sys.stdin.readline(10_000)
        if not sys.stdin.isatty():
            emit(text.strip())  # what was piped in stands there as if it had been typed
        return text if text else None

    ask(analysis, layer, answer, say)
