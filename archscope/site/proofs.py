"""The matrix of witnesses as evidence on a page: who confirmed which layer, and what was said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from archscope.oracles import WITNESSES, Verdict, Verification
from archscope.oracles.findings import spell
from archscope.site.evidence import Evidence, Mark, Table

_MARKS: Final = {
    Verdict.AGREES: ("agrees", "holds"),
    Verdict.EXPLAINED: ("explained", "claim"),
    Verdict.DIFFERS: ("differs", "differs"),
    Verdict.NOT_COVERED: ("–", "none"),
}


def evidence(verification: Verification) -> Evidence:
    """What the witnesses said of one network."""
    lines: tuple[tuple[str | Mark, ...], ...] = tuple(
        (layer or "Total", *(_mark(verification, layer, name) for name in verification.witnesses))
        for layer in verification.layers
    )
    matrix = Table(
        "Layers by witnesses", ("Layer", *verification.witnesses), (False,) * (1 + len(verification.witnesses)), lines
    )
    witnesses = Table(
        "The witnesses",
        ("Witness", "What it confirms"),
        (False, False),
        tuple((name, WITNESSES[name].confirms) for name in verification.witnesses),
    )
    return Evidence(
        name="proofs",
        heading="Who confirms it",
        link="Proofs",
        lead=verification.sentence.partition(": ")[2].capitalize(),
        tables=(matrix, witnesses),
        notes=tuple(_notes(verification)),
    )


def totals(verification: Verification) -> dict[tuple[str, str], str]:
    """What each witness itself counted for the whole network, by its name and the quantity."""
    return {
        (finding.witness, finding.quantity): (
            f"not covered: {finding.why}" if finding.verdict is Verdict.NOT_COVERED else spell(finding.theirs)
        )
        for finding in verification.findings
        if finding.layer is None and finding.witness != "published"
    }


def _mark(verification: Verification, layer: str | None, witness: str) -> Mark:
    text, kind = _MARKS[verification.verdict(layer, witness)]
    said = verification.cell(layer, witness)
    return Mark(text, kind, "; ".join(finding.sentence for finding in said))


def _notes(verification: Verification) -> Iterable[str]:
    """Every difference in a sentence; why something is not covered, once for each reason."""
    for finding in (*verification.differing, *verification.of(Verdict.EXPLAINED)):
        if finding.witness != "published":  # those have a table of their own
            yield finding.sentence
    reasons: dict[tuple[str, str], list[str]] = {}
    for finding in verification.of(Verdict.NOT_COVERED):
        if finding.witness != "published":
            reasons.setdefault((finding.witness, finding.why), []).append(finding.layer or "the total")
    for (witness, why), places in reasons.items():
        where = ", ".join(dict.fromkeys(places))
        yield f"{witness} does not cover {where}: {why}"
