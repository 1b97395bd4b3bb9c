"""The folder of a comparison: tables, figures, report, and a record of what they were made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from auxcpvloss import __version__
from auxcpvloss.looking.compare.comparison import RunComparison
from auxcpvloss.looking.compare.drawing import Drawn
from auxcpvloss.looking.compare.writing import FORMATS, document, scores_as_csv, verdicts_as_csv
from auxcpvloss.looking.figures.layout import encode
from auxcpvloss.looking.report.atlas import data_uri
from auxcpvloss.looking.report.page import Page, Picture, Section, as_html
from auxcpvloss.looking.report.verdict import Verdict
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import replacing

RECORD = "comparison.json"
"""File that records what is in the folder and what it was made from."""
KINDS = ("png", "pdf")


def need_free(out: Path) -> None:
    """Refuse to write over anything but an earlier comparison.

    Raises
    ------
    InputError
        There is something else.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise InputError(f"{out}: is a file; name a folder with -o.")
    try:
        known = set(json.loads((out / RECORD).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        known = set()
    if other := sorted({path.name for path in out.iterdir()} - known):
        raise InputError(
            f"{out}: contains other files: {', '.join(other[:5])}. Choose another folder with -o, or move them away."
        )


def write_comparison(comparison: RunComparison, figures: Sequence[Drawn], out: Path) -> None:
    """Write all of a comparison, in place of an earlier one."""
    texts = {f"{table.name}.{kind}": write(table) for table in comparison.tables for kind, write in FORMATS.items()}
    texts |= {
        "comparison.md": document(comparison),
        "verdicts.csv": verdicts_as_csv(comparison),
        "scores.csv": scores_as_csv(comparison),
    }
    files = {f"{drawn.name}.{kind}": encode(drawn.figure, kind) for drawn in figures for kind in KINDS}
    captions = {drawn.caption: files[f"{drawn.name}.png"] for drawn in figures}
    texts["report.html"] = as_html(comparison_page(comparison, captions))
    texts[RECORD] = f"{json.dumps(_record(comparison, [*texts, *files, RECORD]), indent=1)}\n"
    files |= {name: text.encode() for name, text in texts.items()}
    with replacing(out) as beside:
        beside.mkdir()
        for name, content in files.items():
            (beside / name).write_bytes(content)


def _record(comparison: RunComparison, files: Sequence[str]) -> dict[str, Any]:
    """Say what a comparison was made from, and what it said."""
    keys = ("seed", "checkpoint", "params", "metric", "validated_on", "seeds", "weights")
    first = comparison.groups[0].runs[0]
    return {
        "auxcpvloss": __version__,
        "groups": [
            {
                "name": group.name,
                "method": group.method,
                "runs": [{"folder": str(run.folder), **{key: getattr(run, key) for key in keys}} for run in group.runs],
            }
            for group in comparison.groups
        ],
        "evaluation": first.evaluation,
        "truth": first.truth,
        "groups of volumes": comparison.volume_groups,
        "verdicts": [asdict(verdict) for verdict in comparison.verdicts],
        "remarks": comparison.remarks,
        "files": sorted(files),
    }


def comparison_page(comparison: RunComparison, figures: Mapping[str, bytes]) -> Page:
    """Show a comparison: verdicts, tables, and figures, PNG files by caption."""
    number = sum(len(group.runs) for group in comparison.groups)
    pictures = [Picture(data_uri("png", content), caption, caption) for caption, content in figures.items()]
    more = "Each run has its own report with every error, report.html in its folder."
    tables = [replace(table, title=table.heading) for table in comparison.tables]
    sections = [Section("tables", "Tables", [more], tables)]
    if pictures:
        sections.append(Section("figures", "Figures", pictures=pictures))
    return Page(
        title=f"Comparison: {', '.join(group.name for group in comparison.groups)}",
        subtitle=f"{number} runs on {comparison.units}: {', '.join(comparison.volumes)}",
        verdict=_verdict(comparison),
        results=sections,
    )


def _verdict(comparison: RunComparison) -> Verdict:
    """Say each verdict; the first one, by the main score, as headline."""
    nothing = "No pair of models differs in one auxiliary task, so there is no verdict."
    headline, *facts = [verdict.sentence for verdict in comparison.verdicts] or [nothing]
    caveat = "With few runs and volumes, small differences cannot be detected: not distinguishable does not mean equal."
    return Verdict(headline, facts=facts, caveats=[caveat, *comparison.remarks])
