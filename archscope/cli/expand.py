"""``archscope expand``: a spec with its blocks written out."""

from __future__ import annotations

from archscope.cli.arguments import Batch, Changes, Example, FactoryOptions, Inputs, Output, Spec, Strict
from archscope.cli.terminal import emit


def command(
    spec: Spec,
    changes: Changes = None,
    input: Inputs = None,
    example: Example = None,
    kwargs: FactoryOptions = None,
    batch: Batch = None,
    strict: Strict = False,
    output: Output = None,
) -> None:
    """Print a spec with its blocks written out, every layer on a line of its own.

    What is printed is a spec again, of the same network: names, copies and sizes can be read off it, and what was
    left out by `when`.

    \b
    archscope expand resnet@50
    archscope expand resnet@50 --set conv5.repeat=1 -o short.yaml
    """
    from archscope.cli.opened import opened
    from archscope.writing.renaming import renamed
    from archscope.writing.spec import write_spec
    from archscope.writing.unsayable import check_sayable

    network = opened(spec, changes=changes, input=input, example=example, kwargs=kwargs, batch=batch, strict=strict)
    check_sayable(network)
    emit(write_spec(renamed(network)[0]), output)
