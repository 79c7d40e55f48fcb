"""A picture built up in a browser: one page, offline, a layer more with each key.

>>> import archscope
>>> 'data-step="2"' in archscope.draw("lenet5", steps=True).write("html")
True
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from archscope.diagrams import fonts
from archscope.diagrams.scene import Item
from archscope.diagrams.steps import numbered
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
        f"body{{margin:0;background:{theme.background};color:{theme.text};font:14px {fonts.STACK};height:100vh;"
        "display:flex;flex-direction:column}svg{flex:1;min-height:0;width:100%}footer{padding:.4em;text-align:center}"
        f"button{{font:inherit;color:inherit;background:{theme.band};border:1px solid {theme.frame};padding:.2em .8em}}"
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


def _stepped(items: tuple[Item, ...]) -> Iterator[str]:
    for step, item in numbered(items):
        yield f'<g data-step="{step}">'
        yield from elements((item,))
        yield "</g>"
