"""The JSON that archscope writes and the schema of what it reads, with a real example of each."""

from __future__ import annotations

import inspect
import json

import archscope
from archscope.formats import json as analysis_json
from archscope.formats.sheet import View
from archscope.reader.schema import json_schema
from tools.pages.markdown import fenced, page, prose, table

KEYS = {
    "schema": "always `archscope.analysis/1`; a change that breaks a reader changes the number",
    "name": "the spec's name",
    "title": "what a heading calls it",
    "input": "shape of one sample, without the batch",
    "layers": "the layers of the spec with their activations folded in; with `--all` every node",
    "groups": "where layers stand in blocks: each block with its sums",
    "totals": "the sums",
}
QUANTITIES = {
    "name": "the layer's name",
    "type": "its layer type",
    "inputs": "the layers it reads",
    "output": "shape of its output",
    "parameters": "trainable values",
    "fixed": "values held but not trained",
    "connections": "weighted input lines, bias lines and padding included",
    "connections_in_bounds": "those that do not end in the padding",
    "macs": "multiply-accumulates",
    "units": "output values, if it holds weights",
    "receptive_field": "input positions that reach one output, an axis at a time",
    "jump": "input positions between neighbouring outputs",
    "dense_equivalent": "connections of an untied map from all its inputs",
    "working": "the arithmetic of parameters and connections; of every count with `--working`",
}


def pages() -> dict[str, str]:
    whole = analysis_json.plain(archscope.analyze(archscope.load("lenet5")), View())
    example = {**whole, "layers": whole["layers"][:1]}
    top = json_schema()
    needed = top["anyOf"][0]["required"]
    return {
        "reference/data-formats.md": page(
            "Data formats",
            "## archscope.analysis/1",
            prose(inspect.getdoc(analysis_json) or ""),
            "`archscope table lenet5 --format json` writes it. A number that is not covered is `null`.",
            table(("key", "value"), [(f"`{key}`", KEYS.get(key, "")) for key in whole]),
            "Each layer:",
            table(("key", "value"), [(f"`{key}`", QUANTITIES.get(key, "")) for key in whole["layers"][0]]),
            "LeNet-5 with the first of its layers:",
            fenced(json.dumps(example, indent=2, ensure_ascii=False), "json"),
            "## The schema of specs",
            f"{top['description']} `archscope schema` prints its JSON Schema, draft 2020-12, and it ships beside the "
            "specs. An editor with a YAML language server completes and checks a spec whose first line is",
            fenced("# yaml-language-server: $schema=archscope.schema.json", "yaml"),
            "after `archscope schema -o archscope.schema.json` in the same folder. Its top level:",
            table(
                ("key", "required", "meaning"),
                [
                    (f"`{key}`", "yes" if key in needed else "", each["description"])
                    for key, each in top["properties"].items()
                ],
            ),
        )
    }
