"""The JSON Schema of the spec language, made from the same declarations that the reader checks with.

Editors complete and check specs with it: a spec names it in its first line.

>>> schema = json_schema()
>>> schema["$defs"]["conv2d"]["properties"]["stride"]["default"]
1
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from archscope.layers import TYPES
from archscope.layers.base import Layer
from archscope.options import Json, Option, positive, shape
from archscope.reader.blocks.definitions import BLOCK, ON_BLOCK, TITLE, USE
from archscope.reader.document import KEYS
from archscope.reader.entries import ALLOW, NAME, PLACE
from archscope.reader.figures import FIGURE
from archscope.reader.initial import SCHEMES
from archscope.reader.inputs import INPUT
from archscope.reader.picture import PICTURE
from archscope.reader.training import TRAINING

TEXT: Json = {"type": "string", "minLength": 1}


def json_schema() -> Json:
    """The schema of a spec file, JSON Schema draft 2020-12."""
    activations = [name for name, kind in TYPES.items() if kind.family == "activation"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "archscope spec",
        "description": "A network's architecture, written once.",
        "type": "object",
        "additionalProperties": False,
        # The members of a family may each say it for themselves.
        "anyOf": [{"required": [key for key, each in KEYS.items() if each.required]}, {"required": ["variants"]}],
        "properties": {key: {"description": each.doc, **_TOP[key]} for key, each in KEYS.items()},
        "patternProperties": {"^x-": {"description": "Whatever is parked here for anchors; nothing reads it."}},
        # Without blocks, every type is one of ours.
        "if": {"not": {"required": ["blocks"]}},
        "then": {"properties": {"layers": {"additionalProperties": {"$ref": "#/$defs/layer"}}}},
        "$defs": {
            "layer": _one_of_types(TYPES),
            "line": _line(),
            "block": _block(),
            "variant": _variant(),
            "expression": {
                "description": "`$name` stands for a value of `let` or of the block; `4*$c` reckons with it.",
                "type": "string",
                "pattern": "\\$",
            },
            "activation": {
                "anyOf": [
                    {"enum": activations},
                    _one_of_types({name: TYPES[name] for name in activations}),
                    _EXPRESSION,
                ]
            },
            "init": {"type": "object", "additionalProperties": {"$ref": "#/$defs/scheme"}},
            "scheme": _scheme(),
            "figure": _figure(),
            "training": _declared(TRAINING, {}),
            "picture": _declared(PICTURE, {}),
            "input": _declared(INPUT, {"shape": _SHAPE, "vocabulary": {"anyOf": [positive.schema, _EXPRESSION]}}),
            **{
                f"place.{name}": {"description": each.doc, **_PLACES[name]}
                for name, each in {**PLACE, **USE, "title": TITLE}.items()
            },
            **{name: _layer(kind) for name, kind in TYPES.items()},
        },
    }


def write_schema() -> str:
    """The schema as the text of the file that ships beside the specs."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


_NAMED = {"type": "string", "pattern": NAME.pattern.replace("\\Z", "$")}
_NAMES = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}

_EXPRESSION: Json = {"$ref": "#/$defs/expression"}
_SHAPE: Json = {**shape.schema, "items": {"anyOf": [positive.schema, _EXPRESSION]}}
_INPUT: Json = {"anyOf": [_SHAPE, {"$ref": "#/$defs/input"}]}

_TOP: dict[str, Json] = {
    "name": TEXT,
    "title": TEXT,
    "summary": TEXT,
    "year": KEYS["year"].kind.schema,
    "task": TEXT,
    "sources": {"type": "object", "additionalProperties": TEXT},
    "input": {"anyOf": [_INPUT, {"type": "object", "additionalProperties": _INPUT, "minProperties": 1}]},
    "layers": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": _NAMED,
        "additionalProperties": {"$ref": "#/$defs/line"},
    },
    "let": {"type": "object"},
    "titles": {"type": "object", "additionalProperties": TEXT},
    "variants": {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/$defs/variant"}},
    "blocks": {
        "type": "object",
        "propertyNames": {**_NAMED, "not": {"enum": [*TYPES]}},
        "additionalProperties": {"$ref": "#/$defs/block"},
    },
    "output": _NAMES,
    "init": {"$ref": "#/$defs/init"},
    "allow": ALLOW.schema,
    "keep": {"anyOf": [TEXT, {"type": "array", "items": TEXT}]},
    "published": {"type": "array", "items": {"$ref": "#/$defs/figure"}},
    "training": {"$ref": "#/$defs/training"},
    "figure": {"$ref": "#/$defs/picture"},
}

_PLACES: dict[str, Json] = {
    "from": _NAMES,
    "activation": {"$ref": "#/$defs/activation"},
    "group": TEXT,
    "towers": _NAMES,
    "shares": _NAMED,
    "init": {"$ref": "#/$defs/init"},
    "allow": ALLOW.schema,
    "caption": TEXT,
    "title": TEXT,
    "repeat": {"anyOf": [{"type": "integer", "minimum": 1}, _EXPRESSION]},
    "first": {"type": "object"},
    "last": {"type": "object"},
    "each": {"type": "object", "additionalProperties": {"anyOf": [{"type": "array"}, _EXPRESSION]}},
    "columns": {"type": "array", "items": TEXT, "minItems": 1},
    "rows": {"anyOf": [{"type": "array", "items": {"type": "array"}, "minItems": 1}, _EXPRESSION]},
    "when": {"anyOf": [{"enum": ["changes", "fits"]}, {"type": "boolean"}, {"type": "integer"}, _EXPRESSION]},
}


def _line() -> Json:
    """A layer or the use of a block: what a block takes is said where it is defined, which no schema can look up."""
    open_ = _one_of_types(TYPES)
    places = {name: {"$ref": f"#/$defs/place.{name}"} for name in (*ON_BLOCK[1:],)}
    copied: Json = {"anyOf": [{"required": [word]} for word in ("repeat", "rows", "each")]}
    open_["dependentRequired"] = {"columns": ["rows"], "rows": ["columns"]}
    open_["dependentSchemas"] = {"first": copied, "last": copied}
    open_["properties"] = {"type": {"anyOf": [{"enum": list(TYPES)}, _NAMED, _EXPRESSION]}, **places}
    return open_


def _variant() -> Json:
    """What a member of a family changes: any part of the file, layers option by option."""
    changed = {key: {"description": each.doc, **_TOP[key]} for key, each in KEYS.items()}
    changed["layers"] = {"type": "object", "additionalProperties": {"type": ["object", "null"]}}
    properties = {key: each for key, each in changed.items() if key not in ("name", "variants")}
    return {"type": ["object", "null"], "additionalProperties": False, "properties": properties}


def _block() -> Json:
    """The definition of a block."""
    special: dict[str, Json] = {
        "options": {"type": "object", "propertyNames": _NAMED},
        "inputs": _NAMES,
        "outputs": {"anyOf": [_NAMES, {"type": "object", "additionalProperties": TEXT, "minProperties": 1}]},
        "layers": {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/$defs/line"}},
    }
    return _declared(BLOCK, special)


def _one_of_types(types: Mapping[str, type[Layer]]) -> Json:
    """By type, so that an editor checks a layer against its own type and not against all of them."""
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": list(types)}},
        "allOf": [
            {"if": {"properties": {"type": {"const": name}}}, "then": {"$ref": f"#/$defs/{name}"}} for name in types
        ],
    }


def _layer(kind: type[Layer]) -> Json:
    options = {name: _option(each) for name, each in kind.options.items()}
    places = {name: {"$ref": f"#/$defs/place.{name}"} for name in (*PLACE, *USE)}
    needed = [name for name, each in kind.options.items() if each.required]
    return {
        "description": (kind.__doc__ or "").partition("\n")[0].replace("``", "`"),
        "type": "object",
        "additionalProperties": False,
        "required": ["type"],
        # What copies differ in may be said for each of them.
        "if": {"not": {"anyOf": [{"required": ["each"]}, {"required": ["rows"]}]}},
        "then": {"required": needed},
        "properties": {"type": {"const": kind.type}, **options, **places},
    }


def _option(declared: Option) -> Json:
    either = {"anyOf": [_with_expressions(declared.kind.schema), _EXPRESSION]}
    described = {"description": f"{declared.doc} {declared.kind.name.capitalize()}.", **either}
    return described if declared.required or declared.default is None else {**described, "default": declared.default}


def _with_expressions(schema: Json) -> Json:
    """The schema of a value whose parts, too, may be expressions: `[1, $d]`."""
    opened: Json = {**schema}
    for key in {"anyOf", "prefixItems"} & schema.keys():
        opened[key] = [_with_expressions(each) for each in schema[key]]
    if schema.get("items"):
        opened["items"] = {"anyOf": [_with_expressions(schema["items"]), _EXPRESSION]}
    return opened


def _declared(options: Mapping[str, Option], special: Mapping[str, Json]) -> Json:
    properties = {
        name: {"description": each.doc, **special.get(name, each.kind.schema)} for name, each in options.items()
    }
    required = [name for name, each in options.items() if each.required]
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def _figure() -> Json:
    """A published figure: a quantity with its value, or a claim."""
    either: list[Json] = [{"required": ["quantity", "value"]}, {"required": ["claim"]}]
    return {**_declared(FIGURE, {"set": {"type": "object"}}), "anyOf": either}


def _scheme() -> Json:
    number: Json = {"type": "number"}
    stated: dict[str, Any] = {}
    for name, (arguments, meaning) in SCHEMES.items():
        if arguments:
            many = {"type": "array", "items": number, "minItems": arguments, "maxItems": arguments}
            stated[name] = {"description": meaning, "anyOf": [number, many]} if arguments == 1 else many
    words = [name for name, (arguments, _) in SCHEMES.items() if not arguments]
    mapping = {
        "type": "object",
        "additionalProperties": False,
        "properties": stated,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return {"anyOf": [number, {"enum": words}, mapping]}
