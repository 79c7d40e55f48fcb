"""`Env`: what the names of a line stand for, and a tree with their values filled in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from archscope.diagnostics import Span
from archscope.errors import Rejects, did_you_mean
from archscope.layers.base import Shape
from archscope.reader.blocks.expression import evaluate, literal, whole_name
from archscope.record import EMPTY
from archscope.source import List, Scalar, Tree, to_data
from archscope.source import Mapping as MappingTree


class NotKnown(Exception):
    """The size of an input that an expression asks for is not known."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Env:
    """What the names of a line stand for: values as they are written, and the shapes of a block's inputs."""

    __slots__ = ("shapes", "values")

    def __init__(self, values: Mapping[str, Tree], shapes: Mapping[str, Shape | None] = EMPTY) -> None:
        self.values = values
        self.shapes = shapes

    def value(self, name: str) -> Any:
        """A name's value as an expression takes it.

        Raises:
            Rejects: there is no such name.
            NotKnown: it is the size of an input that is not known.
        """
        tree = self.values.get(name)
        if tree is not None:
            return to_data(tree)
        if name not in self.shapes:
            raise Rejects(f"there is no name `${name}`", help=partial(self._near, name))
        shape = self.shapes[name]
        if shape is None:
            raise NotKnown(name)
        return shape

    def _near(self, name: str) -> str:
        return did_you_mean(name, [*self.values, *self.shapes], what="names")

    def filled(self, tree: Tree) -> Tree:
        """A tree with the values of its names in their places, each with the span of where it is written.

        Raises:
            Unfilled: a name or an expression in it has no value.
            NotKnown: as `value`.
        """
        if isinstance(tree, Scalar):
            text = tree.value
            return self._scalar(text, tree) if isinstance(text, str) and "$" in text else tree
        if isinstance(tree, List):
            return List(tree.span, [self.filled(item) for item in tree.items])
        entries = {key: (written, self.filled(value)) for key, (written, value) in tree.entries.items()}
        return MappingTree(tree.span, entries)

    def _scalar(self, text: str, tree: Scalar) -> Tree:
        said = literal(text)
        if said is not None:
            return Scalar(said, tree.span)
        name = whole_name(text)
        try:
            if name is not None and name in self.values:
                return self.values[name]
            value = evaluate(text, self.value)
        except Rejects as error:
            raise Unfilled(error, tree.span) from None
        if isinstance(value, tuple):  # the size of an input stands for its channels; a list of a person's for itself
            value = value[0] if value else []
        return Scalar(value, tree.span)


class Unfilled(Exception):
    """An expression without a value, and where it is written."""

    def __init__(self, error: Rejects, span: Span) -> None:
        super().__init__(error.message)
        self.error = error
        self.span = span
