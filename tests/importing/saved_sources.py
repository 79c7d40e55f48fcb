"""Run as a program with ``KERAS_BACKEND=torch``: saves what the model of each source in a folder is.

Weights have shapes alone: nothing is drawn.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def main(folder: Path) -> None:
    import keras

    for path in sorted(folder.glob("*.py")):
        scope: dict[str, Any] = {}
        exec(compile(path.read_text(), path.name, "exec"), scope)
        with keras.device("meta"):
            path.with_suffix(".json").write_text(scope["model"]().to_json())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
