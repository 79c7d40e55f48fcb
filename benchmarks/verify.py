"""`archscope verify` as a whole process, against importing what it asks."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.pairs import Claim, in_turns, python

IMPORTS = python("-c", "import torch, torchinfo, fvcore.nn")


def claims() -> Iterator[Claim]:
    """All witnesses of a small network and of a large one against the imports alone."""
    for name, limit in (("lenet5", 2.0), ("alexnet", 3.0)):
        pair = in_turns(python("-m", "archscope", "verify", name), IMPORTS, turns=5)
        yield Claim(f"verify {name} against importing torch, torchinfo and fvcore", pair.ratio, limit, "at most",
                    spread=pair.spread)  # fmt: skip
