"""Write a report under a pull request, in place of the one that stands there: the last step of `action.yml`.

Reads ``GITHUB_API_URL``, ``GITHUB_REPOSITORY``, ``GH_TOKEN``, ``NUMBER`` of the pull request and ``REPORT``, a path.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from itertools import count
from pathlib import Path
from typing import Any

MARK = "<!-- archscope check -->"
"""How a report is found again; nobody sees it."""

LONGEST = 65_000
"""Characters that a comment may have, with some to spare."""


def main() -> None:
    """Write the comment; a token that may not is a warning, since one of a fork never may."""
    report = Path(os.environ["REPORT"])
    if not report.is_file():
        return
    comments = (
        f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/issues/{os.environ['NUMBER']}/comments"
    )
    try:
        there = _standing(comments)
        _ask(there or comments, "PATCH" if there else "POST", body_of(report.read_text(encoding="utf-8")))
    except urllib.error.HTTPError as error:
        if error.code not in (401, 403, 404):
            raise
        print(f"::warning::no comment under the pull request: {error.code} {error.reason}; "
              "the job needs `permissions: pull-requests: write`, which no fork has")  # fmt: skip


def body_of(report: str) -> str:
    """The report with its mark, cut at the end of a line where it is longer than a comment may be."""
    if len(report) > LONGEST:
        report = report[:LONGEST].rpartition("\n")[0] + "\n\nThe rest is in the summary of the job."
    return f"{MARK}\n{report}"


def _standing(comments: str) -> str | None:
    """Where the report of an earlier run stands."""
    for page in count(1):
        found = _ask(f"{comments}?per_page=100&page={page}", "GET")
        for each in found:
            if each["body"].startswith(MARK):
                return str(each["url"])
        if len(found) < 100:
            break
    return None


def _ask(url: str, method: str, body: str | None = None) -> Any:
    data = None if body is None else json.dumps({"body": body}).encode()
    headers = {"Authorization": f"Bearer {os.environ['GH_TOKEN']}", "Accept": "application/vnd.github+json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=60) as answer:  # noqa: S310
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main())
