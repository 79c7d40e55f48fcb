"""Every layer type: docstring, options, the cases worked by hand that its tests check, and what it refuses."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from typing import Any

from archscope.diagnostics import clipped
from archscope.layers import FAMILIES, Layer
from archscope.layers.base import spell_shapes
from archscope.options import Option
from tools.pages.markdown import fenced, page, prose, table, yaml_value

CASES = Path(__file__).parents[2] / "tests" / "layers"
COUNTS = ("parameters", "fixed", "connections", "macs", "units")


def pages() -> dict[str, str]:
    made = {}
    listed = []
    for family in FAMILIES:
        name = family.__name__.rpartition(".")[2]
        title = name.capitalize()
        cases, refused = _rows(name, "CASES"), _rows(name, "WRONG")
        kinds = [
            _type(kind, *([row for row in rows if row.type == kind.type] for rows in (cases, refused)))
            for kind in family.LAYERS
        ]
        made[f"reference/layers/{name}.md"] = page(title, inspect.getdoc(family) or "", *kinds)
        listed += [(f"[`{kind.type}`]({name}.md#{kind.type})", title, _first_line(kind)) for kind in family.LAYERS]
    made["reference/layers/index.md"] = page(
        "Layer types",
        f"{len(listed)} types in {len(FAMILIES)} families. Options have PyTorch's names. A scalar stands for a pair. "
        "What a line can say besides its type's options, such as `from` and `activation`, is on the page of the "
        "[spec language](../spec-language.md).",
        table(("type", "family", "what it does"), listed),
    )
    return made


def _rows(family: str, rows: str) -> list[Any]:
    if str(CASES) not in sys.path:  # the cases are a folder of modules, as pytest imports them
        sys.path.append(str(CASES))
    module = importlib.util.find_spec(f"{family}_cases")
    return [] if module is None else list(getattr(importlib.import_module(f"{family}_cases"), rows))


def _first_line(kind: type[Layer]) -> str:
    return prose((inspect.getdoc(kind) or "").partition("\n")[0])


def _type(kind: type[Layer], cases: list[Any], refused: list[Any]) -> str:
    lines = [f"## {kind.type} {{ #{kind.type} }}", prose(_imported(kind))]
    if kind.options:
        lines.append(table(("option", "value", "default", "meaning"),
                           [_option(name, each) for name, each in kind.options.items()]))  # fmt: skip
    else:
        lines.append("It has no options.")
    if isinstance(kind.output_names, property):
        lines.append(f"Its outputs are numbered, for `from: {kind.type}.0`.")
    elif len(kind.output_names) > 1:
        lines.append(f"Outputs, for `from: {kind.type}.{kind.output_names[1]}`: "
                     + ", ".join(f"`{each}`" for each in kind.output_names) + ".")  # fmt: skip
    lines += [*_examples(cases), *_refused(refused)]
    return "\n\n".join(lines)


def _imported(kind: type[Layer]) -> str:
    """The docstring, whose example begins with the import that a reader needs."""
    text = inspect.getdoc(kind) or ""
    return text.replace(">>> ", f">>> from archscope.layers import {kind.__name__}\n>>> ", 1)


def _option(name: str, declared: Option) -> tuple[str, str, str, str]:
    default = "required" if declared.required else f"`{yaml_value(declared.default)}`"
    return f"`{name}`", declared.kind.name, default, prose(declared.doc)


def _examples(cases: list[Any]) -> list[str]:
    if not cases:
        return []
    parts = ["Worked by hand:"]
    for case in cases:
        stated = {"type": case.type, **case.options}
        inputs = spell_shapes(case.inputs, " and ") or "no input"
        outputs = spell_shapes(case.outputs, " and ")
        numbers = [
            f"{name} {'not covered' if getattr(case, name) is None else format(getattr(case, name), ',')}"
            for name in COUNTS
            if getattr(case, name) != 0
        ]
        ends = f": {', '.join(numbers)}" if numbers else ""
        parts += [fenced(f"layer: {yaml_value(stated)}", "yaml"), f"{inputs} → {outputs}{ends}."]
        parts.append(f"> {_sentence(case.why)}")
    return parts


def _refused(rows: list[Any]) -> list[str]:
    """What it refuses, with the message; nested values would hide what is wrong."""
    if not rows:
        return []
    lines = []
    for row in rows:
        on = f" on {spell_shapes(row.inputs, ' and ')}" if row.inputs else ""
        lines.append(
            f"- `{clipped(yaml_value({'type': row.type, **row.options}))}`{on}: {prose(clipped(row.message))}."
        )
    return ["Refused:", "\n".join(lines)]


def _sentence(text: str) -> str:
    whole = " ".join(text.split())
    return whole[:1].upper() + whole[1:] + ("" if whole.endswith(".") else ".")
