"""The page that says how several experiments compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from auxcpvloss.looking.compare.comparison import Comparison
from auxcpvloss.looking.report.atlas import data_uri
from auxcpvloss.looking.report.page import Page, Picture, Section
from auxcpvloss.looking.report.verdict import Verdict


def comparison_page(comparison: Comparison, figures: Mapping[str, bytes]) -> Page:
    """Show a comparison: verdicts, tables, figures.

    Parameters
    ----------
    comparison : Comparison
    figures : mapping of caption to the content of a PNG file
    """
    number = sum(len(group.runs) for group in comparison.groups)
    pictures = [Picture(data_uri("png", content), caption, caption) for caption, content in figures.items()]
    more = "Each run has a report of its own, report.html in its folder, with every error."
    tables = [replace(table, title=table.heading) for table in comparison.tables]
    sections = [Section("tables", "Tables", [more], tables)]
    if pictures:
        sections.append(Section("figures", "Figures", pictures=pictures))
    return Page(
        title=f"Comparison: {', '.join(group.name for group in comparison.groups)}",
        subtitle=f"{number} runs on {len(comparison.volumes)} test volumes: {', '.join(comparison.volumes)}",
        verdict=_verdict(comparison),
        results=sections,
    )


def _verdict(comparison: Comparison) -> Verdict:
    """Say each verdict; the first one, by the main score, as headline."""
    nothing = "There is no baseline beside the same with vectors, and so there is no verdict."
    headline, *facts = [verdict.sentence for verdict in comparison.verdicts] or [nothing]
    caveat = "With few runs and volumes a small difference cannot be seen: not distinguishable does not mean equal."
    return Verdict(headline, facts=facts, caveats=[caveat, *comparison.remarks])
