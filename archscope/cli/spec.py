"""``archscope spec``: a module of one's own, or any network, as a spec."""

from __future__ import annotations

from archscope.cli.arguments import Batch, Changes, Example, FactoryOptions, Inputs, Output, Spec, Strict
from archscope.cli.terminal import complain, emit


def command(
    spec: Spec,
    changes: Changes = None,
    input: Inputs = None,
    example: Example = None,
    kwargs: FactoryOptions = None,
    batch: Batch = None,
    strict: Strict = False,
    output: Output = None,
) -> int:
    """Write a spec of a module of your own, or of any network: the same layers under the same names.

    What is written is read back first and compared, layer by layer; what a spec cannot say is named, and leaves
    with 1. Groups that are alike become blocks. Where a function is no layer of the language, nothing is written.

    \b
    archscope spec mypkg.models:Net@3,224,224 -o net.yaml
    archscope table ./net.yaml
    """
    from archscope.analysis import analyze
    from archscope.cli.opened import opened
    from archscope.diagnostics import clipped
    from archscope.limits import MOST_MISTAKES
    from archscope.writing.stating import state

    network = opened(spec, changes=changes, input=input, example=example, kwargs=kwargs, batch=batch, strict=strict)
    made = state(network)
    emit(made.text, output)
    for each in made.differences[:MOST_MISTAKES]:
        complain(f"differs: {clipped(each)}")
    if len(made.differences) > MOST_MISTAKES:
        complain(f"and {len(made.differences) - MOST_MISTAKES:,} more")
    analysis = analyze(made.network)
    macs = analysis.totals.macs
    sums = f"{int(analysis.totals.parameters):,} parameters" + ("" if macs is None else f", {int(macs):,} MACs")
    rows = f"{len(analysis.rows):,} layers"
    if made.differences:
        complain(f"read back: {rows}, {sums}; all but the above is as in {network.name}")
        return 1
    complain(f"read back: {rows}, {sums}, each as in {network.name}")
    return 0
