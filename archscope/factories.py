"""What a factory is called, and the version of what it is from: ``package.module:Net`` as a command names a module."""

from __future__ import annotations

import re
import sys
from typing import Final

_VERSION: Final = re.compile(r"\d[\w.+!-]{0,39}")
_FACTORY: Final = re.compile(r"[\w.]+:[\w.]+")


def factory_of(path: str | None) -> str:
    """A factory with the version of its package; empty where the path is none of a factory.

    >>> factory_of("mypkg.models:Net@3,224,224")
    'mypkg.models:Net'
    >>> factory_of("/home/ada/nets/mine.yaml@small"), factory_of(None)
    ('', '')
    """
    factory = (path or "").partition("@")[0]
    return f"{factory}{_version(factory)}" if _FACTORY.fullmatch(factory) else ""


def _version(factory: str) -> str:
    """The version of the package that a factory is from, as it says it itself."""
    package = factory.partition(":")[0].partition(".")[0]
    said = getattr(sys.modules.get(package), "__version__", None)
    return f" of {package} {said}" if isinstance(said, str) and _VERSION.fullmatch(said) else ""
