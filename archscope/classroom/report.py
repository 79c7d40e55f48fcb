"""Marks as text: for a terminal, as Markdown or HTML to hand back, as a table of the class in CSV."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from archscope.classroom.marking import VERDICTS, Marked, Paper, class_slips
from archscope.classroom.sheet import HEADINGS, TOTAL, Sheet
from archscope.classroom.writers.markdown import table
from archscope.escaping import csv_cell, html, markdown, terminal

SIGNS: Final = {"right": "✓", "carried": "(✓)", "wrong": "✗", "unread": "?", "blank": "–"}
SUFFIXES: Final = {".csv": "csv", ".md": "markdown", ".html": "html", ".txt": "text"}


def write(papers: Sequence[Paper], format: str = "text", *, width: int | None = None) -> str:
    """All papers in one of ``text``, ``markdown``, ``html`` and ``csv``."""
    if format == "text":
        return _text(papers, width)
    return {"markdown": _markdown, "html": _html, "csv": _csv}[format](papers)


def mark_of(paper: Paper) -> str:
    """``29 of 32``."""
    return f"{paper.points} of {paper.asked}"


def about(sheet: Sheet) -> str:
    """Which sheet a paper answers."""
    return f"{sheet.title}, sheet {sheet.seed}" if sheet.seed is not None else sheet.title


def cell_name(each: Marked) -> str:
    """What an answer is about: ``C1, parameters``."""
    layer = "Total" if each.question.layer == TOTAL else each.question.layer
    return f"{layer}, {HEADINGS[each.question.quantity].lower() if each.question.quantity != 'macs' else 'MACs'}"


def remarks(paper: Paper) -> Iterator[Marked]:
    """What there is to say: of all that is not plainly right; cells that were left empty are told together."""
    yield from (each for each in paper.answers if each.remark and each.verdict != "blank")


def _left(paper: Paper) -> str:
    blank = [cell_name(each) for each in paper.answers if each.verdict == "blank"]
    if not blank:
        return ""
    if len(blank) == paper.asked:
        return "Nothing is answered."
    return (
        f"{len(blank)} left blank: {'; '.join(blank)}." if len(blank) <= 12 else f"{len(blank)} cells are left blank."
    )


def _text(papers: Sequence[Paper], width: int | None) -> str:
    parts = [_paper_text(each, width) for each in papers]
    if len(papers) > 1:
        parts.append(_class_text(papers))
    return "\n\n".join(parts)


def _paper_text(paper: Paper, width: int | None) -> str:
    lines = [f"{terminal(paper.pupil) or 'answers'}: {mark_of(paper)}   ({terminal(about(paper.sheet))})"]
    for each in remarks(paper):
        lines.append(f"  {SIGNS[each.verdict]} {terminal(cell_name(each))}")
        lines += textwrap.wrap(terminal(each.remark), (width or 100) - 4, initial_indent="    ",
                               subsequent_indent="    ", break_on_hyphens=False)  # fmt: skip
    for note in (*paper.notes, _left(paper)):
        if note:
            lines += textwrap.wrap(terminal(note), width or 100, initial_indent="  ", subsequent_indent="  ")
    return "\n".join(lines)


def _class_text(papers: Sequence[Paper]) -> str:
    names = max(len(terminal(each.pupil, 40)) for each in papers)
    lines = [f"{len(papers)} papers, {_mean(papers)} right on average"]
    lines += [f"  {terminal(each.pupil, 40).ljust(names)}  {mark_of(each)}" for each in papers]
    slips = [f"  {count:3}  {name}" for name, count in class_slips(papers)]
    return "\n".join([*lines, *(["Slips, by how many made them", *slips] if slips else [])])


def _mean(papers: Sequence[Paper]) -> str:
    asked = sum(each.asked for each in papers)
    return f"{100 * sum(each.points for each in papers) / asked:.0f} %" if asked else "none"


def _markdown(papers: Sequence[Paper]) -> str:
    parts = []
    if len(papers) > 1:
        body = [[markdown(each.pupil), markdown(about(each.sheet)), mark_of(each)] for each in papers]
        parts += ["# The class", table(["Pupil", "Sheet", "Mark"], body)]
        slips = [[markdown(name), str(count)] for name, count in class_slips(papers)]
        if slips:
            parts += ["## Slips", table(["Slip", "Papers"], slips)]
    for paper in papers:
        parts.append(f"## {markdown(paper.pupil)}: {mark_of(paper)}")
        parts.append(markdown(about(paper.sheet)))
        parts += [markdown(note) for note in paper.notes]
        lines = [[SIGNS[each.verdict], markdown(cell_name(each)), markdown(each.text), markdown(each.remark)]
                 for each in paper.answers]  # fmt: skip
        parts.append(table(["", "Asked", "Answer", "Remark"], lines))
    return "\n\n".join(parts)


_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;padding:.3rem .5rem;vertical-align:top;
border-bottom:1px solid #bbb}td:nth-child(3){font-variant-numeric:tabular-nums}.right,.carried{color:#00603f}
.wrong,.unread{color:#a01818}.blank{color:#595959}section{break-before:page}@page{size:A4;margin:18mm}
"""


def _html(papers: Sequence[Paper]) -> str:
    parts = ["<!doctype html>", '<html lang="en"><meta charset="utf-8">',
             '<meta name="viewport" content="width=device-width">', "<title>Marks</title>",
             f"<style>{_STYLE}</style>", "<h1>Marks</h1>"]  # fmt: skip
    if len(papers) > 1:
        rows = "".join(f"<tr><td>{html(each.pupil)}</td><td>{html(about(each.sheet))}</td><td>{mark_of(each)}</td></tr>"
                       for each in papers)  # fmt: skip
        parts.append(_html_table(("Pupil", "Sheet", "Mark"), rows))
        slips = "".join(f"<tr><td>{html(name)}</td><td>{count}</td></tr>" for name, count in class_slips(papers))
        if slips:
            parts += ["<h2>Slips</h2>", _html_table(("Slip", "Papers"), slips)]
    for paper in papers:
        rows = "".join(
            f'<tr class="{each.verdict}"><td aria-label="{each.verdict}">{SIGNS[each.verdict]}</td>'
            f"<td>{html(cell_name(each))}</td><td>{html(each.text)}</td><td>{html(each.remark)}</td></tr>"
            for each in paper.answers
        )
        notes = "".join(f"<p>{html(note)}</p>" for note in paper.notes)
        parts.append(f"<section><h2>{html(paper.pupil)}: {mark_of(paper)}</h2><p>{html(about(paper.sheet))}</p>{notes}"
                     f"{_html_table(('Verdict', 'Asked', 'Answer', 'Remark'), rows)}</section>")  # fmt: skip
    return "\n".join([*parts, "</html>"])


def _html_table(head: Sequence[str], rows: str) -> str:
    heads = "".join(f'<th scope="col">{each}</th>' for each in head)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _csv(papers: Sequence[Paper]) -> str:
    """A line a pupil: the mark, how many answers were found how, and the verdict of each cell with its slips."""
    cells = list(dict.fromkeys(cell_name(each) for paper in papers for each in paper.answers))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["pupil", "sheet", "points", "asked", *VERDICTS, *(csv_cell(each) for each in cells)])
    for paper in papers:
        found = {cell_name(each): _verdict(each) for each in paper.answers}
        counts = [paper.count(verdict) for verdict in VERDICTS]
        writer.writerow([csv_cell(paper.pupil), "" if paper.sheet.seed is None else paper.sheet.seed, paper.points,
                         paper.asked, *counts, *(csv_cell(found.get(each, "")) for each in cells)])  # fmt: skip
    return out.getvalue().rstrip("\n")


def _verdict(each: Marked) -> str:
    if each.verdict == "carried" or not each.slips:
        return each.verdict
    return f"{each.verdict}: {' or '.join(' and '.join(names) for names in each.slips[:2])}"
