"""Classes for pieces: equal ones are one class, and what they differ in are its arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from archscope.writing.listing import split_arguments

_MADE: Final = re.compile(r"self\.(?P<target>\w+(?:\.\d+)?) = (?P<class>[\w.]+)\((?P<rest>.*)\)\Z", re.DOTALL)
_HELD: Final = re.compile(
    r"self\.(?P<target>\w+) = (?P<class>nn\.Parameter\(torch\.empty)\((?P<rest>[^()]*)\)\)\Z", re.DOTALL
)
"""A weight of the class's own, whose extents are read as arguments."""


@dataclass(frozen=True)
class Arguments:
    """What a framework calls the arguments of its classes.

    Attributes:
        prefix: where its classes stand, ``nn.``.
        positions: the arguments that are given by their place, by what the name of a class begins with.
        filled: what an argument is where a class does not say, so that a layer which says is of the same class.
    """

    prefix: str
    positions: Mapping[str, Sequence[str]]
    filled: Mapping[str, Mapping[str, str]]

    def of(self, made: str, classes: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """The names of a class's arguments; ``classes`` are those of the source itself."""
        theirs = (each for start, each in self.positions.items() if made.startswith(self.prefix + start))
        return classes.get(made) or next(theirs, ())

    def otherwise(self, made: str) -> Mapping[str, str]:
        """What the arguments of a class are where it does not say."""
        return next((each for start, each in self.filled.items() if made.startswith(self.prefix + start)), {})


@dataclass
class Statement:
    """A line of a constructor: what is made of which class, with which arguments by name; or any other text.

    ``filled`` has the arguments that go without saying.
    """

    text: str
    target: str = ""
    made: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    positional: int = 0
    filled: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for statements that differ in values alone, and in none that is the object's own."""
        if not self.target:
            return (self.text,)
        own = tuple(value for value in self.arguments.values() if "self." in value)
        return self.target, self.made, tuple(name for name in self.arguments if name not in self.filled), own


def statements(lines: Sequence[str], classes: Mapping[str, Sequence[str]], arguments: Arguments) -> list[Statement]:
    """The statements of a constructor, each read as far as it is a plain call; ``classes`` name their arguments."""
    return [_statement(each, classes, arguments) for each in joined(lines)]


def joined(lines: Sequence[str]) -> list[str]:
    """Each statement of some lines as one text."""
    texts: list[str] = []
    for line in lines:
        if texts and line.startswith((" ", ")", "]")):
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return texts


def on_one_line(text: str) -> str:
    """An expression that stands on several lines on one."""
    whole = ""
    for part in (line.strip() for line in text.split("\n")):
        closes = part.startswith((")", "]"))
        apart = "" if closes or whole.endswith(("(", "[")) or not whole else " "
        whole = f"{whole.rstrip(',') if closes else whole}{apart}{part}"
    return whole


def _statement(text: str, classes: Mapping[str, Sequence[str]], known: Arguments) -> Statement:
    found = _HELD.match(text) or _MADE.match(text)
    if found is None:
        return Statement(text)
    rest = on_one_line(found["rest"]).rstrip(",")
    made = found["class"]
    names = known.of(made, classes)
    arguments: dict[str, str] = {}
    positional = 0
    for number, part in enumerate(split_arguments(rest)):
        keyword = re.match(r"(\w+)=(?!=)", part)
        if keyword is None:
            positional += 1
            arguments[names[number] if number < len(names) else f"argument{number}"] = part
        else:
            arguments[keyword[1]] = part[keyword.end() :]
    return Statement(text, found["target"], made, arguments, positional, known.otherwise(made))


@dataclass
class Draft:
    """One piece as a class would have it, before equal ones are found."""

    block: str
    place: str
    statements: list[Statement]
    forward: tuple[str, ...]
    methods: Mapping[str, str]

    @property
    def key(self) -> tuple[object, ...]:
        return self.block, tuple(each.key for each in self.statements), self.forward, tuple(self.methods)


@dataclass
class Made:
    """A class, and the arguments with which it makes each of its pieces; ``place`` is the first of those."""

    name: str
    block: str
    place: str
    parameters: list[str]
    constructor: list[tuple[str, str]]
    forward: tuple[str, ...]
    methods: Mapping[str, str]


def unify(drafts: Sequence[Draft], name: str) -> tuple[Made, list[list[tuple[str, str]]]]:
    """The class of equal drafts, and for each its arguments by name."""
    parameters: dict[tuple[str, ...], str] = {}
    lines: list[tuple[str, str]] = []
    for at, first in enumerate(drafts[0].statements):
        each = [draft.statements[at] for draft in drafts]
        if not first.target:
            lines.append(("", first.text))
            continue
        shown = []
        for place, argument in enumerate(_names(each)):
            values = tuple(one.arguments.get(argument, one.filled.get(argument, "")) for one in each)
            value = values[0]
            if len(set(values)) > 1:
                value = parameters.setdefault(values, "") or _named(argument, first.target, parameters)
                parameters[values] = value
            shown.append(value if place < first.positional else f"{argument}={value}")
        closing = ")" * (first.made.count("(") + 1)
        lines.append((f"self.{first.target}", f"{first.made}({', '.join(shown)}{closing}"))
    names = list(parameters.values())
    given = [[(name_, values[at]) for values, name_ in parameters.items()] for at in range(len(drafts))]
    return Made(name, drafts[0].block, drafts[0].place, names, lines, drafts[0].forward, drafts[0].methods), given


def _names(each: Sequence[Statement]) -> list[str]:
    """The arguments that any of some statements states, in their order."""
    found: dict[str, None] = {}
    for one in sorted(each, key=lambda statement: -len(statement.arguments)):
        found.update(dict.fromkeys(one.arguments))
    return [*found]


def _named(argument: str, target: str, parameters: Mapping[tuple[str, ...], str]) -> str:
    wanted = argument
    taken = set(parameters.values())
    if wanted in taken:
        wanted = f"{target.replace('.', '_')}_{argument}"
    while wanted in taken:
        wanted += "_"
    return wanted
