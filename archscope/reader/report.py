"""`Report`: collects every mistake of a spec, and the values that could still be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from archscope.diagnostics import Diagnostic, Note, Span
from archscope.errors import Rejects, did_you_mean
from archscope.options import Kind, Option, spell
from archscope.source import List, Scalar, Tree, locate, to_data
from archscope.source import Mapping as MappingTree


class Report:
    """The mistakes found so far, in no particular order."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []

    def add(self, name: str, message: str, span: Span | None, *notes: Note, help: str | None = None) -> None:
        """Note one mistake."""
        self.diagnostics.append(Diagnostic(name, message, span, notes, help))

    def mapping(self, tree: Tree | None, what: str, span: Span, help: str) -> MappingTree | None:
        """The tree as a mapping, or a mistake."""
        if isinstance(tree, MappingTree):
            return tree
        got = "nothing" if tree is None else spell(to_data(tree))
        self.add("wrong-value", f"{what} must be a mapping, got {got}", span if tree is None else tree.span, help=help)
        return None

    def items(self, tree: Tree) -> list[Tree]:
        """A list's elements, or the one value that stands for a list."""
        return tree.items if isinstance(tree, List) else [tree]

    def text(self, tree: Tree, what: str) -> str | None:
        """The tree as text, or a mistake."""
        if isinstance(tree, Scalar) and isinstance(tree.value, str) and tree.value.strip():
            return tree.value.strip()
        got = spell(to_data(tree))
        quote = isinstance(tree, Scalar) and tree.value is not None and not isinstance(tree.value, str)
        self.add(
            "wrong-value",
            f"{what} must be text, got {got}",
            tree.span,
            help=f'put it in quotes: "{got}"' if quote else None,
        )
        return None

    def value(self, kind: Kind, tree: Tree, what: str, meaning: str | None = None) -> Any:
        """The tree as a value of a kind; `FAILED` after a mistake, for which ``meaning`` helps out."""
        try:
            return kind.parse(to_data(tree))
        except Rejects as error:
            self.add("wrong-value", f"{what}: {error.message}", locate(tree, error.path), help=error.help or meaning)
            return FAILED

    def options(
        self, declared: Mapping[str, Option], tree: MappingTree, keys: Iterable[str], prefix: str, at: Span
    ) -> dict[str, Any] | None:
        """The stated values of declared options; None if one is wrong or missing."""
        values: dict[str, Any] = {}
        complete = True
        for key in keys:
            entry = tree.entries[key]
            if key not in declared:
                self.add(
                    "unknown-option",
                    f"{prefix}: unknown option `{key}`",
                    entry[0].span,
                    help=did_you_mean(key, declared, what="options"),
                )
                complete = False
                continue
            meaning = f"`{key}`: {declared[key].doc[0].lower()}{declared[key].doc[1:].rstrip('.')}"
            values[key] = self.value(declared[key].kind, entry[1], f"{prefix}: `{key}`", meaning)
            complete = complete and values[key] is not FAILED
        for key, each in declared.items():
            if each.required and key not in values and not self._misspelt(key, tree, declared):
                self.add("missing-option", f"{prefix}: `{key}` is missing", at, help=f"add `{key}:`, {each.kind.name}")
                complete = False
        return values if complete else None

    @staticmethod
    def _misspelt(key: str, tree: MappingTree, declared: Mapping[str, Option]) -> bool:
        """Whether an unknown key was probably meant to be this one: then one report is enough."""
        hint = f"did you mean `{key}`?"
        return any(did_you_mean(name, declared, what="") == hint for name in tree.entries if name not in declared)


class _Failed:
    def __repr__(self) -> str:
        return "FAILED"


FAILED: Any = _Failed()
"""What `Report.value` returns after a mistake; None is a value."""
