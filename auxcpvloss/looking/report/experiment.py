"""What the page about an experiment says, read from its folder."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import imagecodecs

from auxcpvloss.data.degrade import in_words
from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.configured import TEST
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.groups import groups_in, shared_groups
from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.experiment.results import read_table
from auxcpvloss.experiment.selection_file import Selection, read_selection, selection_record
from auxcpvloss.experiment.used import used_in_words
from auxcpvloss.looking.report.atlas import as_webp
from auxcpvloss.looking.report.background import background
from auxcpvloss.looking.report.confidence import confidence_section
from auxcpvloss.looking.report.denoised import denoised_section
from auxcpvloss.looking.report.errors import find_errors, rule_of_detection
from auxcpvloss.looking.report.groups import mean_by_group
from auxcpvloss.looking.report.page import Page, Picture, Section
from auxcpvloss.looking.report.sizes import compare_sizes
from auxcpvloss.looking.report.verdict import Scored, Verdict, judge
from auxcpvloss.looking.table import Cell, DisplayTable
from auxcpvloss.methods.external import Given
from auxcpvloss.metrics import THRESHOLD
from auxcpvloss.metrics.strata import DENSITIES, NEIGHBOURS, REACH, SIZES
from auxcpvloss.metrics.table import pooled
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.printable import from_spreadsheet

PICTURES = 4_000_000
"""Maximum total size of the pictures of whole volumes; others are only named."""

QUALITY = 80
"""Quality of their compression, in percent."""

FEW = 100
"""With fewer true nuclei than this, the page says how much a single one counts."""

POOLED = "all volumes pooled, at an IoU above 0.5."
CLASSES = {
    "by_size": ("Size", SIZES, f"Thirds of the true nuclei of each volume; {POOLED}"),
    "by_density": (
        "Local density",
        DENSITIES,
        f"True nuclei whose center lies within {REACH:g} mean diameters: up to {NEIGHBOURS[0]}, up to "
        f"{NEIGHBOURS[1]}, more; {POOLED}",
    ),
}
COLUMNS = {"nuclei": "num_gt", "found": "recall", "results": "num_pred", "right": "precision"}


def experiment_page(
    experiment: Experiment,
    selection: Selection,
    samples: Sequence[Sample],
    read: Callable[[Sample], Outcome],
    pictures: Mapping[str, Path],
    calibrated: Sequence[Path] = (),
) -> Page:
    """Put the report on an experiment together.

    If some volumes have masks and others center points alone, the verdict is on those with masks; all are in the atlas.

    Parameters
    ----------
    experiment, selection
    samples : sequence of Sample
        The test volumes, labelled, and evaluated if they have ground truth.
    read : callable
        Reads what was found in a volume.
    pictures : mapping of name to Path
        Of all volumes, as earlier stages drew them.
    calibrated : sequence of Path
        What the stage calibrate learned and listed; empty if it has not been run.
    """
    with_truth = [sample for sample in samples if sample.has_truth]
    folder = experiment.evaluated("test", selection.checkpoint, selection.params)
    tables = {each.name: read_table(folder / f"{each.name}.toml") for each in with_truth}
    volumes, atlas = find_errors(experiment.config, with_truth, tables, read)
    segmented = {name: scored for name, scored in volumes.items() if scored.by_threshold}
    sizes, differ = compare_sizes(experiment, samples, read)
    verdict = Verdict(_nothing_scored(samples), caveats=[_how_chosen(experiment, selection), *differ])
    if volumes:
        rule = f"an IoU above {THRESHOLD:g}" if segmented else rule_of_detection(experiment.config, with_truth)
        judged = segmented or volumes
        verdict = judge(judged, rule, [*_caveats(experiment, selection, judged, len(volumes)), *differ])
    return Page(
        title=f"{experiment.folder.name}: {experiment.model_name}",
        subtitle=_made_by(experiment, selection),
        verdict=verdict,
        results=[
            *([_scores(folder, tables, groups_in(experiment, TEST))] if tables else []),
            *([_volumes(experiment, samples, read, pictures, sizes)] if samples else []),
            *([confidence_section(*calibrated)] if calibrated else []),
            *denoised_section(experiment),
        ],
        atlas=atlas if volumes else None,
        background=background(experiment),
    )


def _made_by(experiment: Experiment, selection: Selection) -> str:
    if experiment.method.has_network:
        return f"checkpoint {selection.checkpoint}, {selection.params.describe()}"
    return f"external results, imported from {Given.by(experiment.config).results}"


def _nothing_scored(samples: Sequence[Sample]) -> str:
    what = "The test volumes have no ground truth, so nothing is scored." if samples else "There are no test volumes."
    return f"{what} The rest of this page describes training and validation."


def _caveats(experiment: Experiment, selection: Selection, judged: Mapping[str, Scored], volumes: int) -> Iterator[str]:
    yield "This is a single training run. Another seed gives different numbers; auxcpvloss compare shows by how much."
    yield _how_chosen(experiment, selection)
    scheme = experiment.config.scheme
    if scheme.stages and TEST in experiment.config.pretrain.images:
        yield (
            f"The denoiser (scheme.name = {scheme.name!r}) was trained on the test images, too, without their labels: "
            "other images may be denoised less well."
        )
    yield from (f"A part of the data served: {words}." for words in used_in_words(experiment))
    yield from (f"{words[0].upper()}{words[1:]}." for words in in_words(experiment.config.data.degrade))
    yield from (f"{words[0].upper()}{words[1:]}." for words in shared_groups(experiment))
    true = sum(scored.counts.tp + scored.counts.fn for scored in judged.values())
    if 0 < true < FEW:
        yield f"There are only {true} true nuclei: each of them counts {100 / true:.1f} %."
    if without := [name for name, scored in judged.items() if not scored.counts.tp + scored.counts.fn]:
        false = sum(judged[name].counts.fp for name in without)
        yield f"No nuclei, and so no AP: {', '.join(without)}. Left out of means; all {false} results there are wrong."
    if experiment.config.evaluation.foreground_only:
        yield "Results outside the ground truth were not counted (evaluation.foreground_only)."
    if others := volumes - len(judged):
        yield f"{others} of {volumes} volumes have only center points; the verdict omits them."


def _how_chosen(experiment: Experiment, selection: Selection) -> str:
    """Say how checkpoint and parameters were chosen, which readers of the scores have to know."""
    if not experiment.method.has_network:
        note = Given.by(experiment.config).note
        return f"{experiment.model_name} was trained, and its parameters were chosen, elsewhere{note and f': {note}'}."
    record: dict[str, Any] | None = selection_record(experiment)
    try:
        is_selected = record is not None and read_selection(experiment) == selection
    except InputError:
        # It was made by averaging other runs.
        is_selected = False
    if record is None or not is_selected:
        return "Checkpoint and parameters were chosen by hand, not by validation."
    on = "training volumes (validation.on_train)" if experiment.config.validation.on_train else "validation volumes"
    names = ", ".join(experiment.names("val")) or "those of other runs (validation.trained_models)"
    return f"Checkpoint and parameters were selected on the {on} {names}, by {record['metric']}."


def _volumes(
    experiment: Experiment,
    samples: Sequence[Sample],
    read: Callable[[Sample], Outcome],
    paths: Mapping[str, Path],
    sizes: DisplayTable,
) -> Section:
    """Show the pictures of all volumes, their sizes, and how many nuclei were found in those without ground truth."""
    pictures, left_out, room = [], [], PICTURES
    for name, path in paths.items():
        source = as_webp(imagecodecs.png_decode(path.read_bytes())[..., :3], QUALITY)
        place = path.relative_to(experiment.folder)
        room -= len(source)
        if room < 0:
            left_out.append(str(place))
            continue
        what = f"{name}, seen along z: raw data, result and, where there is ground truth, hits and errors."
        pictures.append(Picture(source, f"{name} ({place})", what))
    text = [f"Not shown here, to limit the size of this page: {', '.join(left_out)}."] if left_out else []
    counted = [(each.name, len(read(each).centers)) for each in samples if not each.has_truth]
    tables = [DisplayTable("Volumes without ground truth", ["volume", "nuclei found"], counted)] if counted else []
    return Section("volumes", "Volumes", text, [*tables, sizes], pictures, wide=True)


def _scores(folder: Path, tables: Mapping[str, Mapping[str, Any]], groups: Mapping[str, str]) -> Section:
    """Give the table that evaluate wrote, by group too, how nuclei of a size or density came out, and what it means."""
    together = pooled(list(tables.values()))
    classes = [_by_class(*each, together[name]) for name, each in CLASSES.items() if name in together]
    card = (folder / "metrics.txt").read_text(encoding="utf-8")
    volumes = _summary(folder / "summary.csv")
    by_group = [mean_by_group(volumes, groups)] if any(name != group for name, group in groups.items()) else []
    shown = [volumes, *by_group, *classes]
    return Section("scores", "Scores", tables=shown, code=card, summary="What the scores mean")


def _summary(path: Path) -> DisplayTable:
    """Read the table that evaluate wrote; its last two rows are over all volumes."""
    with path.open(newline="", encoding="utf-8") as file:
        headings, *rows = csv.reader(file)
    cells = [[from_spreadsheet(row[0]), *map(_cell, row[1:])] for row in rows]
    note = "mean: over volumes, as in the paper. pooled: over all volumes together, each nucleus counting the same."
    return DisplayTable("Test volumes", headings, cells[:-2], cells[-2:], note)


def _cell(text: str) -> Cell:
    if not text:
        return None
    return float(text) if "." in text else int(text)


def _by_class(heading: str, names: Sequence[str], note: str, table: Mapping[str, Any]) -> DisplayTable:
    rows = [[name, *(table[name].get(key) for key in COLUMNS.values())] for name in names]
    return DisplayTable(heading, ["class", *COLUMNS], rows, note=note)
