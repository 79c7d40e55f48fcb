"""What every HTML page has around its content: head, bar, foot, and the style and script it carries in itself.

A page opens from disk and asks for nothing else, so its style and its script stand in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import archscope
from archscope.site.live import Palette
from archscope.site.markup import Markup, join, tag

HOME = "Networks"
"""What the page of all networks is called in the bar."""

# Runs before the first paint: marks that scripts run, and sets the theme a person chose on an earlier page.
_EARLY = (
    'document.documentElement.classList.add("js");'
    'try{var t=localStorage.getItem("archscope-theme");if(t)document.documentElement.dataset.theme=t}catch(e){}'
)


def document(
    *,
    title: str,
    description: str,
    body: Sequence[Markup],
    palette: Palette,
    home: str,
    scripts: Sequence[str],
    sections: Markup,
) -> str:
    """A whole page.

    Args:
        title: of the window.
        description: for those who list pages.
        body: its content, in order.
        palette: the colours of its pictures.
        home: where the page of all networks is, from here.
        scripts: the files in ``assets`` that bring it to life.
        sections: the links to its sections.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="description", content=description),
        tag("meta", name="generator", content=f"archscope {archscope.__version__}"),
        # Without this a browser asks for /favicon.ico.
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        tag("style", Markup(asset("page.css") + _colors(palette))),
        tag("script", Markup(_EARLY)),
    )
    bar = tag(
        "header",
        tag(
            "div",
            tag("a", tag("b", "archscope"), tag("span", f" · {HOME}"), href=home, class_="home"),
            _theme_switch(),
            class_="inner",
        ),
        class_="bar",
    )
    foot = tag(
        "footer",
        tag(
            "p",
            "Every number on this page is exact, of one sample, and worked out by archscope from the network's spec.",
        ),
        tag("p", f"Made by archscope {archscope.__version__}. It needs no network and no script."),
    )
    page = tag(
        "body",
        tag("a", "To the content", href="#content", class_="skip"),
        bar,
        sections,
        tag("main", *body, id="content"),
        foot,
        tag("script", Markup("".join(map(asset, ("shared.js", *scripts))))),
    )
    return "<!doctype html>\n" + tag("html", head, "\n", page, lang="en") + "\n"


def section(name: str, heading: str, *content: Markup | None, lead: str | Markup | None = None) -> Markup:
    """A section with a heading that can be linked to."""
    return tag(
        "section",
        tag("h2", tag("a", heading, href=f"#{name}"), id=f"{name}-heading"),
        None if lead is None else tag("p", lead, class_="lead"),
        *content,
        id=name,
        aria_labelledby=f"{name}-heading",
    )


def listing(text: Markup | str, title: str) -> Markup:
    """Text to take away, with a button that copies it where scripts run."""
    block = scrolling(tag("pre", tag("code", text)), title, class_="listing")
    return tag("div", tag("button", "Copy", type="button", class_="copy", hidden=True), block, class_="code")


def scrolling(content: Markup, label: str, *, class_: str = "scroll") -> Markup:
    """Something wide that scrolls by itself, so that the page never has to; the keyboard reaches it."""
    return tag("div", content, class_=class_, tabindex=0, role="region", aria_label=label)


def contents(links: Sequence[tuple[str, str]]) -> Markup:
    """The links to the sections of a page."""
    return tag(
        "nav",
        tag("ul", *(tag("li", tag("a", heading, href=f"#{name}")) for name, heading in links)),
        class_="contents",
        aria_label="Sections",
    )


@cache
def asset(name: str) -> str:
    """A file of the folder ``assets``."""
    return (files("archscope.site") / "assets" / name).read_text(encoding="utf-8")


def _colors(palette: Palette) -> str:
    dark = palette.css("dark")
    return (
        f":root{{{palette.css('light')}}}"
        f'@media screen and (prefers-color-scheme:dark){{:root:not([data-theme="light"]){{{dark}}}}}'
        f'@media screen{{:root[data-theme="dark"]{{{dark}}}}}'
    )


def _theme_switch() -> Markup:
    choices = (("auto", "Auto"), ("light", "Light"), ("dark", "Dark"))
    return tag(
        "div",
        *(tag("button", text, type="button", data_theme_choice=name, aria_pressed="false") for name, text in choices),
        class_="themes",
        role="group",
        aria_label="Theme",
    )


def lines(*parts: Markup | None) -> Markup:
    """Parts below one another in the file, for those who read it."""
    return join(*(join(part, Markup("\n")) for part in parts if part is not None))
