"""What tools say of a layer, in the words that their tables have in common."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

from archscope.conventions.tally import (
    BIAS,
    MISSED_ATTENTION,
    NOTHING,
    Recurrence,
    Rule,
    Tally,
    affine,
    biased,
    by_hand,
    local_response,
    made,
    missed,
    option,
    ours,
    projections,
    read,
    recurrence,
)
from archscope.layers.base import Facts, Layer


def table(*rows: tuple[str, Rule], otherwise: Rule = missed) -> Rule:
    """A tool's convention: the first row that speaks of a layer's type answers.

    Args:
        rows: types, with `?` and `*` as in a file's name, several with spaces between them; and the answer.
        otherwise: the answer about every other type.

    >>> rule = table(("linear conv?d", products))
    """

    def rule(layer: Layer, facts: Facts) -> Tally:
        for types, answer in rows:
            if any(fnmatchcase(layer.type, each) for each in types.split()):
                return answer(layer, facts)
        return otherwise(layer, facts)

    return rule


def products(layer: Layer, facts: Facts) -> Tally:
    """Our multiply-accumulates."""
    return Tally(ours(facts))


def biased_products(layer: Layer, facts: Facts) -> Tally:
    """Our multiply-accumulates, and one for each value that a bias is added to."""
    return Tally(ours(facts), ((made(facts), BIAS),) if biased(facts) else ())


def projected(layer: Layer, facts: Facts) -> Tally:
    """Of attention only the products with its weights."""
    return Tally(projections(facts), (), MISSED_ATTENTION)


def without_tables(answer: Rule) -> Rule:
    """An answer about convolutions that a connection table's escape."""

    def rule(layer: Layer, facts: Facts) -> Tally:
        return answer(layer, facts) if not by_hand(layer) else missed(layer, facts)

    return rule


def each(times: int, values: Callable[[Facts], int], why: str) -> Rule:
    """So much for each value that is read, or made."""
    return lambda _, facts: Tally(0, ((times * values(facts), why),))


def norm(learned: int, plain: int, why: str) -> Rule:
    """So much for each value of a norm, and less where no factors are learned."""
    return lambda _, facts: Tally(0, (((learned if affine(facts) else plain) * read(facts), why),))


def response(why: str) -> Rule:
    """Every operation of PyTorch's local response normalization; of Caffe's within a channel nothing."""
    return lambda layer, facts: (
        NOTHING if option(layer, "within_channel") else Tally(0, ((local_response(layer, facts), why),))
    )


def recurrent(beside: Callable[[Recurrence], int], why: str) -> Rule:
    """The products of a recurrent layer, and so much beside them in each of its cells."""

    def rule(layer: Layer, facts: Facts) -> Tally:
        cells = recurrence(layer, facts)
        assert cells is not None  # noqa: S101 - a table asks this of recurrent layers alone
        return Tally(ours(facts), ((cells.cells * beside(cells), why),))

    return rule
