"""Products as YAML for Timeloop: a problem for each, with its shape, the data it reads and makes, and its extents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from archscope.escaping import line, visible
from archscope.network import Network
from archscope.writing.workloads.nests import Nest, Workload

_LETTERS: Final = {
    "B": "N", "G": "G", "H": "H", "D": "L", "K": "K", "C": "C",
    "OX": "P", "OY": "Q", "OZ": "F", "IX": "P", "IY": "Q", "IZ": "F", "FX": "R", "FY": "S", "FZ": "T",
}  # fmt: skip
"""Timeloop's letters: its convolutions run over R, S, P, Q, C, K and N, width before height."""

_SIDES: Final = {"X": "W", "Y": "H", "Z": "D"}
"""What strides and dilations begin with."""


def write_timeloop(network: Network, work: Workload) -> dict[str, str]:
    """The text of a problem for each product, by its name.

    >>> import archscope
    >>> from archscope.writing.workloads.nests import workload
    >>> network = archscope.load("lenet5-pytorch")
    >>> print(write_timeloop(network, workload(network))["conv1"].split("instance")[1])
    : {N: 1, K: 6, C: 1, Q: 28, P: 28, S: 5, R: 5, Hstride: 1, Hdilation: 1, Wstride: 1, Wdilation: 1}
    """
    title = line(network.title or network.name)
    return {nest.name: "\n".join(_problem(title, nest)) for _, nest in work.nests}


def _problem(title: str, nest: Nest) -> Iterator[str]:
    yield f"# {title}: {line(nest.name)}, {nest.macs:,} multiply-accumulates of one sample"
    yield "problem:"
    yield "  version: 0.4"
    yield "  shape:"
    yield f"    name: {json.dumps(visible(nest.name), ensure_ascii=False)}"
    yield f"    dimensions: [{', '.join(_LETTERS[loop] for loop in nest.loops)}]"
    steps = {f"{_SIDES[each.name[-1]]}{kind}": value for each in nest.slid.values()
             for kind, value in (("stride", each.stride), ("dilation", each.dilation))}  # fmt: skip
    if steps:
        yield "    coefficients:"
    yield from (f"    - {{name: {name}, default: {value}}}" for name, value in steps.items())
    yield "    data_spaces:"
    for name, indices in (("Weights", nest.weights), ("Inputs", nest.input), ("Outputs", nest.output)):
        yield f"    - name: {name}"
        yield f"      projection: [{', '.join(_index(nest, indices))}]"
    yield "      read_write: true"
    loops = {_LETTERS[loop]: many for loop, many in nest.loops.items()}
    yield f"  instance: {{{', '.join(f'{name}: {value}' for name, value in {**loops, **steps}.items())}}}"


def _index(nest: Nest, indices: Sequence[str]) -> Iterator[str]:
    """Each index as a sum of products: a loop, or a place of the window and a position."""
    for name in indices:
        if name not in nest.slid:
            yield f"[[{_LETTERS[name]}]]"
            continue
        each = nest.slid[name]
        side = _SIDES[name[-1]]
        yield f"[[{_LETTERS[each.tap]}, {side}dilation], [{_LETTERS[each.at]}, {side}stride]]"
