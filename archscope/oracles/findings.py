"""`Finding`: one fact that archscope and somebody else state, and how the two compare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from archscope.layers.base import spell_shape
from archscope.theirs import said_by


class Verdict(Enum):
    """How a second opinion compares with archscope's own number."""

    AGREES = "agrees"
    DIFFERS = "differs"
    EXPLAINED = "differs, explained"
    NOT_COVERED = "not covered"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact stated twice.

    Attributes:
        witness: who says so; a key of `archscope.oracles.WITNESSES`.
        layer: the layer of the spec it is about; None for the whole network.
        quantity: what is stated, such as ``parameters``.
        verdict: how the two compare.
        ours: archscope's number or shape.
        theirs: the witness's.
        why: why it is not covered, or why it differs; how it matches, where that is not to the last digit.
        node: the node, where a layer has several.
        source: who published the figure.
        where: where in it.
        seen: whether a published figure was seen in its source.
        sampled: how much was looked at, where that was not all there is.
    """

    witness: str
    layer: str | None
    quantity: str
    verdict: Verdict
    ours: Any = None
    theirs: Any = None
    why: str = ""
    node: str | None = None
    source: str | None = None
    where: str | None = None
    sampled: str = ""
    seen: bool = True

    @property
    def cited(self) -> str:
        """The source of a published figure, where in it, and whether it was looked up there.

        >>> Finding("published", "C1", "units", Verdict.AGREES, source="book", where="Fig. 2").cited
        'book, Fig. 2'
        """
        return ", ".join(each for each in (self.source, self.where, "" if self.seen else "not seen there") if each)

    @property
    def place(self) -> str:
        """What it is about: the node, the layer, or the whole network."""
        return self.node or self.layer or "total"

    @property
    def sentence(self) -> str:
        """The finding as a sentence.

        >>> Finding("fvcore", "C1", "macs", Verdict.DIFFERS, 117_600, 470_400).sentence
        'C1: macs is 117,600; fvcore counts 470,400'
        """
        if self.verdict is Verdict.NOT_COVERED:
            return f"{self.place}: {self.quantity} is not covered by {self.witness}: {self.why}"
        if self.verdict is Verdict.AGREES:
            return f"{self.place}: {self.quantity} is {spell(self.ours)}; {self.witness} agrees"
        because = f" ({self.why})" if self.why else ""
        if self.quantity == "claim":
            return f"{self.source} claims: {self.theirs}{because}"
        verb = "printed" if self.source else "counts"
        said = f"{self.source or self.witness} {verb} {spell(self.theirs)}"
        return f"{self.place}: {self.quantity} is {spell(self.ours)}; {said}{because}"


def spell(value: Any) -> str:
    """A number or a shape as people write it.

    >>> spell(122304), spell((6, 28, 28)), spell(None)
    ('122,304', '6×28×28', 'nothing')
    """
    if value is None:
        return "nothing"
    if isinstance(value, (tuple, list)):
        if all(isinstance(each, int) for each in value):
            return spell_shape(value)
        return ", ".join(spell(each) for each in value)
    if isinstance(value, int):
        return f"{int(value):,}"
    if isinstance(value, float):
        return f"{value:,g}"
    return str(value)


def compared(
    witness: str, layer: str | None, quantity: str, ours: Any, theirs: Any, *, node: str | None = None, why: str = "",
    sampled: str = "",
) -> Finding:  # fmt: skip
    """A finding whose verdict is whether two values are equal.

    >>> compared("torchinfo", "C1", "parameters", 156, 156).verdict.value
    'agrees'
    """
    verdict = Verdict.AGREES if plain(ours) == plain(theirs) else Verdict.DIFFERS
    return Finding(witness, layer, quantity, verdict, plain(ours), plain(theirs), why, node, sampled=sampled)


def not_covered(witness: str, layer: str | None, quantity: str, why: str, *, node: str | None = None) -> Finding:
    """A finding that there is no second opinion, and why."""
    return Finding(witness, layer, quantity, Verdict.NOT_COVERED, why=why, node=node)


def part_missing(layers: Iterable[str]) -> str:
    """Why a total is not covered: layers of which a witness has no count, though they have products or may have.

    >>> part_missing(["C3"]), part_missing(["C3", "C3", "C5", "F6"])
    ('it has no count of `C3`', 'it has no count of `C3` and 2 more layers')
    """
    first, *others = dict.fromkeys(layers)
    more = len(others)
    return f"it has no count of `{first}`" + (f" and {more:,} more layer{'s' if more > 1 else ''}" if more else "")


def first_line(error: BaseException) -> str:
    """What a stranger's code or tool fails with, in a line.

    >>> first_line(ValueError("\\n  no such axis\\nat 3")), first_line(KeyError())
    ('no such axis', 'KeyError')
    """
    return next((line.strip() for line in said_by(error).splitlines() if line.strip()), type(error).__name__)


def plain(value: Any) -> Any:
    """Numbers without their working, and tuples of them."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, (tuple, list)):
        return tuple(plain(each) for each in value)
    return value


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """What a cell of the matrix says for several findings.

    >>> worst([Verdict.AGREES, Verdict.NOT_COVERED]).value
    'agrees'
    """
    found = set(verdicts)
    for verdict in (Verdict.DIFFERS, Verdict.EXPLAINED, Verdict.AGREES):
        if verdict in found:
            return verdict
    return Verdict.NOT_COVERED
