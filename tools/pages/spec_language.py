"""The spec language, from the declarations that the reader checks with."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from itertools import pairwise

from archscope import limits
from archscope.options import Option
from archscope.reader.blocks.definitions import BLOCK, TITLE, USE
from archscope.reader.document import KEYS
from archscope.reader.entries import PLACE
from archscope.reader.figures import FIGURE
from archscope.reader.initial import SCHEMES
from archscope.reader.picture import PICTURE
from archscope.reader.training import TRAINING
from archscope.reader.words import OPTIONS
from tools.pages.markdown import fenced, page, prose, table, yaml_value

EXAMPLE = """\
name: small
title: A small network
summary: Two convolutions and a dense layer.
sources:
  mine2026: "A. Author. A paper. 2026."
input: [1, 28, 28]
layers:
  conv1: {type: conv2d, out_channels: 8, kernel_size: 3, padding: same, activation: relu}
  pool1: {type: max_pool2d, kernel_size: 2}
  conv2: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}
  sum: {type: add, from: [pool1, conv2], activation: relu}
  flatten: {type: flatten}
  classes: {type: linear, out_features: 10, activation: softmax}
init:
  bias: 0
training: {optimizer: adam, learning_rate: 1e-3, batch_size: 64, epochs: 5}
published:
  - {layer: conv1, quantity: parameters, value: 80, source: mine2026}
"""

BLOCKS = """\
input: [3, 32, 32]
let: {width: 16}
blocks:
  conv:
    options: {c: , k: 3, s: 1, act: relu}
    layers:
      conv:
        {type: conv2d, out_channels: $c, kernel_size: $k, stride: $s, padding: $k//2,
         bias: false}
      bn: {type: batch_norm, activation: $act}
  residual:
    options: {c: , s: 1}
    layers:
      a: {type: conv, c: $c, s: $s}
      b: {type: conv, c: $c, act: identity}
      short: {type: conv, c: $c, k: 1, s: $s, act: identity, from: input, when: changes}
      sum: {type: add, from: [b, short], activation: relu}
layers:
  stem: {type: conv, c: $width}
  stages:
    type: residual
    columns: [c, repeat, first.s]
    rows: [[$width, 3, 1], [2*$width, 3, 2], [4*$width, 3, 2]]
  pool: {type: adaptive_avg_pool2d, output_size: 1}
  flatten: {type: flatten}
  classes: {type: linear, out_features: 10}
"""

FAMILY = """\
input: [1, 28, 28]
let: {n: 2}
layers:
  conv:
    {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1, activation: relu,
     repeat: $n}
  pool: {type: max_pool2d, kernel_size: 2}
  flatten: {type: flatten}
  classes: {type: linear, out_features: 10}
variants:
  S: # as it stands
  L: {title: The large one, let: {n: 6}, layers: {conv: {out_channels: 16}}}
  unpooled: {layers: {pool: }}
"""


def pages() -> dict[str, str]:
    schemes = [
        (f"`{name}`", meaning or "no numbers", _scheme(name, numbers)) for name, (numbers, meaning) in SCHEMES.items()
    ]
    return {
        "reference/spec-language.md": page(
            "The spec language",
            "A spec is one YAML file. It reads like the table in a paper: a line for each layer, which reads the layer "
            "above it unless it says otherwise. [Write a spec](../how-to/write-a-spec.md) is the guided tour.",
            fenced(EXAMPLE, "yaml"),
            "## Keys of the file",
            _declared(KEYS),
            "What `allow` names is on the page of [warnings](warnings.md).",
            "## What a line can say",
            "Beside `type` and the options of [its layer type](layers/index.md):",
            _declared(PLACE),
            "## Blocks",
            "A block is a sub-network with options. `let` and `blocks` say what there is; a line of `layers`, or of a "
            "block, uses a block by naming it as its `type`, and gives its options by name. What stands in a block "
            "sees the block's own lines, its inputs and the names of `let`, and nothing else.",
            fenced(BLOCKS, "yaml"),
            "`blocks` holds, by name:",
            _declared(BLOCK),
            "Wherever a line has a value, `$name` stands for an option of the block, a name of `let`, or the size of "
            "an input of the block. `$name` alone may be a value of any kind; with `+`, `-`, `*`, `//` and brackets it "
            "is integer arithmetic. `$in` is the shape of what the block is given: its channels in arithmetic, and "
            "`$in[1]` or `$in[-1]` another extent. `$n[0]` is the first entry of a list. In a text, such as a "
            "caption, `$$` is a dollar. `--set let.d=512` changes a name of `let` from outside, `--set conv5.repeat=1` "
            "what a line says, `--set conv3.1.a.k=5` one copy.",
            "How often a line stands there, be it a layer or a block:",
            _declared({**USE, "title": TITLE}),
            "A layer in a block has a name of all names on the way, `conv3.1.a.conv`: in tables, in `from` and in "
            "`state_dict`. Copies are counted from 0, and `*` stands for each of them: "
            "`from: stack.*.skip` reads the skip of every copy, `output: stack.*` hands out all. "
            "A copy reads the first output of the copy before it as its first input, and has the line's "
            "other inputs in common with the others. A column called `first.s` is an option "
            "of the first copy alone. A layer left out by `when` is passed by: what reads it reads what it would have "
            "read, its first input. YAML's anchors and merge keys (`<<`) may be used; a key that begins with `x-` "
            "parks them, and nothing reads it.",
            "## Families",
            "`variants` holds the members of a family by name, and `resnet@50` names one, wherever a network is "
            "named. A member is a piece of a spec that is laid over the rest: names of `let`, `blocks`, `sources`, "
            "`init` and `titles` one by one, the options of a line of `layers` one by one, its `published` figures "
            "beside those of all; what else it says takes the place of what is there. A line of nothing takes a layer "
            "away. `name` and `variants` belong to the whole file. Without a member's name behind it, a family is a "
            "mistake that lists them.",
            fenced(FAMILY, "yaml"),
            "## How weights start",
            "`init` stands in the file, for all layers, or on a line, for one: a scheme for each weight by name. A "
            "number alone is a constant.",
            table(("scheme", "numbers", "written"), schemes),
            "## Published figures",
            "An entry of `published` is a figure that somebody printed. One that does not hold must say `why`, and one "
            "that says `why` must not hold.",
            _declared(FIGURE),
            "## Training",
            "What `archscope.training.train` carries out; `data`, `schedule`, `source` and `note` are for people.",
            _declared(TRAINING),
            "## The figure",
            "How `archscope diagram` draws it where the command line says nothing else, and what is said on it.",
            _declared(PICTURE),
            "## Words of other tools",
            "Who writes another tool's word is told this language's: a class of PyTorch, such as `nn.ReLU()`, is the "
            "type of that name, and these options are",
            table(("written", "here"), _foreign()),
            "## Limits",
            "What is larger is a mistake that says so. All limits stand in `archscope/limits.py`.",
            table(("limit", "at most", "what, and why"), list(_limits())),
        )
    }


def _foreign() -> list[tuple[str, str]]:
    """The options of other tools, those that mean the same together."""
    words: dict[tuple[str, ...], list[str]] = {}
    for word, meant in OPTIONS.items():
        words.setdefault(meant, []).append(word)
    return [(", ".join(f"`{word}`" for word in each), " or ".join(f"`{name}`" for name in meant))
            for meant, each in words.items()]  # fmt: skip


def _limits() -> Iterator[tuple[str, str, str]]:
    """Each constant of `archscope.limits` with the text under it."""
    lines = ast.parse(inspect.getsource(limits)).body
    for stated, text in pairwise(lines):
        if isinstance(stated, ast.AnnAssign) and isinstance(stated.target, ast.Name) and isinstance(text, ast.Expr):
            name = stated.target.id
            yield name.lower().replace("_", " "), f"{getattr(limits, name):,}", prose(ast.literal_eval(text.value))


def _declared(declared: Mapping[str, Option]) -> str:
    rows = [
        (
            f"`{name}`",
            each.kind.name,
            "required" if each.required else "" if each.default is None else f"`{yaml_value(each.default)}`",
            prose(each.doc),
        )
        for name, each in declared.items()
    ]
    return table(("key", "value", "default", "meaning"), rows)


def _scheme(name: str, numbers: int) -> str:
    example = {0: name, 1: f"{{{name}: 2.4}}", 2: f"{{{name}: [0, 0.01]}}"}[numbers]
    return f"`weight: {example}`"
