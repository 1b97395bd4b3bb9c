"""The stages on the test volumes: predict, label, evaluate."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment import Experiment, Selection
from auxcpvloss.files import write_text
from auxcpvloss.metrics import THRESHOLDS
from auxcpvloss.pictures import picture
from auxcpvloss.stages.labelling import label_sample, read_instances
from auxcpvloss.stages.needs import lacking
from auxcpvloss.stages.predicting import predict_samples
from auxcpvloss.stages.scoring import evaluate_sample
from auxcpvloss.terminal import Terminal

SPLIT = "test"


def predict(experiment: Experiment, terminal: Terminal, selection: Selection) -> None:
    """Run the network of the selected checkpoint over every test volume."""
    samples = _samples(experiment)
    with terminal.progress("volumes", len(samples)) as bar:
        made = predict_samples(experiment, SPLIT, selection.checkpoint, samples, bar.note, [selection.params])
    folder = experiment.processed(SPLIT, selection.checkpoint, "any").parent
    terminal.say(f"checkpoint {selection.checkpoint}: {_of(made, samples)} predicted in {folder}")


def label(experiment: Experiment, terminal: Terminal, selection: Selection) -> None:
    """Make instances of every predicted test volume; of one without labels, a picture too."""
    samples, made = _samples(experiment), 0
    pictures = []
    with terminal.progress("volumes", len(samples)) as bar:
        for number, sample in enumerate(samples):
            bar.update(number, sample.name)
            made += label_sample(experiment, SPLIT, selection.checkpoint, selection.params, sample)
            if not sample.has_labels:
                pictures.append(_picture_without_truth(experiment, selection, sample))
    folder = experiment.instanced(SPLIT, selection.checkpoint, selection.params, "any").parent
    terminal.say(f"checkpoint {selection.checkpoint}: {_of(made, samples)} labelled in {folder}")
    for text in pictures:
        terminal.say(text)


def _picture_without_truth(experiment: Experiment, selection: Selection, sample: Sample) -> str:
    path = experiment.instanced(SPLIT, selection.checkpoint, selection.params, sample.name)
    instances = read_instances(path)
    count = len(np.unique(instances[instances > 0]))
    picture(
        path.with_suffix(".png"), np.asarray(sample.raw), instances, voxel_size=sample.voxel_size,
        title=f"{sample.name}: {count} nuclei",
    )  # fmt: skip
    return f"{sample.name}: {count} nuclei found; picture: {path.with_suffix('.png')}"


def evaluate(experiment: Experiment, terminal: Terminal, selection: Selection) -> None:
    """Score every labelled test volume against its ground truth; print and write the table, draw a picture each."""
    samples = [sample for sample in _samples(experiment) if sample.has_labels]
    folder = experiment.evaluated(SPLIT, selection.checkpoint, selection.params)
    if not samples:
        terminal.say("no test volume has ground truth: nothing to score")
        return
    tables, new = {}, 0
    with terminal.progress("volumes", len(samples)) as bar:
        for number, sample in enumerate(samples):
            bar.update(number, sample.name)
            tables[sample.name], made = evaluate_sample(
                experiment, SPLIT, selection.checkpoint, selection.params, sample
            )
            new += made
            scores, drawn = (folder / f"{sample.name}{suffix}" for suffix in (".toml", ".png"))
            # Not by whether the scores are new: the command that made them may have been killed before it drew.
            if not drawn.is_file() or drawn.stat().st_mtime_ns < scores.stat().st_mtime_ns:
                _picture(experiment, selection, sample)
    rows = [_row(name, table) for name, table in tables.items()]
    rows.append(["mean", *np.mean([row[1:] for row in rows], axis=0)])
    rows.append(_pooled(list(tables.values())))
    columns = ["volume", *(f"AP {threshold:g}" for threshold in THRESHOLDS), "avAP"]
    _write_summary(experiment, selection, columns, rows)
    headings = [column.removeprefix("AP ") for column in columns]
    terminal.table(f"{experiment.folder.name}: AP at IoU above", headings, rows)
    for name, table in tables.items():
        if table["general"]["empty_prediction"]:
            terminal.warn(f"{name}: no nucleus was found at all")
        terminal.say(f"picture: {folder / f'{name}.png'}")
    terminal.say(f"scores of {_of(new, samples)}: {folder / 'summary.csv'}")


def _picture(experiment: Experiment, selection: Selection, sample: Sample) -> None:
    instances = read_instances(experiment.instanced(SPLIT, selection.checkpoint, selection.params, sample.name))
    path = experiment.evaluated(SPLIT, selection.checkpoint, selection.params) / f"{sample.name}.png"
    picture(
        path, np.asarray(sample.raw), instances, np.asarray(sample.labels), voxel_size=sample.voxel_size,
        title=f"{sample.name}, {experiment.method.name}, checkpoint {selection.checkpoint}",
    )  # fmt: skip


def _key(threshold: float) -> str:
    return f"th_{threshold:g}".replace(".", "_")


def _row(name: str, table: dict[str, Any]) -> list[Any]:
    matrix = table["confusion_matrix"]
    return [name, *(float(matrix[_key(threshold)]["AP"]) for threshold in THRESHOLDS), float(matrix["avAP"])]


def _pooled(tables: list[dict[str, Any]]) -> list[Any]:
    """AP of the counts of all volumes together; the mean of the volumes is the paper's way."""
    values = []
    for threshold in THRESHOLDS:
        cells = [table["confusion_matrix"][_key(threshold)] for table in tables]
        hits, all_ = (sum(sum(cell[key] for key in keys) for cell in cells) for keys in (["TP"], ["TP", "FP", "FN"]))
        values.append(hits / all_ if all_ else 1.0)
    return ["pooled", *values, float(np.mean(values))]


def _write_summary(experiment: Experiment, selection: Selection, columns: list[str], rows: list[list[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([row[0], *(f"{value:.6f}" for value in row[1:])] for row in rows)
    folder = experiment.evaluated(SPLIT, selection.checkpoint, selection.params)
    write_text(folder / "summary.csv", text.getvalue())


def _samples(experiment: Experiment) -> list[Sample]:
    samples = experiment.samples(SPLIT)
    if not samples:
        raise lacking(SPLIT)
    return samples


def _of(made: int, samples: list[Sample]) -> str:
    already = f" ({len(samples) - made} whole already)" if made < len(samples) else ""
    return f"{len(samples)} volume{'s' * (len(samples) != 1)}{already}"
