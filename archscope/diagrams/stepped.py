"""A picture built up in a browser: one page, offline, a layer more with each key, in the theme of who opens it.

>>> import archscope
>>> 'data-step="2"' in archscope.draw("lenet5", steps=True).write("html")
True
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from archscope.diagrams import fonts
from archscope.diagrams.page.colours import theme_beside
from archscope.diagrams.page.still import pairs_of
from archscope.diagrams.scene import Item
from archscope.diagrams.steps import numbered
from archscope.diagrams.themes import Theme
from archscope.diagrams.writers.svg import elements, number
from archscope.escaping import html

if TYPE_CHECKING:
    from archscope.diagrams.drawing import Drawing

_SCRIPT: Final = """
const parts = [...document.querySelectorAll("[data-step]")];
const last = Math.max(...parts.map(each => Number(each.dataset.step)));
const told = document.getElementById("told");
let step = Math.min(last, Math.max(1, Number(location.hash.slice(1)) || 1));
function show(next) {
  step = Math.min(last, Math.max(1, next));
  for (const each of parts) each.style.visibility = Number(each.dataset.step) <= step ? "visible" : "hidden";
  told.textContent = `${step} of ${last}`;
  history.replaceState(null, "", `#${step}`);
}
document.addEventListener("keydown", event => {
  const by = { ArrowRight: 1, ArrowDown: 1, " ": 1, PageDown: 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 }[event.key];
  const to = { Home: 1, End: last }[event.key] ?? (by ? step + by : 0);
  if (!to && !by) return;
  event.preventDefault();
  show(to);
});
document.getElementById("back").addEventListener("click", () => show(step - 1));
document.getElementById("on").addEventListener("click", () => show(step + 1));
show(step);
"""

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def page(drawing: Drawing) -> str:
    """A drawing as a page that builds it up."""
    scene, theme = drawing.scene, drawing.request.theme
    title = html(scene.title)
    box = f"0 0 {number(scene.width)} {number(scene.height)}"
    style = (
        f"body{{margin:0;font:14px {fonts.STACK};height:100vh;display:flex;flex-direction:column}}"
        "svg{flex:1;min-height:0;width:100%}footer{padding:.4em;text-align:center}"
        f"button{{font:inherit;color:inherit;padding:.2em .8em}}{_ground(theme)}{_other(drawing)}"
        "@media print{footer{display:none}}"
    )
    return (
        "\n".join(
            (
                "<!DOCTYPE html>",
                f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
                f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
                '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">',
                f"<style>{style}</style></head><body>",
                f'<svg role="img" aria-label="{title}" viewBox="{box}"',
                f'font-family="{html(fonts.STACK)}" stroke-linejoin="round">',
                f"<desc>{html(scene.description)}</desc>",
                *_stepped(scene.items),
                "</svg>",
                '<footer><button id="back" aria-label="A layer less">←</button>',
                '<output id="told" aria-live="polite"></output>',
                '<button id="on" aria-label="A layer more">→</button></footer>',
                f"<script>{_SCRIPT}</script></body></html>",
            )
        )
        + "\n"
    )


def _ground(theme: Theme) -> str:
    return (
        f"body{{background:{theme.background};color:{theme.text}}}"
        f"button{{background:{theme.band};border:1px solid {theme.frame}}}"
    )


def _other(drawing: Drawing) -> str:
    """The colours on a screen of the other kind, where nobody asked for a theme; those of costs stay as they are."""
    drawn, other = drawing.request.theme, theme_beside(drawing)
    if other is None or drawing.coloring or drawing.analysis.network.figure.get("theme") is not None:
        return ""
    pairs = pairs_of(drawing.scene, drawn, other)
    rules = "".join(f'[fill="{one}"]{{fill:{two}}}[stroke="{one}"]{{stroke:{two}}}' for one, two in pairs.items())
    return f"@media screen and (prefers-color-scheme:{other.name}){{{_ground(other)}{rules}}}"


def _stepped(items: tuple[Item, ...]) -> Iterator[str]:
    for step, item in numbered(items):
        yield f'<g data-step="{step}">'
        yield from elements((item,))
        yield "</g>"
