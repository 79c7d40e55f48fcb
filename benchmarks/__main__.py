"""``python -m benchmarks [NAME …]`` prints every claim with what was measured, and fails where one does not hold."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

BENCHMARKS = (
    "table",
    "figure",
    "graph",
    "volumes",
    "page",
    "docs",
    "verify",
    "trace",
    "onnx",
    "difference",
    "memory",
    "sweep",
)
"""Every benchmark by the name of its module."""


def main(names: Sequence[str]) -> int:
    """Run the named benchmarks, or all."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark `{unknown[0]}`; benchmarks: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    failed = 0
    for name in names or BENCHMARKS:
        print(f"{name}:", flush=True)
        for claim in importlib.import_module(f"benchmarks.{name}").claims():
            print(f"  {claim}", flush=True)
            failed += not claim.holds
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
