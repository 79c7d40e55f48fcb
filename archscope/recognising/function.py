"""`Function`: what a module computes and no layer type describes, as a layer whose numbers say what was seen."""

from __future__ import annotations

from typing import ClassVar, Final

from archscope.layers.base import NOTHING, Facts, Layer, Shape
from archscope.layers.steps import Remembered

WAVES: Final = "sines and cosines of positions"
"""What is to be known of the numbers that a function adds, where code works out those."""

ALONG_SAMPLES: Final = "along the samples"
"""What is to be known of a function that makes what it makes of one sample of the others too."""


class Function(Layer):
    """A function, seen from outside: its shapes, weights and products are exact, its lines are not known.

    A call that is a layer but for something that its type does not have counts as that layer does, names it, and
    cannot be made.

    Attributes:
        called: the function's name.
        seen: its numbers, as they were when it ran.
        misfit: whether there is a layer type for it, which does not take these shapes or weights.
        like: the layer that it is but for something.
        beyond: what that is, ``attn_mask``; or what is to be known of it, ``complex numbers``, ``along the samples``.
        at: the line of code that called it, ``net.py:12``.

    >>> from archscope.working import count
    >>> seen = Facts(inputs=((4, 3), (3, 9)), outputs=((4, 9),), macs=count(4) * 9 * 3)
    >>> Function("matmul", seen).facts((4, 3), (3, 9)).macs.working
    '4·9·3'
    """

    type: ClassVar[str] = "function"
    family: ClassVar[str] = "function"
    verb: ClassVar[str] = "Function"
    arity: ClassVar[tuple[int, int | None]] = (0, None)

    called: str
    seen: Facts
    misfit: bool
    like: Layer | None
    beyond: str
    at: str

    def __init__(
        self,
        called: str,
        seen: Facts,
        *,
        misfit: bool = False,
        like: Layer | None = None,
        beyond: str = "",
        at: str = "",
    ) -> None:
        object.__setattr__(self, "called", called)
        object.__setattr__(self, "seen", seen)
        object.__setattr__(self, "misfit", misfit)
        object.__setattr__(self, "like", like)
        object.__setattr__(self, "beyond", beyond)
        object.__setattr__(self, "at", at)
        if beyond == WAVES:
            object.__setattr__(self, "verb", "Positions")
        several = tuple(f"output{place}" for place in range(len(self.made)))
        object.__setattr__(self, "output_names", several if len(several) > 1 else ("output",))

    def __hash__(self) -> int:
        return hash((self.called, self.made))

    def __repr__(self) -> str:
        return f"Function({self.called!r}, {list(self.made)!r})"

    def remembers(self, facts: Facts) -> Remembered | None:
        if self.like is None or self.like.recalls(facts) == 0:
            return None
        return Remembered(unknown="whether what is added to its scores hides what comes later is not known")

    @property
    def made(self) -> tuple[Shape, ...]:
        """The shapes of its results."""
        return self.seen.outputs

    @property
    def label(self) -> str:
        if self.like is None and self.beyond != ALONG_SAMPLES:
            return self.called
        return f"{self.called if self.like is None else self.like.label}, {self.beyond}"

    def weighed(self, facts: Facts, places: tuple[int, ...]) -> Facts:
        """Its lines are what was seen, where that is known."""
        return facts.replace(weighing=places) if facts.connections else facts

    def of_weights(self, facts: Facts) -> Facts:
        """Weights that are held, or worked on without products, have no lines; what they weigh has."""
        facts = facts.replace(makes_weights=True)
        if facts.macs != 0 or facts.connections is not None:
            return facts
        reasons = {name: why for name, why in facts.reasons.items() if not name.startswith("connections")}
        return facts.replace(connections=NOTHING, connections_in_bounds=NOTHING, reasons=reasons)

    def rule(self, *inputs: Shape) -> Facts:
        return self.seen.replace(inputs=inputs)
