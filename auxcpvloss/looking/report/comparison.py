"""The page that says how several experiments compare."""

from __future__ import annotations

from collections.abc import Mapping

from auxcpvloss.looking.compare.comparison import Comparison
from auxcpvloss.looking.compare.comparison import Table as Compared
from auxcpvloss.looking.report.images import data_uri
from auxcpvloss.looking.report.page import Page, Picture, Section, as_html
from auxcpvloss.looking.report.verdict import Verdict
from auxcpvloss.looking.table import Table


def comparison_html(comparison: Comparison, figures: Mapping[str, bytes]) -> str:
    """Write a comparison as one HTML file that needs nothing else: verdicts, tables, figures.

    Parameters
    ----------
    comparison : Comparison
    figures : mapping of caption to the content of a PNG file
    """
    names = [group.name for group in comparison.groups]
    number = sum(len(group.runs) for group in comparison.groups)
    drawn = [Picture(data_uri("png", content), caption, caption) for caption, content in figures.items()]
    more = "Each run has a report of its own, report.html in its folder, with every error."
    sections = [Section("tables", "Tables", [more], [_table(table) for table in comparison.tables])]
    if drawn:
        sections.append(Section("figures", "Figures", pictures=drawn))
    page = Page(
        title=f"Comparison: {', '.join(names)}",
        subtitle=f"{number} runs on {len(comparison.volumes)} test volumes: {', '.join(comparison.volumes)}",
        verdict=_verdict(comparison),
        results=sections,
    )
    return as_html(page)


def _verdict(comparison: Comparison) -> Verdict:
    """Say each verdict; the first one, by the main score, as headline."""
    sentences = [verdict.sentence for verdict in comparison.verdicts]
    if not sentences:
        sentences = ["There is no baseline beside the same with vectors, and so there is no verdict."]
    caveat = "With few runs and volumes a small difference cannot be seen: not distinguishable does not mean equal."
    return Verdict(sentences[0], facts=sentences[1:], caveats=[caveat, *comparison.remarks])


def _table(table: Compared) -> Table:
    rows = [[None if cell == "-" else cell for cell in row] for row in table.rows]
    # A row may go on with the one above.
    return Table(table.heading, table.columns, rows, note=table.note, is_sortable=False)
