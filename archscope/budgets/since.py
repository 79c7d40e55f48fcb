"""What became of specs since a revision: the base branch of a pull request."""

from __future__ import annotations

from collections.abc import Iterable

from archscope.budgets.files import File
from archscope.difference import Difference, difference
from archscope.errors import NotFound, SpecError, UsageError
from archscope.files import is_there
from archscope.reader import load
from archscope.reader.variants import split


def since(files: Iterable[File], base: str) -> tuple[dict[str, Difference], tuple[str, ...]]:
    """What differs in the spec files that budgets are about, and which of them are new.

    Raises:
        NotFound: there is no such revision.
        UsageError: there is no git, or no repository.
    """
    changed: dict[str, Difference] = {}
    new: list[str] = []
    for path in dict.fromkeys(_specs(files)):
        name, variant = split(path)
        behind = f"@{variant}" if variant else ""
        try:
            before = load(f"{base}:./{name}{behind}")
        except NotFound as error:
            if "there is no file" not in str(error) and "has no variant" not in str(error):
                raise
            new.append(path)
            continue
        except SpecError:  # it did not read then; what it is now is all new
            new.append(path)
            continue
        try:
            found = difference(before, load(path), names=(f"{base}:{path}", path))
        except UsageError:
            new.append(path)
            continue
        if not found.same:
            changed[path] = found
    return changed, tuple(new)


def _specs(files: Iterable[File]) -> Iterable[str]:
    """The spec files that are there, as they are named."""
    for file in files:
        for each in file.named.values():
            spec = str(each.said["spec"])
            if ":" not in spec and is_there(split(spec)[0]):
                yield spec
