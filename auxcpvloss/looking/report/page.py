"""A report as plain data, and as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from auxcpvloss.looking.report.atlas import Atlas
from auxcpvloss.looking.report.verdict import Verdict
from auxcpvloss.looking.table import Cell, DisplayTable
from auxcpvloss.metrics.strata import REACH


@dataclass(frozen=True)
class Picture:
    """A picture: its address (a data URI), a caption, and what it shows for those who do not see it."""

    source: str
    caption: str
    description: str


@dataclass(frozen=True)
class Section:
    """A part of the page, below a heading; links go to its name.

    Text, tables and pictures come in this order; `wide`: each picture as wide as the page. `code` is shown as it is, as
    soon as somebody asks for what `summary` names.
    """

    name: str
    heading: str
    text: Sequence[str] = ()
    tables: Sequence[DisplayTable] = ()
    pictures: Sequence[Picture] = ()
    wide: bool = False
    code: str = ""
    summary: str = ""


@dataclass(frozen=True)
class Page:
    """All that a report says: title, verdict, results, errors, and the background."""

    title: str
    subtitle: str
    verdict: Verdict
    results: Sequence[Section] = ()
    atlas: Atlas | None = None
    background: Sequence[Section] = ()


def as_html(page: Page) -> str:
    """Write a report as HTML.

    The file loads nothing from anywhere, and a content security policy forbids all but its own style and script, by
    their checksums, and pictures within it. All text is escaped: names of files may be anything.
    """
    loader = PackageLoader("auxcpvloss.looking.report")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = _as_text
    style, script = (loader.get_source(environment, name)[0] for name in ("report.css", "report.js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_checksum(style)}'; script-src '{_checksum(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return environment.get_template("report.html.jinja").render(
        page=page, policy=policy, style=Markup(style), script=Markup(script), reach=REACH
    )


def _checksum(text: str) -> str:
    """Give the hash of an inline style or script, as a content security policy names it."""
    return f"sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}"


def _as_text(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:.3f}"
    return f"{cell:,}" if isinstance(cell, int) else cell
