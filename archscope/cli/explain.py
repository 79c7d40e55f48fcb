"""``archscope explain``: one layer's numbers step by step."""

from __future__ import annotations

from archscope.cli.arguments import Batch, Changes, Example, FactoryOptions, Inputs, LayerName, Output, Spec, Strict
from archscope.cli.terminal import color, emit, width


def command(
    spec: Spec,
    layer: LayerName,
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
    stand below, with what is to be said of them.

    \b
    archscope explain lenet5 C1
    archscope explain lenet5 C1 --set C1.padding=2
    archscope explain alexnet conv2
    archscope explain resnet@50 conv3
    archscope explain gpt2@small total
    """
    import archscope
    from archscope.cli.opened import opened
    from archscope.formats import derivation

    analysis = archscope.analyze(
        opened(spec, changes=changes, input=input, example=example, kwargs=kwargs, batch=batch, strict=strict)
    )
    shown = (None, False) if output else (width(), color())
    emit(derivation.write(analysis, layer, width=shown[0], color=shown[1]), output)
