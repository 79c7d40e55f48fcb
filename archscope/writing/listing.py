"""What the source generators share: a node's place, names for values and classes, a class laid out as text."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from archscope.building.fans import fan_in
from archscope.building.taken import EXPORTED, TAKEN
from archscope.escaping import line, python_docstring
from archscope.layers import Facts, Shape
from archscope.network import Network, Node, Ref
from archscope.writing.starting import Starts


@dataclass
class Listing:
    """The parts of a class as they grow: constructor lines, forward lines, and the methods both need.

    ``attributes`` has the attribute of each node, see `attributes`, and ``values`` the variable of each value.
    """

    attributes: Mapping[str, str]
    constructor: list[str] = field(default_factory=list)
    forward: list[str] = field(default_factory=list)
    methods: dict[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, network: Network) -> Listing:
        """An empty listing of a network."""
        return cls(attributes(network), values=variables(network))


class Place:
    """One node before a writer: its facts, what it reads, and where its lines go.

    Attributes:
        taken: an expression for each input.
        name: the attribute that holds its weights: the node's own, or that of the node whose weights it shares.
        borrows: whether another node's layer is run again, all its weights shared.
        tied: the weights that are another node's where its own layer runs, as that of a head is an embedding's.
        owner, owner_type: the attribute and the layer type of the node whose weights it shares.
        first_alone: whether of several outputs nothing reads any but the first.
        starts: the scheme that starts each trained weight, where the spec says; none for another's.
    """

    def __init__(self, network: Network, node: Node, taken: Sequence[str], listing: Listing) -> None:
        self.node = node
        self.layer: Any = node.layer
        self.facts: Facts = network.facts[node.name]
        self.taken = list(taken)
        self.listing = listing
        read = (*network.outputs, *(ref for reader in network.consumers[node.name] for ref in reader.inputs))
        self.first_alone = not any(ref.output for ref in read if ref.node == node.name)
        self.borrows, self.tied, self.owner, self.owner_type = False, frozenset[str](), "", ""
        if node.shares is not None:
            own, theirs = ({each.name for each in network.facts[name].weights} for name in (node.name, node.shares))
            owner = network.by_name[node.shares].layer
            self.owner, self.owner_type = listing.attributes[node.shares], owner.type
            self.borrows = self.layer == owner and own == theirs
            self.tied = frozenset() if self.borrows else frozenset(own & theirs)
        self.name = self.owner if self.borrows else listing.attributes[node.name]
        self.starts = Starts(node.replace(init=()) if self.borrows else node, self.facts, self.tied)

    @property
    def shape(self) -> Shape:
        """The first input's shape, channels first."""
        return tuple(int(extent) for extent in self.facts.inputs[0]) if self.facts.inputs else ()

    def construct(self, *lines: str) -> None:
        """Have lines in the constructor, unless another node's layer is run again."""
        if not self.borrows:
            self.listing.constructor += lines

    @property
    def over_table(self) -> bool:
        """Whether it convolves over a connection table."""
        return getattr(self.layer, "connection_table", None) is not None

    @property
    def fan_in(self) -> int:
        """Inputs of one unit, of the layer's first weight."""
        shapes = {each.name: tuple(map(int, each.shape)) for each in self.facts.weights}
        return fan_in(self.layer, self.facts.weights[0].name, shapes)


def short(values: Sequence[int]) -> str:
    """A value for each axis, once if they are all the same.

    >>> short((5, 5)), short((3, 5))
    ('5', '(3, 5)')
    """
    return str(values[0]) if len(set(values)) == 1 else str(tuple(values))


def class_name(network: Network) -> str:
    """A class name from a network's name.

    >>> import archscope
    >>> class_name(archscope.load("lenet5-1998"))
    'Lenet5_1998'
    """
    parts = re.split(r"[^A-Za-z0-9]+", network.name)
    name = parts[0][:1].upper() + parts[0][1:]
    for part in parts[1:]:
        name += f"_{part}" if part[:1].isdigit() else part[:1].upper() + part[1:]
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"Network{name}"


def attributes(network: Network) -> Mapping[str, str]:
    """An attribute for each node: its name, with ``_`` for the dots; no two nodes have the same."""
    return _distinct((node.name, attribute(node.name)) for node in network.nodes)


def attribute(node: str) -> str:
    """An attribute for a node: its name, with ``_`` for the dots and for all that no name in Python can have.

    >>> attribute("conv1.gpu0"), attribute("0.relu"), attribute("x = exit()")
    ('conv1_gpu0', 'layer_0_relu', 'x___exit__')
    """
    name = _identifier(node, "layer_")
    return f"{name}_" if keyword.iskeyword(name) or name in TAKEN | EXPORTED | _METHODS else name


def _identifier(text: str, before: str) -> str:
    """A name in Python, with ``before`` in front where it could not begin one; normalized as Python does."""
    name = re.sub(r"\W", "_", unicodedata.normalize("NFKC", text))
    name = name if name.isidentifier() else f"{before}{name}"
    return name if name.isidentifier() else ascii(name).translate(_NO_LETTERS)


_NO_LETTERS = {ord(mark): "_" for mark in "\\'"}


def _distinct(wanted: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """A name for each key, with a number behind it where another has it already."""
    names: dict[str, str] = {}
    given: dict[str, int] = {}
    for key, name in wanted:
        free = name
        while free in given:
            given[name] += 1
            free = f"{name}_{given[name]}"
        given[free] = 1
        names[key] = free
    return names


_METHODS = frozenset({
    "apart", "around", "attend", "attend_in_groups", "columns_of", "dropped_path", "given", "gru_step", "hiding",
    "laid_over", "lstm_step", "mix_experts", "normalize_maps", "normalize_within", "over_places", "over_table", "recur",
    "regions", "resized", "rnn_step", "rotate", "rows_of_distances", "rows_of_window", "run_lstm", "run_rnn", "slope",
    "squash", "subsample", "unlike", "waves", "within",
})  # fmt: skip
"""Methods that a class may have for layers which a framework has not; a test holds them against the writers."""


def variables(network: Network) -> Mapping[str, str]:
    """A variable for each value: ``x`` where the next line alone reads it, else a name of its own."""
    order = {node.name: place for place, node in enumerate(network.nodes)}
    kept = {ref.node for ref in network.outputs}
    passed: set[str] = set()
    for name in (*network.inputs, *order):
        readers = network.consumers[name]
        follows = len(readers) == 1 and order[readers[0].name] == order.get(name, -1) + 1
        alone = follows and len({ref.node for ref in readers[0].inputs}) == 1
        only_result = not readers and name in kept and len(network.outputs) == 1
        single_input = name not in network.inputs or len(network.inputs) == 1
        if ((alone and name not in kept) or only_result) and single_input:
            passed.add(name)
    everything = [*network.inputs, *order]
    own = _distinct((name, _value(name)) for name in everything if name not in passed)
    return {name: own.get(name, "x") for name in everything}


def _value(name: str) -> str:
    text = "image" if name == "input" else _identifier(name.lower(), "value_")
    return f"{text}_" if keyword.iskeyword(text) or text in _NAMES_IN_USE else text


_NAMES_IN_USE = frozenset(
    {
        "x",
        "batch",
        "self",
        "torch",
        "nn",
        "keras",
        "ops",
        "jax",
        "jnp",
        "nnx",
        "rngs",
        "float",
        "super",
        "block",
        "blocks",
        "layer",
        "__debug__",
    }
)


def transcribe(
    network: Network, listing: Listing, write: Callable[[Node, list[str]], str], batch: str = "{}.shape[0]"
) -> tuple[str, str]:
    """Have a line for every node; the arguments of the function they make, and its result.

    ``write`` gives the expression of a node, from an expression for each of its inputs; ``batch`` is how many
    samples an input has, for layers that read none.
    """
    names = listing.values
    if not all(node.inputs for node in network.nodes):
        listing.forward.append(f"batch = {batch.format(names[next(iter(network.inputs))])}")
    inside: dict[str, str] = {}
    kept = {ref.node for ref in network.outputs}
    for node, following in zip(network.nodes, [*network.nodes[1:], None], strict=True):
        taken = [inside.pop(ref.node, "") or _read(network, names, ref) for ref in node.inputs]
        expression = write(node, taken)
        if node.name not in kept and _nests(network, node, following):
            inside[node.name] = expression
        elif expression != names[node.name]:
            listing.forward += assignment(names[node.name], expression)
    arguments = ", ".join(names[name] for name in network.inputs)
    return arguments, ", ".join(_read(network, names, ref) for ref in network.outputs)


def _read(network: Network, names: Mapping[str, str], ref: Ref) -> str:
    several = ref.node in network.by_name and len(network.by_name[ref.node].layer.output_names) > 1
    return f"{names[ref.node]}[{ref.output}]" if several else names[ref.node]


def _nests(network: Network, node: Node, following: Node | None) -> bool:
    """Whether a node's expression can stand inside the next line's: an activation named on it follows."""
    readers = network.consumers[node.name]
    return following is not None and len(readers) == 1 and readers[0] is following and following.folded


def doc(network: Network, width: int = 96) -> list[str]:
    """The class's docstring: title and summary."""
    import textwrap

    lines = textwrap.wrap(f"{line(network.title or network.name)}.", width)
    if network.summary:
        lines += ["", *textwrap.wrap(line(network.summary), width)]
    for name, many in network.tokens.items():
        which = "Takes" if len(network.inputs) == 1 else f"`{name}` are"
        lines += ["", *textwrap.wrap(f"{which} token numbers: whole numbers from 0 to {many - 1:,}.", width)]
    return python_docstring(lines)


def assignment(target: str, expression: str, width: int = 100) -> list[str]:
    """``target = expression``, on several lines if one would be too long."""
    return spread(f"{target} = ", expression, "", width - 8)


_MOST_TERMS: Final = 500
"""Terms of a sum in one expression: each is one level of it, and Python compiles some thousand."""


def summed(terms: Sequence[str]) -> str:
    """A sum as an expression; of very many terms one that adds them in the same order without nesting them.

    >>> summed(["a", "b", "c"])
    'a + b + c'
    """
    return " + ".join(terms) if len(terms) <= _MOST_TERMS else f"sum([{', '.join(terms[1:])}], {terms[0]})"


def spread(head: str, expression: str, end: str, width: int) -> list[str]:
    """An expression between two texts; what is too long has a line for each argument, or for each term."""
    if len(head) + len(expression) + len(end) <= width:
        return [f"{head}{expression}{end}"]
    opens = [place for place, depth in _depths(expression) if depth == 0]
    name, bracket, rest = _first_bracket(expression)
    if bracket and opens == [*range(len(name)), len(expression) - 1]:
        parts = split_arguments(rest[:-1])
        if not name and bracket == "(" and len(parts) == 1:
            return spread(head, parts[0], end, width)
        lines = [line for part in parts for line in spread("", part, ",", width - 4)]
        return [f"{head}{name}{bracket}", *(f"    {line}" for line in lines), f"{expression[-1]}{end}"]
    for operator in (" + ", " * ", " / "):
        places = [-len(operator), *(place for place in opens if expression.startswith(operator, place))]
        if len(places) > 1:
            ends = [*places[1:], len(expression)]
            terms = [expression[at + len(operator) : to] for at, to in zip(places, ends, strict=True)]
            before = ["", *[operator.lstrip()] * (len(terms) - 1)]
            lines = [
                line for each, term in zip(before, terms, strict=True) for line in spread(each, term, "", width - 4)
            ]
            return [f"{head}(", *(f"    {line}" for line in lines), f"){end}"]
    return [f"{head}{expression}{end}"]


def _first_bracket(expression: str) -> tuple[str, str, str]:
    """An expression up to its first bracket, the bracket, and what follows; that of a list's own is no bracket."""
    found = re.search(r"\(|\[(?!.* for )", expression)
    return expression.partition(found[0] if found else "(")


def _depths(text: str) -> Iterator[tuple[int, int]]:
    """How many brackets are open after each letter; a quotation is one more."""
    depth, quoted = 0, ""
    for place, mark in enumerate(text):
        if mark in "'\"" and quoted in ("", mark):
            quoted = "" if quoted else mark
        elif not quoted:
            depth += (mark in "([{") - (mark in ")]}")
        yield place, depth + bool(quoted)


def split_arguments(text: str) -> list[str]:
    """Arguments apart, brackets and quotations kept together.

    >>> split_arguments("1, [2, 3], kernel_size=(5, 5), axes='a, b'")
    ['1', '[2, 3]', 'kernel_size=(5, 5)', "axes='a, b'"]
    """
    parts, start = [], 0
    for place, depth in _depths(text):
        if text[place] == "," and not depth:
            parts.append(text[start:place].strip())
            start = place + 1
    return [part for part in (*parts, text[start:].strip()) if part]


def signature_lines(text: str, width: int = 96) -> list[str]:
    """``def name(arguments):`` on several lines if one would be too long."""
    if len(text) <= width:
        return [text]
    head, _, rest = text.partition("(")
    arguments, _, end = rest.rpartition(")")
    return [f"{head}(", *(f"    {part}," for part in split_arguments(arguments)), f"){end}"]


def laid_out(imports: Sequence[str], head: str, docstring: Sequence[str], listing: Listing, signature: str,
             result: str, constructor: str = "def __init__(self) -> None:") -> str:  # fmt: skip
    """The source of a module with one class."""
    lines = [*imports, "", "", head]
    lines += [f"    {line}".rstrip() for line in docstring]
    made = [*(["super().__init__()"] if head.endswith("):") else []), *listing.constructor]
    lines += ["", *(f"    {line}" for line in signature_lines(constructor))]
    lines += [f"        {line}".rstrip() for line in made or ["pass"]]
    lines += ["", f"    {signature}"]
    lines += [f"        {line}".rstrip() for line in listing.forward]
    lines += [f"        return {result}"]
    for method in listing.methods.values():
        lines += ["", *(f"    {line}".rstrip() for line in method.strip("\n").split("\n"))]
    return "\n".join(lines)
