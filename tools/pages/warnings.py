"""Every warning about a spec, from the declarations that the reader gives them by."""

from __future__ import annotations

from archscope.layers.doubt import KINDS
from tools.pages.markdown import fenced, page, prose, table

EXAMPLE = """\
input: [3, 32, 32]
layers:
  conv1: {type: conv2d, out_channels: 8, kernel_size: 3, allow: bias-before-norm}
  norm1: {type: batch_norm, activation: relu}
  conv2: {type: conv2d, out_channels: 8, kernel_size: 1, stride: 2}
allow: [skipped-values]
"""


def pages() -> dict[str, str]:
    rows = [(f"`{name}`", prose(kind.when), prose(kind.remedy)) for name, kind in KINDS.items()]
    return {
        "reference/warnings.md": page(
            "Warnings",
            "What is allowed in a spec and yet seldom meant. Every command that reads a spec prints its warnings on "
            "the error stream, each with its place, and goes on; with `--strict` they are mistakes, and it leaves with "
            '2. In Python they are the `doubts` of what `archscope.load("mine.yaml")` returns, each with a `name`, a '
            '`message` and a `span`; `archscope.load("mine.yaml", strict=True)` raises them.',
            table(("warning", "when", "what to write"), rows),
            "## Where it is meant",
            "`allow` silences a warning by its name: on a line for one layer, in the file for all.",
            fenced(EXAMPLE, "yaml"),
        )
    }
