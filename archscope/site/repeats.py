"""What stands on a page many times is written once: equal layers of a deep network are worked out alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from archscope.site.markup import Markup, tag

_WORTH: Final = 400
"""Characters from which a link to the first of its kind is shorter than saying it again."""


class Repeats:
    """Fragments of a page by what they say; the first of its kind is shown, and the others lead to it.

    A script puts the first in the place of a link when a reader comes to it, so that only who has no script follows
    it.

    >>> long = Markup("<b>" + "5·" * 300 + "5</b>")
    >>> repeats = Repeats([long, long])
    >>> str(repeats.shown(long, "conv1")).startswith('<div id="said-1" class="first"><b>5·5·')
    True
    >>> str(repeats.shown(long, "conv2"))
    '<p class="again" data-like="said-1">As for <a href="#layer-conv1">conv1</a>.</p>'
    """

    def __init__(self, fragments: Iterable[Markup | None]) -> None:
        self._times = Counter(each for each in fragments if each is not None)
        self._first: dict[Markup, tuple[str, str]] = {}

    def shown(self, fragment: Markup | None, layer: str) -> Markup | None:
        """A fragment on a layer's card, or the way to the card that has it."""
        if fragment is None or len(fragment) < _WORTH or self._times[fragment] < 2:
            return fragment
        if fragment not in self._first:
            name = f"said-{len(self._first) + 1}"
            self._first[fragment] = (name, layer)
            return tag("div", fragment, id=name, class_="first")
        name, first = self._first[fragment]
        return tag("p", "As for ", tag("a", first, href=f"#layer-{first}"), ".", class_="again", data_like=name)
