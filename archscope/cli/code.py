"""``archscope code``: a network as source for a framework."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from archscope.cli.arguments import (
    Batch,
    Changes,
    Example,
    FactoryOptions,
    Inputs,
    Output,
    Spec,
    Strict,
    complete_names,
)
from archscope.cli.terminal import emit

_FRAMEWORKS = {"pytorch": "a torch.nn.Module", "keras": "a keras.Model"}


def _complete_framework(incomplete: str) -> list[Any]:
    return complete_names(_FRAMEWORKS, incomplete)


def command(
    spec: Spec,
    to: Annotated[
        str, typer.Option("--to", metavar="FRAMEWORK", help="pytorch or keras.", autocompletion=_complete_framework)
    ] = "pytorch",
    changes: Changes = None,
    input: Inputs = None,
    example: Example = None,
    kwargs: FactoryOptions = None,
    batch: Batch = None,
    strict: Strict = False,
    output: Output = None,
) -> None:
    """Print a network as source, ready to be read, changed and trained: a class for it, and one for each block.

    The source needs the framework and nothing of archscope; printing it needs neither. Its weights have the shapes
    and the order of the built module's; with the same values it gives the same output. Its attributes are the spec's
    names: `conv3.1.a.conv` is `model.conv3[1].a.conv`. Keras has channels last.

    \b
    archscope code lenet5
    archscope code alexnet --to pytorch -o alexnet.py
    archscope code resnet@50
    archscope code alexnet-keras --to keras
    """
    from archscope.cli.opened import foretell, opened
    from archscope.errors import NotFound, did_you_mean
    from archscope.writing.keras import write_keras
    from archscope.writing.pytorch import write_pytorch

    if to not in _FRAMEWORKS:
        raise NotFound(f"there is no framework `{to}`; {did_you_mean(to, _FRAMEWORKS, what='frameworks')}")
    network = opened(spec, changes=changes, input=input, example=example, kwargs=kwargs, batch=batch, strict=strict)
    foretell("code", network)
    emit({"pytorch": write_pytorch, "keras": write_keras}[to](network), output)
