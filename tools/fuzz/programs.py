"""Exported programs with changes in them: bytes of the archive, and what its parts say."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from functools import cache
from random import Random

from tools.fuzz.files import opened
from tools.fuzz.mutating import mutated, torn


def one(random: Random) -> str | None:
    """Read a mutated ``.pt2`` file."""
    whole = _archive()
    if random.random() < 0.3:
        return opened(torn(whole, random), ".pt2")
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(made, "w") as new:
        parts = [each for each in old.namelist() if each.endswith(".json")]
        chosen = random.choice(parts)
        for name in old.namelist():
            body = old.read(name)
            if name == chosen:
                body = json.dumps(mutated(json.loads(body), random)).encode(errors="replace")
            new.writestr(name, body)
    return opened(made.getvalue(), ".pt2")


@cache
def _archive() -> bytes:
    """A small program as PyTorch saves it."""
    import torch
    from torch import nn

    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)).eval()
    made = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(net, (torch.zeros(1, 1, 4, 4),)), made)
    return made.getvalue()
