"""`Author`: writes the source of a random module, whose lines run one by one while it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

BATCH: Final = 7
"""Samples while it is written: no other extent is as large, so that it is seen where the batch stands."""
_LARGEST: Final = 6_000
"""Values of the largest tensor."""
_INPUTS: Final = ((5, 8), (5, 8), (5, 8), (8,), (6, 5, 8), (4, 6, 6), (4, 12))
"""Shapes of a sample of numbers."""
_TRIES: Final = 12
"""How often another thing is tried where one does not run."""


class Written(NamedTuple):
    """A module: what its constructor and its forward pass do, in lines; inputs by name; what it gives."""

    inits: tuple[str, ...]
    lines: tuple[str, ...]
    inputs: tuple[tuple[str, tuple[int, ...], str], ...]
    outputs: tuple[str, ...]

    @property
    def source(self) -> str:
        """The class as a person would have it in a file."""
        names = ", ".join(name for name, _, _ in self.inputs)
        size = [f"B = {self.inputs[0][0]}.shape[0]"] if any("B" in _words(line) for line in self.lines) else []
        body = [*size, *self.lines, f"return {', '.join(self.outputs)}"]
        return "\n".join([
            "class Random(nn.Module):", "    def __init__(self):", "        super().__init__()",
            *(f"        {line}" for line in self.inits), f"    def forward(self, {names}):",
            *(f"        {line}" for line in body),
        ])  # fmt: skip

    def made(self) -> nn.Module:
        """The module."""
        known: dict[str, Any] = {"torch": torch, "nn": nn, "F": functional}
        exec(self.source, known)  # noqa: S102 - it was written here
        torch.manual_seed(0)
        made: nn.Module = known["Random"]()
        return made

    def runs(self) -> bool:
        """Whether it runs forward and back, of several batches, and what it gives goes by what it is given."""
        try:
            for batch in (1, 2, 3):
                module = self.made()
                result = module(*(_drawn(shape, dtype, batch) for _, shape, dtype in self.inputs))
                ends = [each for each in (result if isinstance(result, tuple) else (result,)) if each.requires_grad]
                if not ends:
                    return False
                torch.autograd.backward([each.sum() for each in ends])
                if all(dtype for _, _, dtype in self.inputs):
                    continue
                nothing = [_drawn(shape, dtype, batch) * (1 if dtype else torch.nan) for _, shape, dtype in self.inputs]
                result = module.eval()(*nothing)
                if not all(bool(each.isnan().any()) for each in (result if isinstance(result, tuple) else (result,))):
                    return False
        except Exception:  # noqa: BLE001 - whatever PyTorch has against it
            return False
        return True


def _words(line: str) -> set[str]:
    return {*"".join(each if each.isalnum() or each in "._" else " " for each in line).split()}


def _named(line: str) -> str:
    """The attribute that a line of a constructor makes."""
    return line.split("'")[1] if line.startswith("self.register") else line.partition(" ")[0].removeprefix("self.")


def _drawn(shape: tuple[int, ...], dtype: str, batch: int) -> Tensor:
    if dtype == "int64":
        return torch.zeros((batch, *shape), dtype=torch.int64)
    return torch.randn(batch, *shape)


class Stuck(Exception):
    """Nothing there that this could be made of."""


Takes = Callable[[Tensor], bool]

Way = Callable[["Author", int], str]
"""Writes an expression, of others of so many levels at most."""


class Author:
    """Writes one module."""

    def __init__(self, random: Random, ways: Sequence[Way]) -> None:
        self.random = random
        self.ways = ways
        self.inits: list[str] = []
        self.lines: list[str] = []
        self.module = nn.Module()
        self.known: dict[str, Any] = {"torch": torch, "nn": nn, "F": functional, "self": self.module, "B": BATCH}
        self.names: list[str] = []
        self.refused: Exception | None = None

    def write(self) -> Written | None:
        """The module; None where too little came of it."""
        chance = self.random
        torch.manual_seed(0)
        inputs: list[tuple[str, tuple[int, ...], str]] = []
        for name in ("x", "y")[: chance.choice((1, 1, 1, 2))]:
            words = chance.random() < 0.15
            shape, dtype = ((5,), "int64") if words else (chance.choice(_INPUTS), "")
            inputs.append((name, shape, dtype))
            self.known[name] = _drawn(shape, dtype, BATCH)
            self.names.append(name)
        for _ in range(chance.randint(2, 9)):
            for _ in range(_TRIES):
                inits = len(self.inits)
                try:
                    self._statement()
                    break
                except Exception:  # noqa: BLE001 - what does not run is not written
                    del self.inits[inits:]
        ends = [name for name in self.names if self._is_end(self.known[name])]
        if not ends:
            return None
        outputs = ends[-1:]
        if len(ends) > 1 and chance.random() < 0.25:
            outputs = [chance.choice(ends[:-1]), *outputs]
        lines, words = self._needed(outputs)
        inits = [line for line in self.inits if f"self.{_named(line)}" in words]
        return Written(tuple(inits), tuple(lines), tuple(inputs), tuple(outputs))

    def _needed(self, outputs: Sequence[str]) -> tuple[list[str], set[str]]:
        """The lines that lead to what it gives, and all words in them."""
        wanted, words, lines = {*outputs}, set[str](), list[str]()
        for line in reversed(self.lines):
            names, _, made = line.partition(" = ")
            changed = _words(names) if made else _words(line.partition(" ")[0].partition(".")[0])
            if not changed & wanted:
                continue
            wanted = (wanted - changed) | _words(made) if made else wanted | _words(line)
            words |= _words(line)
            lines.insert(0, line)
        return lines, {part for word in words for part in (word, ".".join(word.split(".")[:2]))}

    @staticmethod
    def _is_end(value: Any) -> bool:
        return isinstance(value, Tensor) and value.requires_grad and bool(value.dim()) and BATCH in value.shape

    def _statement(self) -> None:
        """One line more."""
        chance = self.random
        roll = chance.random()
        if roll < 0.003:
            self._name(*self._evaluated(self._again()))
        elif roll < 0.08:
            self._several()
        elif roll < 0.16:
            self._in_place()
        else:
            text, value = self.made(chance.choice((0, 0, 1, 1, 2)))
            self._name(text, value)

    def _name(self, text: str, value: Tensor) -> None:
        """Give what was made a name of its own, or that of a value of before."""
        again = [name for name in self.names if name in _words(text)]
        if again and self.random.random() < 0.5:
            name = again[0]
            self.names.remove(name)
        else:
            name = f"v{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        self.known[name] = value
        self.names.append(name)

    def _several(self) -> None:
        """Two results at once."""
        text, value = self.value(lambda each: each.dim() == 3 and each.shape[-1] % 2 == 0, 1)
        where, many = f"v{len(self.lines)}", value.shape[-1]
        kind = self.random.choice(("chunk", "split", "lstm", "gru", "unbind"))
        if kind == "chunk":
            line = f"{where}, {where}b = {text}.chunk(2, -1)"
        elif kind == "split":
            line = f"{where}, {where}b = {text}.split([{many // 2}, {many - many // 2}], -1)"
        elif kind == "unbind":
            line = f"{where}, {where}b = {text}.unflatten(-1, (2, {many // 2})).unbind(2)"
        elif kind == "lstm":
            line = f"{where}, ({where}b, _) = {self.layer(f'nn.LSTM({many}, 6, batch_first=True)')}({text})"
        else:
            line = f"{where}, {where}b = {self.layer(f'nn.GRU({many}, 6, batch_first=True)')}({text})"
        exec(line, self.known)  # noqa: S102 - it was written here
        self.lines.append(line)
        self.names += [where, f"{where}b"]

    def _in_place(self) -> None:
        """A value is changed."""
        made = [name for name in self.names if self.known[name].requires_grad]
        if not made:
            raise Stuck
        name = self.random.choice(made)
        value = self.known[name]
        other, _ = self.value(lambda each: each.shape == value.shape and each.is_floating_point(), 1)
        line = self.random.choice((
            f"{name} += {other}", f"{name}.add_({other})", f"{name}.mul_(0.5)", f"{name}.mul_({other})",
            f"{name} = F.relu({name}, inplace=True)", f"{name}.relu_()", f"{name}.sub_({other})",
            f"{name}.clamp_(-1, 1)",
            f"{name}.masked_fill_({name} > 1, 0.0)",
        ))  # fmt: skip
        self.known[name] = value.clone()
        exec(line, self.known)  # noqa: S102 - it was written here
        self.lines.append(line)

    def value(self, takes: Takes, depth: int = 0) -> tuple[str, Tensor]:
        """Something to work on: a name, or what is made of one in place."""
        for _ in range(_TRIES):
            if depth and self.random.random() < 0.4:
                try:
                    text, value = self.made(depth - 1)
                except Exception as error:  # noqa: BLE001 - another time
                    self.refused = error
                else:
                    if takes(value):
                        return text, value
        names = [name for name in self.names if takes(self.known[name])]
        if not names:
            raise Stuck
        name = self.random.choice(names[-3:] if self.random.random() < 0.7 else names)
        return name, self.known[name]

    def made(self, depth: int) -> tuple[str, Tensor]:
        """Something new."""
        return self._evaluated(self.random.choice(self.ways)(self, depth))

    def _evaluated(self, text: str) -> tuple[str, Tensor]:
        value = eval(text, self.known)  # noqa: S307 - it was written here
        if not isinstance(value, Tensor) or not 0 < value.numel() <= _LARGEST:
            raise Stuck
        return text, value

    def numbers(self, depth: int, least: int = 2, most: int = 5) -> tuple[str, Tensor]:
        """A value of numbers with so many axes."""
        return self.value(lambda each: each.is_floating_point() and least <= each.dim() <= most, depth)

    def layer(self, text: str, share: float = 0.25) -> str:
        """A layer of its own, or one that is there and alike."""
        alike = [line.partition(" = ")[0] for line in self.inits if line.endswith(f" = {text}")]
        if alike and self.random.random() < share:
            return self.random.choice(alike)
        name = f"self.m{len(self.inits)}"
        exec(f"{name} = {text}", self.known)  # noqa: S102 - it was written here
        self.inits.append(f"{name} = {text}")
        return name

    def learned(self, shape: tuple[int, ...]) -> str:
        """A parameter, or a buffer."""
        text = f"torch.{self.random.choice(('ones', 'zeros'))}({', '.join(map(str, shape))})"
        if self.random.random() < 0.75:
            return self.layer(f"nn.Parameter({text})")
        name = f"m{len(self.inits)}"
        line = f"self.register_buffer('{name}', {text})"
        exec(line, self.known)  # noqa: S102 - it was written here
        self.inits.append(line)
        return f"self.{name}"

    def _again(self) -> str:
        """A layer that runs again in the backward pass."""
        text, value = self.numbers(0, 2, 3)
        layer = self.layer(f"nn.Linear({value.shape[-1]}, {value.shape[-1]})")
        return f"torch.utils.checkpoint.checkpoint({layer}, {text}, use_reentrant=False)"


__all__ = ["BATCH", "Author", "Stuck", "Way", "Written"]
