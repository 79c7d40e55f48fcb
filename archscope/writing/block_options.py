"""`Block`: a block of a spec that is being written; what its copies differ in becomes its options."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from archscope.reader.blocks.definitions import ON_BLOCK
from archscope.reader.entries import PLACE
from archscope.record import EMPTY, Record
from archscope.writing.parts import Leaf, Part
from archscope.writing.spec import Raw, what

_OTHERWISE: Final = {"activation": "act", "repeat": "copies"}
"""Options whose names have a meaning of their own on a line."""


MISSING: Final = object()
"""Stands for the value of a line that a copy has not."""


class Line(Record):
    """A line of a block or of the spec.

    Attributes:
        name: the last part of the name.
        reads: what it reads: lines by name, inputs of the block by number.
        block: the block it uses; None for a layer.
        parts: the groups it stands for: one, or the copies of a run.
        leaf: the row it stands for, or the first of some equal ones.
        place: what it says of its place.
        run: whether it stands for copies in series.
        times: how many equal rows it stands for.
    """

    name: str
    reads: tuple[str | int, ...]
    block: Block | None
    parts: tuple[Part, ...]
    leaf: Leaf | None = None
    place: Mapping[str, Any] = EMPTY
    run: bool = False
    times: int = 0

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for lines that differ in values alone."""
        return self.reading(self.reads)

    def reading(self, reads: tuple[str | int, ...]) -> tuple[Any, ...]:
        """The key of the same line if it read these."""
        kind = id(self.block) if self.leaf is None else self.leaf.node.layer.type
        return self.name, kind, reads, self.run, _key(self.place)

    def values(self) -> dict[str, Any]:
        """What it gives its layer or block, all defaults filled in; of copies also what the first or last differ in."""
        if self.leaf is not None:
            layer = self.leaf.node.layer
            said = {name: each.kind.show(getattr(layer, name)) for name, each in layer.options.items()}
            said["activation"] = what(self.leaf.nodes).get("activation", "identity")
            return {**said, "repeat": self.times} if self.run else said
        if self.block is None:
            return {}
        given = [self.block.given[part.path] for part in self.parts]
        if not self.run:
            return dict(given[0])
        return {**{name: [each[name] for each in given] for name in self.block.options}, "repeat": len(given)}

    def said(self, shown: Mapping[str, Any] | None, reads: Sequence[str], above: str | None) -> dict[str, Any]:
        """The line as it is written, with the values that are ``shown`` or else its own."""
        said: dict[str, Any] = {
            "type": self.leaf.node.layer.type if self.leaf else self.block.name if self.block else ""
        }
        values = _spread([self.values()], self)[0] if shown is None else shown
        plain = {name: each for name, each in values.items() if "." not in name and name not in ("repeat", "when")}
        said.update({name: each for name, each in plain.items() if not self._default(name, each)})
        if reads and [*reads] != [above]:
            said["from"] = [*reads] if len(reads) > 1 else reads[0]
        said.update(self.place)
        for where in ("first", "last", "each"):
            own = {
                name.removeprefix(f"{where}."): each for name, each in values.items() if name.startswith(f"{where}.")
            }
            if own:
                said[where] = own
        if self.run and "each" not in said:
            said["repeat"] = values["repeat"]
        if "when" in values:
            said["when"] = values["when"]
        return said

    def _default(self, name: str, value: Any) -> bool:
        if isinstance(value, Raw):
            return False
        if self.block is not None:
            return name in self.block.defaults and _key(self.block.defaults[name]) == _key(value)
        layer = self.leaf.node.layer if self.leaf is not None else None
        if name == "activation" or layer is None:
            return bool(value == "identity")
        option = layer.options[name]
        return not option.required and _key(option.kind.show(option.kind.parse(option.default))) == _key(value)


class Block:
    """A block that is being written.

    Attributes:
        inputs: how many it is given.
        end: the line whose output it puts out.
        lines: the lines of the copy that has most.
        found: its copies, each with its lines by name.
        options: its options by name, each with its value in every copy.
        defaults: the values that most copies have.
        given: the values of its options, by the path of the copy.
    """

    def __init__(self, inputs: int, end: str, lines: tuple[Line, ...]) -> None:
        self.name = ""
        self.end = end
        self.lines = lines
        self.inputs = ["input", *(f"input_{number}" for number in range(2, inputs + 1))]
        self.found: list[tuple[Part, Mapping[str, Line]]] = []
        self.options: dict[str, list[Any]] = {}
        self.defaults: dict[str, Any] = {}
        self.given: dict[tuple[str, ...], dict[str, Any]] = {}
        self._shown: list[dict[str, Any]] = []

    def join(self, inputs: int, end: str, lines: tuple[Line, ...]) -> bool:
        """Take a group for a copy of this block where one of the two lacks lines that only stand on a way past them."""
        if inputs != len(self.inputs) or any(line.block and self in line.block.within() for line in lines):
            return False
        mine, theirs = {line.name for line in self.lines}, {line.name for line in lines}
        if theirs < mine:
            return _without(self.lines, self.end, mine - theirs) == (end, [line.key for line in lines])
        if mine < theirs and _without(lines, end, theirs - mine) == (self.end, [line.key for line in self.lines]):
            self.lines, self.end = lines, end
            return True
        return False

    def within(self) -> list[Block]:
        """It and the blocks that it uses, those first."""
        inner = [each for line in self.lines if line.block is not None for each in line.block.within()]
        return [*dict.fromkeys([*inner, self])]

    def settle(self) -> None:
        """Find what its copies differ in; the blocks that it uses have done so."""
        for line in self.lines:
            mine = [lines.get(line.name) for _, lines in self.found]
            spread = iter(_spread([each.values() for each in mine if each is not None], line))
            rows = [None if each is None else next(spread) for each in mine]
            names = next(row for row in rows if row is not None)
            shown = {
                name: self._shown_of(line, name, [MISSING if row is None else row[name] for row in rows])
                for name in names
            }
            if None in mine:
                name = line.name if not line.name[0].isdigit() else f"has_{line.name}"
                shown["when"] = self._shown_of(line, name, [each is not None for each in mine])
            self._shown.append(shown)
        for number, (part, _) in enumerate(self.found):
            self.given[part.path] = {name: values[number] for name, values in self.options.items()}
        for name, values in self.options.items():
            usual, times = Counter(_key(each) for each in values).most_common(1)[0]
            if 2 * times > len(values) and times > 1:
                self.defaults[name] = json.loads(usual)

    def _shown_of(self, line: Line, name: str, values: list[Any]) -> Any:
        """What a line says of an option: a value that all copies have, or the name of one of the block's options."""
        said = [each for each in values if each is not MISSING]
        if len({_key(each) for each in said}) == 1:
            return said[0]
        for option, others in self.options.items():
            there = [other for value, other in zip(values, others, strict=True) if value is not MISSING]
            if _key(there) == _key(said):
                return Raw(f"${option}")
            factor = _factor(said, there)
            if factor is not None:
                return Raw(f"{factor}*${option}")
        option = self._free(line.name, _OTHERWISE.get(name, name).replace(".", "_"))
        self.options[option] = [said[0] if each is MISSING else each for each in values]
        return Raw(f"${option}")

    def _free(self, line: str, wanted: str) -> str:
        taken = {*self.options, *ON_BLOCK, *PLACE, *self.inputs, "in"}
        name = wanted
        if name in taken:
            name = f"{line}_{wanted}" if not line[0].isdigit() else f"{wanted}_{line}"
        while name in taken:
            name += "_"
        return name

    def definition(self) -> dict[str, Any]:
        """What stands below its name."""
        said: dict[str, Any] = {}
        if self.options:
            said["options"] = {name: self.defaults.get(name, Raw("")) for name in self.options}
        if len(self.inputs) > 1:
            said["inputs"] = self.inputs
        if self.end != self.lines[-1].name:
            said["outputs"] = [self.end]
        lines = {}
        above = self.inputs[0]
        for line, shown in zip(self.lines, self._shown, strict=True):
            reads = [self.inputs[each] if isinstance(each, int) else each for each in line.reads]
            lines[line.name] = line.said(shown, reads, above)
            above = line.name
        return {**said, "layers": lines}


def _without(lines: Sequence[Line], end: str, missing: set[str]) -> tuple[str | int, list[tuple[Any, ...]]] | None:
    """The end and the keys of lines where some are passed by: what reads those reads what they would have read."""
    past: dict[str | int, str | int] = {}
    for line in lines:
        if line.name in missing:
            if not line.reads:
                return None
            past[line.name] = past.get(line.reads[0], line.reads[0])
    left = [line for line in lines if line.name not in missing]
    if len(left) < max(2, len(lines) / 2):
        return None
    return past.get(end, end), [line.reading(tuple(past.get(each, each) for each in line.reads)) for line in left]


def _spread(values: list[dict[str, Any]], line: Line) -> list[dict[str, Any]]:
    """The values of copies in series as a line says them: what all have, and what the first or the last differ in."""
    if not line.run or line.block is None:
        return values
    spread: list[dict[str, Any]] = [{"repeat": each["repeat"]} for each in values]
    for name in line.block.options:
        rows = [each[name] for each in values]
        form = _form(rows)
        for made, row in zip(spread, rows, strict=True):
            if form == "each":
                made[f"each.{name}"] = row
                continue
            made[name] = row[-1] if form == "first" else row[0]
            if form:
                made[f"{form}.{name}"] = row[0] if form == "first" else row[-1]
    return spread


def _form(rows: Sequence[Sequence[Any]]) -> str:
    """How copies are told apart: not at all, or by the first, the last, or each."""
    for form, cut in (("", slice(None)), ("first", slice(1, None)), ("last", slice(None, -1))):
        if all(len({_key(each) for each in row[cut]}) < 2 for row in rows):
            return form
    return "each"


def _factor(values: list[Any], others: list[Any]) -> int | None:
    """The whole number by which all values are greater than others."""
    if not all(type(each) is int and each > 0 for each in (*values, *others)):
        return None
    factor = values[0] // others[0]
    return (
        factor
        if factor > 1 and all(value == factor * other for value, other in zip(values, others, strict=True))
        else None
    )


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
