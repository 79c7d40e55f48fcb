"""Networks by what a person calls them: one, some members of a family, all of it; and whether they take what is set.

>>> [each.name for each in named(["lenet5", "vgg@A,D", "vgg@E"])]
['lenet5', 'vgg@A', 'vgg@D', 'vgg@E']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archscope.diagnostics import Diagnostic
from archscope.errors import NotFound, SpecError, UsageError, did_you_mean
from archscope.reader import find, load
from archscope.reader.library import read_bytes, read_standard_input
from archscope.reader.touching import let_names
from archscope.reader.variants import SIGN, named_alike, split, variants_of
from archscope.requests import request_for
from archscope.sweep.evaluating import reader
from archscope.sweep.plan import Plan, Spec


def named(texts: Sequence[str]) -> list[Spec]:
    """The networks that are varied, each once, in the order in which they are named.

    Raises:
        NotFound: there is no such spec, or no such member of a family.
        UsageError: a file cannot be read.
    """
    if not texts:
        raise UsageError("name the networks: `archscope sweep lenet5 --set C1.padding=0..4`, or a family, `vgg`")
    return list(dict.fromkeys(spec for text in texts for spec in _named(text)))


def _named(text: str) -> Iterator[Spec]:
    if text == "-":
        yield Spec("stdin", read_standard_input().decode("utf-8-sig", "replace"))
        return
    if request_for(text).of_module:
        yield Spec(text, "", path=text)
        return
    head, variants = split(text)
    path = find(head)
    written = read_bytes(path).decode("utf-8-sig", "replace")
    known = variants_of(path)
    if variants is None and not known:
        yield Spec(path.stem, written)
        return
    asked = known if variants is None else [named_alike(each.strip(), known) for each in variants.split(",")]
    for variant in asked:
        if variant not in known:
            load(f"{head}{SIGN}{variant}")  # says what there is
            raise NotFound(f"{head} has no variant `{variant}`")
        yield Spec(f"{path.stem}{SIGN}{variant}", written, variant)


def check(plan: Plan) -> None:
    """See that every spec can be read, and has what is set; whether values fit is said in their rows.

    Raises:
        SpecError: a spec has mistakes of its own.
        UsageError: there is no such layer, option, name or input.
    """
    for number, spec in enumerate(plan.specs):
        first = plan.point(number * plan.each)
        _check_lets(spec, plan.keys)
        try:
            reader(spec, plan.keys)(first.settings)
        except SpecError as error:
            wrong = next((each for each in error.diagnostics if _is_key(each)), None)
            if wrong is not None:
                raise UsageError(_said(wrong, spec)) from None
            reader(spec, ())(())


def _check_lets(spec: Spec, keys: Sequence[str]) -> None:
    asked = [key.partition(".")[2] for key in keys if key.startswith("let.")]
    if not asked or spec.path is not None:
        return
    known = let_names(spec.text, spec.variant)
    for name in asked:
        if name not in known:
            if any(f"{node.row}.".startswith(f"{name}.") for node in reader(spec, ())(()).nodes):
                raise UsageError(f"`--set {name}=`: {name} is a layer of {spec.name}; say which option of it: "
                                 f"`--set {name}.OPTION=VALUES`")  # fmt: skip
            raise UsageError(f"`--set {name}=`: {spec.name} has no name `{name}` in its `let`; "
                             f"{did_you_mean(name, known, what='names')}")  # fmt: skip


def _is_key(mistake: Diagnostic) -> bool:
    """Whether a mistake is in what is set, and not in its value."""
    at = mistake.span
    return at is not None and at.source.name == "--set" and mistake.name.startswith("unknown")


def _said(mistake: Diagnostic, spec: Spec) -> str:
    at = mistake.span
    key = "" if at is None else at.source.text.partition("=")[0]
    help_ = "" if mistake.help is None else f"; {mistake.help}"
    return f"`--set {key}=`: {spec.name}: {mistake.message}{help_}"
