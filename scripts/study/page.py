"""docs/results.md, written from what is kept of all studies; hand-written parts are in page.md and in their files."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from auxcpvloss.looking.figures.layout import save
from study.comparison import of_variant
from study.curves import curves
from study.forest import forest
from study.plan import Study
from study.run import Record, records_of
from study.scores import spoken
from study.table import table_by_group, table_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
TEMPLATE = Path(__file__).with_name("page.md")
PLACE = "{studies}\n"
"""What the template has where the studies go."""
WIDTH = 120


def write_page(studies: Sequence[Study], docs: Path) -> None:
    """Write results.md and draw results/NAME.png from results/NAME.json of each study."""
    sections, lacking = [], []
    for study in studies:
        records = [each for each in records_of(study, docs / "results") if each["variant"] in study.variants]
        if not records:
            lacking.append(f"{study.title} (`python scripts/study.py {study.name}`)")
            continue
        figures = {
            f"{study.name}.png": ("differences with intervals", forest(study, records)),
            f"{study.name}_curves.png": (f"scores by {study.curves.x}" if study.curves else "", curves(study, records)),
        }
        drawn = {name: about for name, (about, figure) in figures.items() if figure}
        for name in drawn:
            save(docs / "results" / name, figures[name][1])
        sections.append("\n".join(_section(study, records, drawn)))
    if lacking:
        sections.append(_wrapped(f"Not run yet: {', '.join(lacking)}.\n"))
    text = TEMPLATE.read_text(encoding="utf-8").replace(PLACE, "".join(f"{each}\n" for each in sections))
    (docs / "results.md").write_text(text, encoding="utf-8")


def commands_of(study: Study, records: Sequence[Record]) -> list[str]:
    """Give the commands that run what is kept: one for all variants with the same folds and seeds."""
    variants: dict[tuple[tuple[int, ...], tuple[int, ...]], list[str]] = {}
    for name in study.variants:
        own = of_variant(records, name)
        seeds: dict[tuple[int, ...], list[int]] = {}
        for seed in sorted({each["seed"] for each in own}):
            folds = tuple(sorted({each["fold"] for each in own if each["seed"] == seed}))
            seeds.setdefault(folds, []).append(seed)
        for folds, same in seeds.items():
            variants.setdefault((folds, tuple(same)), []).append(name)
    return [_command(study, names, *key) for key, names in variants.items()]


def _command(study: Study, names: Sequence[str], folds: Sequence[int], seeds: Sequence[int]) -> str:
    parts: list[object] = ["python scripts/study.py", study.name]
    if len(names) < len(study.variants):
        parts += ["--variants", *names]
    if len(folds) < len(study.folds):
        parts += ["--folds", *folds]
    return " ".join(map(str, [*parts, "--seeds", *seeds]))


def cost_of(study: Study, records: Sequence[Record]) -> str:
    """Say how long the trainings took; a training that is taken over counts once."""
    trained = [each["minutes"] for each in records if not study.variants[each["variant"]].training_of]
    total = f"{sum(trained):.0f} minutes" if sum(trained) < 120 else f"{sum(trained) / 60:.1f} hours"
    note = f", {study.cost}" if study.cost else ""
    return f"Cost: {_count(records, 'run')}; {_count(trained, 'training')} of {total} in all{note}."


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _section(study: Study, records: Sequence[Record], figures: Mapping[str, str]) -> Iterator[str]:
    yield f"## {study.title}\n"
    if study.about:
        yield _wrapped(f"{study.about}\n")
    if study.findings:
        yield "\n".join(_wrapped(f"- {each}", indent="  ") for each in study.findings) + "\n"
    for metric in study.metrics:
        yield table_of(study, records, metric)
    if study.by_group:
        yield f"Mean {spoken(study.metrics[0])} of each group of volumes:\n"
        yield table_by_group(study, records, study.metrics[0])
    for name, about in figures.items():
        yield f"![{study.title}: {about}](results/{name})\n"
    yield _wrapped(f"{cost_of(study, records)} Made by") + "\n"
    yield "```shell\n" + "\n".join(commands_of(study, records)) + "\n```\n"


def _wrapped(text: str, indent: str = "") -> str:
    lines = textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines) + ("\n" if text.endswith("\n") else "")
