"""What the page about an experiment says, read from its folder."""

from __future__ import annotations

from collections.abc import Sequence

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection import Selection, read_selection, selection_record
from auxcpvloss.looking.report.images import png_as_webp
from auxcpvloss.looking.report.page import Figure, Page, Section, Table
from auxcpvloss.looking.report.verdict import Verdict, judge
from auxcpvloss.metrics.detection import centers_of_mass
from auxcpvloss.stages.labelling import instances_of, read_instances
from auxcpvloss.stages.report import pictures_of
from auxcpvloss.stages.report_background import background
from auxcpvloss.stages.report_errors import Errors, find_errors
from auxcpvloss.stages.report_scores import score_sections
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.terminal import Bar

PICTURES = 4_000_000
"""Bytes of the pictures of whole volumes, at most; those without room are named."""

FEW = 100
"""True nuclei; of fewer it is said what one of them makes."""


def page_of(experiment: Experiment, selection: Selection, samples: Sequence[Sample], bar: Bar) -> Page:
    """Put the report together; `bar` is moved on with every volume that was scored."""
    scored = [sample for sample in samples if sample.has_truth]
    errors = find_errors(experiment, selection, scored, bar)
    chosen = f"checkpoint {selection.checkpoint}, {selection.params.describe()}"
    return Page(
        title=f"{experiment.folder.name}: {experiment.method.name}",
        subtitle=chosen,
        verdict=_verdict(experiment, selection, samples, errors),
        results=[*score_sections(experiment, selection, scored), *_volumes(experiment, selection, samples)],
        atlas=errors.atlas if scored else None,
        atlas_notes=errors.notes,
        appendix=background(experiment),
    )


def _verdict(experiment: Experiment, selection: Selection, samples: Sequence[Sample], errors: Errors) -> Verdict:
    chosen = _how_chosen(experiment, selection)
    if errors.volumes:
        true = sum(scored.counts.tp + scored.counts.fn for scored in errors.volumes.values())
        one = f"There are {true} true nuclei only: one of them is {100 / true:.1f} %." if 0 < true < FEW else ""
        caveats = [
            "This is one training. Another seed gives other numbers: auxcpvloss compare, of several, says by how much.",
            *chosen,
            *([one] if one else []),
            *errors.caveats,
        ]
        return judge(errors.volumes, errors.rule, caveats)
    what = "The test volumes have no ground truth: nothing is scored." if samples else "There are no test volumes."
    return Verdict(f"{what} What is said below is of training and validation.", caveats=chosen)


def _how_chosen(experiment: Experiment, selection: Selection) -> list[str]:
    """Say how checkpoint and parameters were chosen: who reads the scores has to know."""
    record = selection_record(experiment)
    try:
        is_selected = record is not None and read_selection(experiment) == selection
    except InputError:
        # Other runs were averaged then.
        is_selected = False
    if record is None or not is_selected:
        return ["Checkpoint and parameters were chosen by hand, not by validation."]
    on = "training volumes (validation.on_train)" if experiment.config.validation.on_train else "validation volumes"
    names = ", ".join(experiment.names("val")) or "those of other runs (validation.trained_models)"
    return [f"Checkpoint and parameters were selected on the {on} {names}, by {record['metric']}."]


def _volumes(experiment: Experiment, selection: Selection, samples: Sequence[Sample]) -> list[Section]:
    """Show the pictures of all volumes, and how many nuclei were found where nobody knows how many there are."""
    figures: list[Figure] = []
    left_out: list[str] = []
    size = 0
    for name, picture in pictures_of(experiment, selection, samples).items():
        source = png_as_webp(picture.paths[0].read_bytes())
        size += len(source)
        if size > PICTURES:
            left_out.append(str(picture.paths[0].relative_to(experiment.folder)))
            continue
        what = f"{name}, seen along z: raw data, result and, where there is ground truth, hits and errors."
        figures.append(Figure(source, f"{name} ({picture.paths[0].relative_to(experiment.folder)})", what))
    if not samples:
        return []
    text = [f"Not shown here, for want of room: {', '.join(left_out)}."] if left_out else []
    counted = []
    for sample in samples:
        if not sample.has_truth:
            result = instances_of(experiment, "test", selection.checkpoint, selection.params, sample)
            counted.append((sample.name, len(centers_of_mass(read_instances(result.paths[0])))))
    tables = [Table("Volumes without ground truth", ["volume", "nuclei found"], counted)] if counted else []
    return [Section("volumes", "Volumes", text, tables, figures, wide=True)]
