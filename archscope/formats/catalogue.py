"""A list of networks, a line each."""

from __future__ import annotations

from collections.abc import Sequence

from archscope.analysis import Analysis
from archscope.escaping import terminal
from archscope.formats.sheet import NOT_COVERED, spell_extents


def write(analyses: Sequence[Analysis], width: int | None = None) -> str:
    """Name, input, parameters, MACs and title of each network.

    >>> import archscope
    >>> text = "title: A dense layer\\ninput: [4]\\nlayers: {fc: {type: linear, out_features: 2}}"
    >>> tiny = archscope.read(text, name="tiny")
    >>> print(write([archscope.analyze(tiny)]))
    Name  Input  Parameters  MACs  Title
    tiny  4              10     8  A dense layer
    """
    lines = [("Name", "Input", "Parameters", "MACs", "Title"), *(_line(each) for each in analyses)]
    widths = [max(len(line[at]) for line in lines) for at in range(4)]
    return "\n".join(_cut(_joined(line, widths), width) for line in lines)


def _line(analysis: Analysis) -> tuple[str, str, str, str, str]:
    macs = analysis.totals.macs
    return (
        terminal(analysis.name),
        spell_extents(analysis.input),
        f"{int(analysis.totals.parameters):,}",
        NOT_COVERED if macs is None else f"{int(macs):,}",
        terminal(analysis.title),
    )


def _joined(line: Sequence[str], widths: Sequence[int]) -> str:
    name, shape, parameters, macs, title = line
    return f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {parameters:>{widths[2]}}  {macs:>{widths[3]}}  {title}"


def _cut(line: str, width: int | None) -> str:
    return line if width is None or len(line) <= width else line[: width - 1] + "…"
