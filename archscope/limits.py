"""How much of anything archscope reads or prints at most, and why: a slip of the keyboard must not end in a wait.

What is larger is a mistake that says so. Everything below a limit is answered within seconds.
"""

from __future__ import annotations

from typing import Final

LARGEST_NUMBER: Final = 1_000_000_000
"""An extent or an option of an architecture: the largest networks have extents of some hundred thousand."""
LARGEST_REAL: Final = 3.4028234e38
"""An option that is no whole number: what is larger is infinite in float32."""
MOST_SHAPE_VALUES: Final = 10**18
"""Values of one shape: four exabytes in float32, and each of its numbers still fits into a line."""
MOST_AXES: Final = 64
"""Axes of a shape: PyTorch has as many."""
LONGEST_NUMBER: Final = 40
"""Characters of a number: a float64 is exact with 17 digits, and Python reads a million digits in quadratic time."""
DEEPEST_NESTING: Final = 32
"""Levels of nesting of a spec: the language itself needs seven, and each level is one of the interpreter's stack."""
DEEPEST_BLOCKS: Final = 20
"""Blocks within blocks: published networks need three, and each level is some of the interpreter's stack."""
MOST_READ_AGAIN: Final = 1_000_000
"""Characters of a family that are read, once for each variant, when nobody named one: a second or two."""
MOST_LINES_READ_AGAIN: Final = 20_000
"""Lines, repeated ones one by one, that a family's variants become when nobody named one: a second or two."""
MOST_VALUES: Final = 1_000_000
"""Values of a spec once its aliases are expanded: 70,000 layers, and nine lines of aliases make a billion."""
MOST_LINES: Final = 20_000
"""Lines that the blocks of a spec may become, blocks among them: some seconds; the deepest networks have 10,000."""
MOST_READ_BY_ONE: Final = 10_000
"""Layers that one layer reads: dense blocks need a hundred, and each may be added or copied by an operation."""
LARGEST_FILE: Final = 64 * 1024 * 1024
"""Bytes of a spec: ten times what a spec of the most values has."""
MOST_RECURRENT_LAYERS: Final = 100
"""Layers of one LSTM or GRU: each has weights of its own, named in a table; published ones have up to sixteen."""
MOST_TOWERS: Final = 64
"""Towers that hold a copy of one layer: AlexNet has two, and a layer may read every copy of another."""
DEEPEST_GROUPS: Final = 64
"""Groups within groups, by `group:` or by the dots of a name: `DEEPEST_BLOCKS` with the copies in them need forty."""
MOST_MISTAKES: Final = 20
"""Mistakes of a file that are printed: who has mended those runs the command again."""
LONGEST_MESSAGE: Final = 4_000
"""Bytes of what is said about one file: a screen or two; a log of continuous integration holds many of them."""
MOST_PIXELS: Final = 250_000_000
"""Of a picture in pixels: it is drawn in memory, four bytes for each."""
MOST_SYMBOLS: Final = 6
"""Numbers that are left open at once: formulas in more are longer than a line, and have no reader."""
MOST_TERMS: Final = 2_000
"""Terms of a formula: multiplying two of them takes the product of their terms."""
HIGHEST_DEGREE: Final = 64
"""Degree of a formula: attention has 2, and a product of names of `let` the sum of its factors'."""
LONG_TEXT: Final = 5_000
"""Layers from which a table or source takes more than a few seconds; the command says so and goes on."""
LONG_PICTURE: Final = 500
"""Layers from which a graph, a page or a verification takes more than a few seconds."""
LONG_PAGE: Final = 2_000
"""Layers from which a page that holds each of them, with its memory, takes more than a few seconds."""
MOST_STEPS: Final = 20_000
"""Steps that PyTorch goes through one by one without values, of a recurrence say: three milliseconds each."""
LONG_STEPS: Final = 2_000
"""Steps of a recurrence from which reading it takes more than a few seconds; the command says so and goes on."""
MOST_TRACKED: Final = 8_000
"""Operations of a module that PyTorch's memory tracker looks at whenever memory is asked: some seconds."""
LONGEST_SENTENCE: Final = 600
"""Characters of one sentence of a message: a name in it may be a hundred thousand letters long."""
LONGEST_WORD: Final = 300
"""Characters without a space in a message: longer is no name or path that somebody reads, and both ends tell it."""
LONGEST_NAME_COMPARED: Final = 100
"""Characters of a name for which a near one is looked for: comparing takes quadratic time."""
MOST_NAMES_COMPARED: Final = 1_000
"""Names among which a near one is looked for letter by letter, some milliseconds; of more, those that begin alike."""
LONGEST_NAME_LIST: Final = 400
"""Characters of a list of names that a message offers: more is no help."""
