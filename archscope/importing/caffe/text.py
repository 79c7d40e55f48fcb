"""Protocol buffers as text, without a schema: `parsed` reads what Caffe's files are written in.

The text says which fields are messages, and the words of Caffe's enumerations are words in it too, so no schema is
needed to read it; which fields a message may have is held where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from archscope.errors import UsageError
from archscope.escaping import line

DEEPEST: Final = 100
"""Messages inside messages, as deep as protocol buffers go."""

_LARGEST: Final = 1 << 63
_LONGEST: Final = 400
"""Signs of the longest number that is read."""

_TOKEN: Final = re.compile(
    r"""(?P<space>(?:\s++|\#[^\n]*+)*+)
    (?:(?P<word>[A-Za-z_]\w*)
    |(?P<number>-?\s*(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?|inf(?:inity)?\b|nan\b))
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<sign>[{}<>:;,\[\]])
    |(?P<end>\Z))""",
    re.VERBOSE | re.ASCII,
)
_SPACE: Final = re.compile(r"(?:\s++|#[^\n]*+)*+")
_ESCAPE: Final = re.compile(r"\\(?P<octal>[0-7]{1,3})|\\[xX](?P<hex>[0-9a-fA-F]{1,2})|\\(?P<sign>.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_CLOSED_BY: Final = {"{": "}", "<": ">"}
_NUMBERS: Final = {"inf": float("inf"), "infinity": float("inf"), "nan": float("nan")}


class Message:
    """Fields by name, in the order of the text; a field may stand there many times.

    Attributes:
        line: the line where it begins.
        fields: what it says, by name: values with the line that each stands in.
    """

    __slots__ = ("fields", "line")

    def __init__(self, line: int) -> None:
        self.line = line
        self.fields: dict[str, list[Field]] = {}


Scalar = str | int | float
"""A text or a word, or a number."""


class Field(NamedTuple):
    """One value of a field.

    Attributes:
        value: a message, a text, a word or a number.
        line: where it stands.
        quoted: whether it is a text.
    """

    value: Message | Scalar
    line: int
    quoted: bool = False


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def parsed(text: str, file: str) -> Message:
    """The message that a text is.

    Args:
        text: the whole text.
        file: what it is called in messages.

    Raises:
        UsageError: it is no such text; says in which line.

    >>> found = parsed('name: "tiny" layer { type: "ReLU" pad: 1 pad: 2 }', "net.prototxt")
    >>> (layer,) = found.fields["layer"]
    >>> [each.value for each in layer.value.fields["pad"]]
    [1, 2]
    """
    tokens = _Tokens(text, file)
    whole = Message(1)
    open_ = [(whole, "")]
    while (token := tokens.next()) is not None:
        message, end = open_[-1]
        if token.text == end and token.kind == "sign":
            open_.pop()
            tokens.skip(";,")
        elif token.kind != "word":
            raise tokens.wrong(token, "a field or the end of a message")
        else:
            inner = _field(token, message, tokens)
            if inner is not None:
                if len(open_) > DEEPEST:
                    raise UsageError(f"{file}:{token.line}: messages are nested more than {DEEPEST} deep")
                open_.append(inner)
    if len(open_) > 1:
        name = _name_of(open_[-1][0], open_[-2][0])
        raise UsageError(f"{file} is no whole text: `{name}` of line {open_[-1][0].line} has no end")
    return whole


def _name_of(inner: Message, outer: Message) -> str:
    return next((name for name, fields in outer.fields.items() if any(each.value is inner for each in fields)), "")


def _field(name: _Token, message: Message, tokens: _Tokens) -> tuple[Message, str] | None:
    """Keep a field; a message that it begins, and the sign that ends that."""
    values = message.fields.setdefault(name.text, [])
    token = tokens.next()
    named = token is not None and token.text == ":" and token.kind == "sign"
    if named:
        token = tokens.next()
    if token is not None and token.kind == "sign" and token.text in _CLOSED_BY:
        values.append(Field(Message(name.line), name.line))
        return values[-1].value, _CLOSED_BY[token.text]  # type: ignore[return-value]
    if not named:
        raise tokens.wrong(token, f"`:` or `{{` after `{line(name.text)[:40]}`")
    if token is not None and token.kind == "sign" and token.text == "[":
        values += _listed(tokens)
    else:
        values.append(_scalar(token, tokens))
    tokens.skip(";,")
    return None


def _listed(tokens: _Tokens) -> Iterator[Field]:
    """The values between square brackets."""
    token = tokens.next()
    while token is None or token.text != "]" or token.kind != "sign":
        yield _scalar(token, tokens)
        token = tokens.next()
        if token is not None and token.kind == "sign" and token.text == ",":
            token = tokens.next()
        elif token is None or token.text != "]":
            raise tokens.wrong(token, "`,` or `]`")


def _scalar(token: _Token | None, tokens: _Tokens) -> Field:
    if token is None or token.kind == "sign":
        raise tokens.wrong(token, "a value")
    if token.kind == "word":
        return Field(_NUMBERS.get(token.text.lower(), token.text), token.line)
    if token.kind == "number":
        return Field(_number(token, tokens), token.line)
    text = _unescaped(token.text)
    while (more := tokens.string()) is not None:  # texts beside one another are one
        text += _unescaped(more.text)
    return Field(text, token.line, quoted=True)


def _unescaped(quoted: str) -> str:
    inner = quoted[1:-1]
    if "\\" not in inner:
        return inner

    def sign(found: re.Match[str]) -> str:
        if found["octal"]:
            return chr(int(found["octal"], 8) & 0xFF)
        return chr(int(found["hex"], 16)) if found["hex"] else _ESCAPED.get(found["sign"], found["sign"])

    return _ESCAPE.sub(sign, inner)


def _number(token: _Token, tokens: _Tokens) -> int | float:
    text = "".join(token.text.split()).lower()
    bare = text.removeprefix("-")
    if len(text) > _LONGEST:
        raise tokens.wrong(token, "a number that can be held")
    if bare in _NUMBERS:
        return -_NUMBERS[bare]
    if bare.startswith("0x"):
        found = int(bare, 16)
    elif bare.isdigit():
        found = int(bare, 8) if len(bare) > 1 and bare[0] == "0" and set(bare) <= set("01234567") else int(bare)
    else:
        return float(text.removesuffix("f"))
    if found >= _LARGEST:
        raise tokens.wrong(token, "a number of at most 64 bits")
    return -found if text.startswith("-") else found


class _Tokens:
    """The words, numbers, texts and signs of a text, one after another."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._at = 0
        self._line = 1
        self._ahead: _Token | None = None

    def next(self) -> _Token | None:
        """The next one; None at the end."""
        if self._ahead is not None:
            token, self._ahead = self._ahead, None
            return token
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise self._odd()
        self._at = found.end()
        self._line += found["space"].count("\n")
        kind = str(found.lastgroup)
        return None if kind == "end" else _Token(kind, found[kind], self._line)

    def _odd(self) -> UsageError:
        """No word, number, text or sign stands next."""
        space = _SPACE.match(self._text, self._at)
        at = self._at if space is None else space.end()
        odd = line(self._text[at : at + 12].split("\n")[0])
        at_line = self._line + self._text.count("\n", self._at, at)
        return UsageError(f"{self._file}:{at_line}: `{odd}` is nothing that the text of a Caffe network has")

    def string(self) -> _Token | None:
        """The next one, if it is a text."""
        token = self.next()
        if token is not None and token.kind == "string":
            return token
        self._ahead = token
        return None

    def skip(self, signs: str) -> None:
        """Go past one of these signs, if it is next."""
        token = self.next()
        if token is None or token.kind != "sign" or token.text not in signs:
            self._ahead = token

    def wrong(self, token: _Token | None, wanted: str) -> UsageError:
        """Something else stands where this is wanted."""
        if token is None:
            return UsageError(f"{self._file} is no whole text: it ends where {wanted} is wanted")
        return UsageError(f"{self._file}:{token.line}: `{line(token.text)[:40]}` stands where {wanted} is wanted")
