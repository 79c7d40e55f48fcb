"""From specs to the files of a site; a spec that cannot be shown is a mistake, and the others are shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from archscope.analysis import Analysis, analyze
from archscope.diagnostics import Diagnostic
from archscope.diagrams import Drawing, draw
from archscope.errors import ArchscopeError, MissingExtra, NotFound, SpecError, UsageError
from archscope.formats import write as write_table
from archscope.formats.sheet import View
from archscope.network import Network
from archscope.opening import opened
from archscope.oracles import Verification, verify
from archscope.requests import Request
from archscope.site import benchmarks, index_html, markdown, network_html
from archscope.site.audit import audit
from archscope.site.bibliography import bibtex
from archscope.site.evidence import Evidence
from archscope.site.live import Picture
from archscope.site.memory import held
from archscope.site.page import EXPLORED, Download, Page, Source, slug
from archscope.site.proofs import evidence as proven
from archscope.site.proofs import totals
from archscope.writing.keras import write_keras
from archscope.writing.pytorch import write_pytorch

FORMATS: Final = {
    "html": "a finished site: opens from disk, asks for nothing",
    "markdown": "pages for a site generator",
}
"""Every format of a site, with what it is for."""


@dataclass(frozen=True)
class Site:
    """The files of a site by their path, what could not be shown or was left out of a page, a line each, and warnings.

    The warnings are about the specs.
    """

    files: Mapping[str, bytes]
    mistakes: tuple[str, ...]
    doubts: tuple[Diagnostic, ...] = ()
    left_out: tuple[str, ...] = ()


def build(
    specs: Sequence[str | os.PathLike[str] | Request],
    *,
    format: str = "html",
    bench: Iterable[str | os.PathLike[str]] = (),
    proofs: bool = False,
    tick: Callable[[str], None] = lambda _: None,
    read: Callable[[Network], None] = lambda _: None,
) -> Site:
    """Make every page of a site.

    Args:
        specs: names of specs that come with archscope, paths, or modules: ``mypkg.models:Net@3,224,224``; or requests
            for them, in which inputs and more are said.
        format: one of `FORMATS`.
        bench: result files of `archscope bench`, or folders of them.
        proofs: whether to ask every witness of `archscope verify`; that needs PyTorch.
        tick: told of every spec before its page is made.
        read: told of every network, once it is read.

    Raises:
        NotFound: there is no such format.
        MissingExtra: a package that pictures need is not installed.
    """
    if format not in FORMATS:
        raise NotFound(f"no format `{format}`; formats: {', '.join(FORMATS)}")
    pages: dict[str, Page] = {}
    doubts: list[Diagnostic] = []
    documents, mistakes = benchmarks.read(bench)
    for spec in specs:
        request = spec if isinstance(spec, Request) else Request(os.fspath(spec))
        tick(request.spec)
        try:
            network, module = opened(request)
            read(network)
            doubts += network.doubts
            analysis = analyze(network)
            page = gather(analysis)
            proof = verify(analysis, as_written=not request.inputs, module=module) if proofs else None
            page = _with_evidence(page, proof, documents, mistakes)
        except MissingExtra:
            raise
        except ArchscopeError as error:
            mistakes.append(_line(request.spec, error))
            continue
        if page.slug.lower() in (each.lower() for each in pages):
            mistakes.append(f"{request.spec}: another spec is called `{page.analysis.name}` as well; give it a `name:`")
        else:
            pages[page.slug] = page
    left_out = [each for page in pages.values() for each in page.left_out]
    return Site(_files(list(pages.values()), format), tuple(mistakes), tuple(doubts), tuple(left_out))


def gather(analysis: Analysis) -> Page:
    """Everything the page of a network shows before it is proven or measured."""
    figure = draw(analysis)
    graph = None if figure.style == "graph" else draw(analysis, style="graph")
    left_out: list[str] = []
    return Page(
        analysis=analysis,
        figure=picture_of(figure),
        figure_style=figure.style,
        graph=None if graph is None else picture_of(graph),
        small=picture_of(broad(figure)),
        findings=audit(analysis),
        sources=(_source(analysis, "PyTorch", write_pytorch), _source(analysis, "Keras", write_keras)),
        downloads=tuple(_downloads(analysis, figure, graph, left_out)),
        left_out=tuple(left_out),
        memory=held(analysis),
    )


def _source(analysis: Analysis, title: str, write: Callable[[Network], str]) -> Source:
    try:
        return Source("python", title, write(analysis.network))
    except UsageError as error:
        return Source("python", title, "", str(error))


def _with_evidence(
    page: Page, verification: Verification | None, documents: Mapping[Path, Mapping[str, Any]], mistakes: list[str]
) -> Page:
    measured = tuple(_measured(page.analysis, documents, mistakes))
    if verification is None:
        return replace(page, evidence=measured)
    return replace(page, evidence=(proven(verification), *measured), witnessed=totals(verification))


def _measured(
    analysis: Analysis, documents: Mapping[Path, Mapping[str, Any]], mistakes: list[str]
) -> Iterable[Evidence]:
    """What was found out beyond the arithmetic; a broken file is a mistake, and the page is made without it."""
    place = 1
    for path, document in documents.items():
        try:
            measured = benchmarks.measurement(analysis, path, document, place)
        except UsageError as error:
            mistakes.append(str(error))
            continue
        if measured is not None:
            place += 1
            yield measured


def picture_of(drawing: Drawing) -> Picture:
    """A drawing in both themes."""
    dark = draw(drawing.analysis, style=drawing.style, direction=drawing.request.direction, theme="dark")
    return Picture(drawing.scene, dark.scene)


def broad(figure: Drawing) -> Drawing:
    """The figure as a gallery shows it: what is higher than broad lies on its side."""
    upright = figure.style == "graph" and figure.scene.height > figure.scene.width
    return draw(figure.analysis, style="graph", direction="lr") if upright else figure


def _downloads(analysis: Analysis, figure: Drawing, graph: Drawing | None, left_out: list[str]) -> Iterable[Download]:
    """The files to take away; one that cannot be made is left out with a line, and the page is made without it."""
    name = slug(analysis.name)
    pictures = [("", "figure", figure)] + ([("-graph", "graph", graph)] if graph is not None else [])
    for suffix, what, drawing in pictures:
        for kind in ("svg", "pdf", "tikz"):
            file = f"{name}{suffix}.{kind}"
            try:
                yield Download(file, f"{what}, {_SPELLED[kind]}", _bytes(drawing.write(kind)))
            except UsageError as error:
                left_out.append(f"{name}/{file} is left out: {error}")
    yield Download(f"{name}{EXPLORED}", "page to explore, HTML", _bytes((graph or figure).write("html")))
    yield Download(f"{name}.tex", "table, LaTeX", _text(write_table(analysis, "latex")))
    yield Download(f"{name}.csv", "table, CSV", _text(write_table(analysis, "csv")))
    yield Download(f"{name}.json", "every number, JSON", _text(write_table(analysis, "json", View(working=True))))
    if analysis.network.sources:
        yield Download(f"{name}.bib", "sources, BibTeX", bibtex(analysis.network.sources).encode())


_SPELLED: Final = {"svg": "SVG", "pdf": "PDF", "tikz": "TikZ"}


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _text(content: str) -> bytes:
    return (content.rstrip("\n") + "\n").encode()


def _files(pages: Sequence[Page], format: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    if not pages:
        return files
    if format == "html":
        files["index.html"] = index_html.write(pages).encode()
        if sources := index_html.sources_of(pages):
            files[index_html.BIBLIOGRAPHY] = bibtex(sources).encode()
    else:
        files["index.md"] = markdown.index(pages).encode()
    for page in pages:
        if format == "html":
            files[f"{page.slug}/index.html"] = network_html.write(page).encode()
        else:
            files[f"{page.slug}/index.md"] = markdown.network(page).encode()
        files.update({f"{page.slug}/{each.name}": each.content for each in page.downloads})
        pictures = [picture for each in page.evidence for picture in each.pictures]
        files.update({f"{page.slug}/{each.name}": each.svg.encode() for each in pictures})
    return files


def _line(spec: str, error: ArchscopeError) -> str:
    """A mistake in one line."""
    if isinstance(error, SpecError):
        first = error.diagnostics[0]
        place = spec if first.span is None else str(first.span)
        more = len(error.diagnostics) - 1
        remedy = f"; {first.help}" if first.help else ""
        rest = f" (and {more} more)" if more else ""
        return f"{place}: {' '.join((first.message + remedy).split())}{rest}"
    said = " ".join(str(error).split())
    return said if spec in said else f"{spec}: {said}"
