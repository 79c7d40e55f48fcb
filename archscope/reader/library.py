"""Where specs are: the ones that ship with archscope, by name, and a person's own, by path."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from archscope.errors import NotFound, UsageError, did_you_mean, nearest
from archscope.files import is_there
from archscope.limits import LARGEST_FILE
from archscope.reader.variants import SIGN, variants_of

_SUFFIXES = (".yaml", ".yml")
_OTHERS = (".onnx", ".keras", ".json", ".pt2", ".prototxt", ".caffemodel", ".safetensors", ".gguf")
"""Suffixes of other tools' files: what ends so is meant as a file, whether it is there or not."""


def specs_folder() -> Path:
    """The folder of the specs that ship with archscope: inside the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "specs"
    return inside if inside.is_dir() else package.parent / "specs"


def spec_names(*, variants: bool = False) -> list[str]:
    """The names of the specs that ship with archscope, sorted; of a family its first member, or all of them.

    >>> "lenet5" in spec_names()
    True
    """
    names: list[str] = []
    for path in sorted(specs_folder().glob("*.yaml"), key=lambda each: each.stem):
        members = [f"{path.stem}{SIGN}{each}" for each in variants_of(path)] or [path.stem]
        names += members if variants else members[:1]
    return names


def near_spec(text: str) -> str | None:
    """The shipped spec that is meant by a name, or by a title, whatever stands between its letters and digits.

    >>> near_spec("resnet50"), near_spec("gpt-2"), near_spec("vgg16"), near_spec("lenet6"), near_spec("zzz")
    ('resnet@50', 'gpt2@small', 'vgg@D', 'lenet5', None)
    """
    names = spec_names(variants=True)
    titles = {line["name"]: line["title"] for line in json.loads(index_file().read_text(encoding="utf-8"))}
    written = [(name, name) for name in names]
    written += [(name.partition(SIGN)[0], name) for name in spec_names()]  # of a family its first member
    for name in names:
        title = titles.get(name, "")
        written += [(each, name) for each in (title, *re.findall(r"\((.+?)\)", title))]
    meant: dict[str, str] = {}
    for letters, name in written:
        meant.setdefault(_letters(letters), name)
    near = nearest(_letters(text), meant)
    return None if near is None else meant[near]


def _letters(text: str) -> str:
    return "".join(each for each in text.casefold() if each.isalnum())


def index_file() -> Path:
    """The file with what `archscope list` shows, worked out beforehand."""
    return specs_folder() / "index.json"


def find(spec: str | os.PathLike[str]) -> Path:
    """The file of a spec: a shipped one by name, or any by path.

    Raises:
        NotFound: there is none; the message offers near names.
        UsageError: it is a directory.
    """
    text = os.fspath(spec)
    if "\0" in text or not text:
        raise NotFound(f"no spec is called {text!r}")
    if isinstance(spec, str) and not _looks_like_path(text):
        shipped = specs_folder() / f"{text}.yaml"
        if is_there(shipped):
            return shipped
    path = Path(text)
    if is_there(path):
        if path.is_dir():
            alone = path.name == text and is_there(path / "config.json")
            other = f", or write ./{text} for its config.json" if alone else ""
            raise UsageError(f"{text} is a directory; name a spec file in it{other}")
        return path
    raise NotFound(_not_found(text, path))


def read_bytes(path: Path) -> bytes:
    """The bytes of a spec file.

    Raises:
        UsageError: it cannot be read, or is far too large for a spec.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_FILE:
        raise UsageError(f"{path} is larger than {LARGEST_FILE:,} bytes; that is no spec")
    return content


def read_standard_input() -> bytes:
    """The bytes of a spec that is piped in.

    Raises:
        UsageError: nothing can be read there.
    """
    try:
        content = sys.stdin.buffer.read(LARGEST_FILE + 1)
    except (AttributeError, OSError, ValueError):
        raise UsageError("the standard input is closed; `-` reads a spec from it") from None
    if len(content) > LARGEST_FILE:
        raise UsageError(f"the standard input has more than {LARGEST_FILE:,} bytes; that is no spec")
    return content


def _looks_like_path(text: str) -> bool:
    return "/" in text or os.sep in text or text.endswith(_SUFFIXES + _OTHERS)


def _not_found(text: str, path: Path) -> str:
    if not _looks_like_path(text):
        near = near_spec(text)
        return f"no spec is called `{text}`; " + (
            did_you_mean("", spec_names(), what="specs") if near is None else f"did you mean `{near}`?"
        )
    folder = path.parent
    suffixes, kind = (_SUFFIXES, "specs") if path.suffix not in _OTHERS else ((path.suffix,), f"{path.suffix} files")
    siblings = _files_in(folder, suffixes)
    stems = {Path(each).stem: each for each in siblings}  # what all end in makes no two names alike
    near = nearest(path.stem, stems)
    if near is not None:
        return f"there is no file {text}; did you mean {folder / stems[near]}?"
    if path.stem in spec_names():
        return f"there is no file {text}; the spec that ships with archscope is `{path.stem}`"
    if not is_there(folder):
        return f"there is no file {text}; there is no directory {folder} either"
    return f"there is no file {text}" + (f"; {did_you_mean('', siblings, what=f'{kind} there')}" if siblings else "")


def _files_in(folder: Path, suffixes: tuple[str, ...]) -> list[str]:
    try:
        return sorted(each.name for each in folder.iterdir() if each.suffix in suffixes)
    except OSError:
        return []
