"""Completion in bash, to which ``resnet@50`` is three words: they are one again, and answers fit the last."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator, MutableMapping

import typer

from archscope.reader.variants import SIGN


@contextlib.contextmanager
def joined_words(environ: MutableMapping[str, str]) -> Iterator[None]:
    """Inside, what bash asks about is as the person typed it; what is printed loses what bash keeps of the word.

    >>> asked = {"_ARCHSCOPE_COMPLETE": "complete_bash", "COMP_WORDS": "archscope\\ntable\\nvgg\\n@", "COMP_CWORD": "3"}
    >>> with joined_words(asked):
    ...     print(asked["COMP_WORDS"].split(), "vgg@A", sep="\\n")
    ['archscope', 'table', 'vgg@']
    A
    """
    words = _joined(environ)
    if words is None:
        yield
        return
    environ["COMP_WORDS"] = "\n".join(words)
    environ["COMP_CWORD"] = str(len(words) - 1)
    kept, sign, _ = words[-1].rpartition(SIGN)
    answers = io.StringIO()
    try:
        with contextlib.redirect_stdout(answers):
            yield
    finally:
        for answer in answers.getvalue().splitlines():
            typer.echo(answer.removeprefix(kept + sign))


def _joined(environ: MutableMapping[str, str]) -> list[str] | None:
    """The words up to the one that is asked about; None where bash split none."""
    words = re.split(r"[ \n]", environ.get("COMP_WORDS", ""))
    at = environ.get("COMP_CWORD", "")
    if environ.get("_ARCHSCOPE_COMPLETE") != "complete_bash" or SIGN not in words or not at.isdigit():
        return None
    joined: list[str] = []
    for word in [*words, *[""] * (int(at) + 1 - len(words))][: int(at) + 1]:
        if joined and word and SIGN in (word, joined[-1][-1:]):
            joined[-1] += word
        else:
            joined.append(word)
    return joined
