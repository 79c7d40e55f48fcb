"""The library, from its docstrings: every public name."""

from __future__ import annotations

import importlib

import archscope
from tools.pages.markdown import page

SECTIONS = (
    ("Specs", "archscope", ("load", "read"), "A spec becomes a `Network`."),
    ("Networks", "archscope", ("Network", "Node", "Ref", "Published"), "What a spec says, in place."),
    ("Analysis", "archscope", ("analyze", "Analysis", "Row", "Totals", "Towers", "Field", "Count"),
     "Every number about a network. Results are frozen and show themselves in a notebook as a table."),
    ("Pictures", "archscope", ("draw", "Drawing"), "A network as its paper drew it, or as a graph."),
    ("PyTorch", "archscope", ("build", "trace"),
     "A network becomes a module, and any module a network. Needs `archscope[torch]`."),
    ("Verification", "archscope", ("verify", "Verification"),
     "Independent witnesses for every number. Needs `archscope[torch]`."),
    ("Training", "archscope.training.train", ("Recipe", "Epoch", "Evaluation", "train", "evaluate"),
     "A built network is trained by its spec's `training:` block. Needs `archscope[torch]`."),
    ("Samples", "archscope.training.samples", ("Samples", "digits", "mnist", "cifar10", "prepare"),
     "Labelled images to train on."),
    ("Errors", "archscope",
     ("ArchscopeError", "SpecError", "ShapeError", "Rejects", "NotFound", "UsageError", "MissingExtra"),
     "Everything that is raised on purpose. The text is a complete message for the person who runs the program."),
)  # fmt: skip


def pages() -> dict[str, str]:
    named = [name for _, module, names, _ in SECTIONS if module == "archscope" for name in names]
    forgotten = sorted(set(archscope.__all__) - set(named))
    more = "".join(f"\n\n::: {_home('archscope', name)}" for name in forgotten)
    parts = []
    for title, module, names, text in SECTIONS:
        parts.append(f"## {title}\n\n{text}")
        parts += [f"::: {_home(module, name)}" for name in names]
    if forgotten:
        parts.append(f"## More{more}")
    return {
        "reference/library.md": page(
            "The library", "```python\nimport archscope\n```", "Every name below is in `archscope` unless a heading "
            "says otherwise.", *parts
        )
    }  # fmt: skip


def _home(module: str, name: str) -> str:
    """Where a name is defined: there its docstring stands."""
    thing = getattr(importlib.import_module(module), name)
    return f"{getattr(thing, '__module__', module)}.{name}"
