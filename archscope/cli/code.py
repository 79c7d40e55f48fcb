"""``archscope code``: a network as source for a framework, or as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from archscope.network import Network

FRAMEWORKS = {
    "pytorch": "a torch.nn.Module",
    "keras": "a keras.Model",
    "jax": "a flax.nnx.Module",
    "onnx": "a file, with weights",
    "timeloop": "a problem for each product",
    "zigzag": "a workload",
}


def _complete_framework(incomplete: str) -> list[Any]:
    return complete_names(FRAMEWORKS, incomplete)


def command(
    spec: Spec,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FRAMEWORK",
            help="pytorch, keras, jax, onnx, timeloop or zigzag.",
            autocompletion=_complete_framework,
        ),
    ] = "pytorch",
    changes: Changes = None,
    input: Inputs = None,
    example: Example = None,
    kwargs: FactoryOptions = None,
    batch: Batch = None,
    strict: Strict = False,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="KIND",
            help="Of an ONNX file: random, or zeros that take no room; zeros from 1 GiB on, if left out.",
            show_default=False,
        ),
    ] = None,
    output: Output = None,
) -> None:
    """Print a network as source, ready to be read, changed and trained: a class for it, and one for each block.

    The source needs the framework and nothing of archscope; printing it needs neither. Its weights have the shapes
    and the order of the built module's; with the same values it gives the same output. Its attributes are the spec's
    names: `conv3.1.a.conv` is `model.conv3[1].a.conv`. Keras and Flax NNX, `--to jax`, have channels last.

    With `--to onnx` it is a file, opset 23, with weights as they start, the same each time: up to 1 GiB of them in the
    file itself, else in a second one beside it. Any number of samples; what the layers compute at inference.

    With `--to timeloop` or `zigzag` it is what models of accelerators take: the loops of every product, whose extents
    multiply to its MACs; what has none is named. `{layer}` in the name of the file makes one for each product.

    \b
    archscope code lenet5
    archscope code alexnet --to pytorch -o alexnet.py
    archscope code resnet@50
    archscope code alexnet-keras --to keras
    archscope code resnet@18 --to jax
    archscope code lenet5 --to onnx -o lenet5.onnx
    archscope code resnet@18 --to timeloop -o 'problems/{layer}.yaml'
    """
    from archscope.cli.opened import foretell, opened
    from archscope.errors import NotFound, did_you_mean
    from archscope.writing.jax import write_jax
    from archscope.writing.keras import write_keras
    from archscope.writing.pytorch import write_pytorch

    if to not in FRAMEWORKS:
        raise NotFound(f"there is no framework `{to}`; {did_you_mean(to, FRAMEWORKS, what='frameworks')}")
    file = _file_for(to, output, weights)
    network = opened(spec, changes=changes, input=input, example=example, kwargs=kwargs, batch=batch, strict=strict)
    foretell("code", network)
    network = _read_by_somebody(network)
    if file is not None:
        _write_file(network, file, weights)
        return
    if to in ("timeloop", "zigzag"):
        _write_workload(network, to, output)
        return
    emit({"pytorch": write_pytorch, "keras": write_keras, "jax": write_jax}[to](network), output)


def _read_by_somebody(network: Network) -> Network:
    """The network without what nothing reads, holds or multiplies: it needs no source; says what that was."""
    from archscope.cli.terminal import complain
    from archscope.diagnostics import clipped
    from archscope.escaping import line
    from archscope.writing.tidied import living

    network, unread = living(network)
    if unread:
        complain(clipped(f"left out, as nothing reads it: {', '.join(map(line, unread))}"))
    return network


def _file_for(to: str, output: Path | None, weights: str | None) -> Path | None:
    """The file of a framework that has no source."""
    from archscope.errors import NotFound, UsageError, did_you_mean
    from archscope.writing.onnx.file import KINDS

    if to != "onnx":
        if weights is not None:
            raise UsageError(f"`--weights {weights}` is for `--to onnx`: source says how weights start, and holds none")
        return None
    if weights is not None and weights not in KINDS:
        raise NotFound(f"there are no weights `{weights}`; {did_you_mean(weights, KINDS, what='weights')}")
    if output is None:
        raise UsageError("an ONNX file is no text to print; name a file for it: -o net.onnx")
    return output


def _write_file(network: Network, output: Path, weights: str | None) -> None:
    """Write an ONNX file, and say what stands in it."""
    from archscope.cli.terminal import complain
    from archscope.formats.sheet import spell_bytes
    from archscope.writing.onnx.file import INSIDE, KINDS, write_onnx

    written = write_onnx(network, output, weights)
    where = "" if written.beside is None else f", in {written.beside}"
    size = spell_bytes(written.bytes)
    complain(f"{output}: ONNX, opset {written.opset}; weights of {size}{where}: {KINDS[written.weights]}")
    if weights is None and written.weights == "zeros":
        complain(f"note: more than {spell_bytes(INSIDE)} of weights are not drawn unasked; `--weights random` does")


def _write_workload(network: Network, to: str, output: Path | None) -> None:
    """Write the products of a network, and say what has none."""
    from archscope.cli.terminal import complain
    from archscope.diagnostics import clipped
    from archscope.writing.workloads.files import file_of
    from archscope.writing.workloads.nests import workload
    from archscope.writing.workloads.timeloop import write_timeloop
    from archscope.writing.workloads.zigzag import write_zigzag

    work = workload(network)
    if to == "zigzag":
        emit(write_zigzag(network, work), output)
    elif output is not None and "{layer}" in output.name:
        problems = write_timeloop(network, work)
        files = file_of(output, problems)
        for name, text in problems.items():
            emit(text, files[name])
    else:
        emit("\n---\n".join(write_timeloop(network, work).values()), output)
    macs = sum(nest.macs for _, nest in work.nests)
    complain(f"{len(work.nests):,} products, {macs:,} MACs")
    for each in work.left_out:
        complain(f"left out: {clipped(each)}")
