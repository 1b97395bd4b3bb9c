"""The page that says how an experiment came out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auxcpvloss.config import dump, flat
from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.fingerprint import plain
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection import Selection
from auxcpvloss.experiment.versions import version_of
from auxcpvloss.stages.curves import newest_snapshot
from auxcpvloss.stages.records import Result, beside, is_kept, make_way, need, record_beside
from auxcpvloss.stages.scoring import scores_of
from auxcpvloss.stages.stored import file_digest, stored_beside
from auxcpvloss.stages.summary import TABLES
from auxcpvloss.stages.testing import SPLIT, picture_of, picture_without_truth_of, summary_of
from auxcpvloss.system.files import write_text
from auxcpvloss.system.terminal import Terminal

LOGS = ("log.csv", "validation.csv")
"""What the training logged."""

OF_ONE_COMMAND = ("overwrite", "logging")
"""Keys of [general] that are no properties of the results: the report does not show them."""


def report(experiment: Experiment, terminal: Terminal, selection: Selection) -> None:
    """Write ``report.html``: verdict, scores, figures, every error, configuration and provenance.

    Without test volumes it is about training and validation alone.

    Raises
    ------
    InputError
        A test volume was not labelled, or not evaluated.
    """
    samples = experiment.samples(SPLIT)
    scored = [sample for sample in samples if sample.has_truth]
    for picture in pictures_of(experiment, selection, samples).values():
        need(picture, "to report on")
    for sample in scored:
        need(scores_of(experiment, SPLIT, selection.checkpoint, selection.params, sample), "to report on")
    if scored:
        summary = summary_of(experiment, selection, scored)
        for name, what in TABLES.items():
            need(beside(summary, summary.paths[0].with_name(name), what), "to report on")
    result = report_of(experiment, selection, samples)
    already = " (whole already)"
    if not is_kept(experiment, result):
        # What makes the page takes a while to import.
        from auxcpvloss.looking.report.page import as_html
        from auxcpvloss.stages.report_page import page_of

        with terminal.progress("volumes", len(scored)) as bar:
            html = as_html(page_of(experiment, selection, samples, bar))
        # Only now: what cannot be made takes nothing away.
        make_way(experiment, result)
        write_text(result.paths[0], html)
        record_beside(result)
        already = ""
    terminal.say(f"{result.paths[0]}{already}")


def report_of(experiment: Experiment, selection: Selection, samples: Sequence[Sample]) -> Result:
    """Say what the report is to be made from: all that it shows but the provenance, which every command adds to."""
    selected = experiment.selection_path
    files = [selected, selected.with_name("scores.csv"), *map(experiment.train_folder.joinpath, LOGS)]
    # Only of vectors a snapshot is drawn.
    if (snapshot := newest_snapshot(experiment)) and any(head.name == "cpv" for head in experiment.method.heads):
        files.append(snapshot)
    pictures = pictures_of(experiment, selection, samples)
    made_from = {
        **version_of("report"),
        "name of the experiment": experiment.folder.name,
        "chosen": f"checkpoint {selection.checkpoint}, {selection.params.describe()}",
        "configuration": dict(flat(shown_configuration(experiment))),
        "predictions": {name: picture.made_from for name, picture in pictures.items()},
        "files": {f"{path.parent.name}/{path.name}": file_digest(path) for path in files if path.is_file()},
    }
    path = experiment.report_path
    return Result("report", "the report", (path,), plain(made_from), stored_beside(path))


def shown_configuration(experiment: Experiment) -> dict[str, Any]:
    """Give the tables of the configuration that the report shows; each of their keys makes it stale."""
    tables = dump(experiment.config)
    for key in OF_ONE_COMMAND:
        del tables["general"][key]
    return tables


def pictures_of(experiment: Experiment, selection: Selection, samples: Sequence[Sample]) -> dict[str, Result]:
    """Give the pictures that earlier stages drew, by volume; nothing is known better of what was scored, and how."""
    return {
        sample.name: (picture_of if sample.has_truth else picture_without_truth_of)(experiment, selection, sample)
        for sample in samples
    }
