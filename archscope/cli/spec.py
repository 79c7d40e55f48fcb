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
    Of a module, also of JAX's, an ONNX file or a Keras archive it is built as well, with the weights of that, and
    has to give the same outputs.

    \b
    archscope spec mypkg.models:Net@3,224,224 -o net.yaml
    archscope table ./net.yaml
    """
    from archscope.analysis import analyze
    from archscope.cli.opened import foretell, opened_with_module
    from archscope.diagnostics import clipped
    from archscope.limits import MOST_MISTAKES
    from archscope.oracles.restated import restated
    from archscope.writing.stating import state

    said = {"input": input, "example": example, "kwargs": kwargs, "batch": batch, "strict": strict}
    network, _, module = opened_with_module(spec, changes=changes, **said)
    foretell("spec", network)
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
    else:
        complain(f"read back: {rows}, {sums}, each as in {network.name}")
    outcome = restated(network, made, module)
    if outcome is not None:
        complain(outcome.told if outcome.same is not None else f"outputs not compared: {outcome.told}")
    return 1 if made.differences or (outcome is not None and outcome.same is False) else 0
