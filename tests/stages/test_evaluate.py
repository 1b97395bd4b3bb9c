"""Labels, scores, tables and pictures of predictions that are known, so that nothing has to be trained."""

import csv
import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from matplotlib.image import imread

from auxcpvloss.data.centers import read_centers
from auxcpvloss.data.centers_of_mass import centers_by_label
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.instances import CENTERS as THEIR_CENTERS
from auxcpvloss.experiment.instances import read_instances
from auxcpvloss.experiment.selection_file import selection_record
from auxcpvloss.looking.figures.palette import PALETTES
from auxcpvloss.methods import METHODS
from auxcpvloss.methods.threeclass import perfect, target
from auxcpvloss.metrics import THRESHOLDS, Comparison, Counts
from auxcpvloss.metrics import score as score_outlines
from auxcpvloss.metrics.detection import MATCHINGS
from auxcpvloss.metrics.table import numbers_in, value_at
from auxcpvloss.metrics.tabulation import tabulate
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.train.monitor import Monitor
from auxcpvloss.stages.validate_checkpoints.scoring import validation_samples
from auxcpvloss.stages.volume.instances import instances_of
from auxcpvloss.stages.volume.make import make_together
from auxcpvloss.stages.volume.prediction import prediction_of
from auxcpvloss.stages.volume.scores import score as score_kept
from auxcpvloss.stages.volume.scores import scores_of
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.stages.volume.summary import TABLES, show, write_table
from auxcpvloss.system.checksums import file_digest
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text
from tests.conftest import TINY, configure, make_sample, merge
from tests.looking.figures.volumes import colors_of
from tests.metrics.volumes import table_with
from tests.stages.running import perform, subject

SHAPE = (14, 30, 40)
CENTERS = [(6, 7, 8), (7, 20, 10), (6, 9, 27), (7, 21, 31)]
FOUND = 3
"""The last nucleus is not predicted; instead there is something in the corner, where nothing is."""


def ball(center: tuple[int, ...], radius: float = 4) -> np.ndarray:
    return ((np.indices(SHAPE) - np.reshape(center, (3, 1, 1, 1))) ** 2).sum(axis=0) <= radius**2


def true_labels() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint32)
    for number, center in enumerate(CENTERS, start=1):
        labels[ball(center)] = 10 * number
    return labels


def predicted_labels() -> np.ndarray:
    labels = np.where(true_labels() > 10 * FOUND, 0, true_labels())
    labels[ball((7, 15, 38), 2.5)] = 99
    return labels.astype(np.uint32)


def predict(experiment: Experiment, split: str, labels: np.ndarray) -> None:
    """Write the prediction of a network that is sure of these labels."""
    group = zarr.open_group(str(experiment.processed(split, 4, "a")), mode="w")
    group["volumes/pred_threeclass"] = perfect(target(labels))
    record_as_predicted(experiment, split, str(labels.astype(bool).sum()))


def record_as_predicted(experiment: Experiment, split: str, weights: str) -> None:
    """Say that the prediction that is there is that of a checkpoint of these weights."""
    experiment.checkpoints.path(4).parent.mkdir(parents=True, exist_ok=True)
    if not experiment.checkpoints.path(4).is_file() or experiment.checkpoints.path(4).read_text() != weights:
        experiment.checkpoints.path(4).write_text(weights)
    run = Run(experiment)
    record = prediction_of(run, subject(run, split)).record
    zarr.open_group(str(experiment.processed(split, 4, "a"))).attrs["made_from"] = record


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Volumes with masks (dense), and the same with points only (sparse)."""
    folder = tmp_path_factory.mktemp("data")
    labels = true_labels()
    for kind in ("dense", "sparse"):
        (folder / kind / "images").mkdir(parents=True)
        tifffile.imwrite(folder / kind / "images" / "a.tif", (labels > 0).astype(np.uint8) * 200)
    (folder / "dense" / "masks").mkdir()
    tifffile.imwrite(folder / "dense" / "masks" / "a.tif", labels)
    (folder / "sparse" / "centers").mkdir()
    rows = [f"{z},{y},{x},{i}" for i, (z, y, x) in enumerate(CENTERS, start=1)]
    write_text(folder / "sparse" / "centers" / "a.csv", "\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the experiments, so that the volumes are prepared once."""
    return tmp_path_factory.mktemp("root")


@pytest.fixture
def make(data: Path, root: Path, tmp_path: Path) -> Any:
    """Make an experiment whose network has said what `predicted_labels` are."""

    def experiment_of(kind: str = "dense", name: str = "e", method: str = "threeclass", **change: Any) -> Experiment:
        place = str(data / kind)
        base = merge({"data": {"input_format": "auto", "test_data": place, "val_data": str(data / "dense"), "allow_repeats": True}, "model": {"method": method}}, change)  # fmt: skip
        experiment = Experiment(root / f"{tmp_path.name}_{name}", configure(**base))
        perform(experiment, "prepare")
        for split in ("val", "test"):
            predict(experiment, split, predicted_labels())
        return experiment

    return experiment_of


def validate(experiment: Experiment) -> None:
    """Validate with the prediction that is there."""
    perform(experiment, "validate_checkpoints")


def label(experiment: Experiment) -> None:
    perform(experiment, "label", checkpoint=4)


def visualize(experiment: Experiment) -> None:
    perform(experiment, "visualize", checkpoint=4)


def score(experiment: Experiment) -> dict[str, Any]:
    """Label and evaluate; the table of the sample."""
    perform(experiment, "label", "evaluate", checkpoint=4)
    table: dict[str, Any] = tomllib.loads((results(experiment) / "a.toml").read_text())
    return table


def scores(experiment: Experiment) -> dict[str, Any]:
    """The table alone, without pictures."""
    run = Run(experiment)
    return scored(run, subject(run))


def scored(run: Run, of: Subject) -> dict[str, Any]:
    list(make_together([scores_of(run, of)], run))
    return tomllib.loads(scores_of(run, of).paths[0].read_text())


def results(experiment: Experiment) -> Path:
    return experiment.evaluated("test", 4, experiment.params)


def summary(experiment: Experiment) -> list[dict[str, str]]:
    with (results(experiment) / "summary.csv").open() as file:
        return list(csv.DictReader(file))


def counts(table: dict[str, Any], key: str) -> tuple[int, int, int]:
    cell = table["confusion_matrix"][key]
    return cell["TP"], cell["FP"], cell["FN"]


def test_every_table_has_the_segmentation_and_the_detection(make, capsys):
    experiment = make()
    table = score(experiment)
    assert counts(table, "th_0_5") == counts(table, "hoefener") == (3, 1, 1)
    assert table["general"]["num_points"] == table["general"]["num_gt"] == 4
    rows = summary(experiment)
    assert [row["volume"] for row in rows] == ["a", "mean", "pooled"]
    assert list(rows[0]) == ["volume", *(f"AP 0.{i}" for i in range(1, 10)), "avAP", "PQ", "SEG", "detection AP"]
    assert {row["detection AP"] for row in rows} == {"0.600000"}
    assert "detection AP" in capsys.readouterr().out
    assert (results(experiment) / "a.png").is_file()


@pytest.mark.parametrize("change", [{}, {"evaluation": {"do_detection": True, "foreground_only": True}}])
def test_instances_and_truth_are_tabulated_once_a_command(make, monkeypatch, change):
    experiment, calls = make(**change), []

    def counted(*volumes: np.ndarray) -> Any:
        calls.append(len(volumes))
        return tabulate(*volumes)

    monkeypatch.setattr("auxcpvloss.metrics.overlap.tabulate", counted)
    perform(experiment, "label", "evaluate", "report", "export", "visualize", checkpoint=4)
    assert calls == [2]


def test_the_oldest_of_what_is_kept_makes_room(tmp_path):
    run = Run(Experiment(tmp_path, configure()))
    run._room = 250

    def keep(*names: str) -> Any:
        return run.keep(tuple(map(Path, names)), lambda: np.zeros(100, np.uint8))

    one, other = keep("one"), keep("other")
    # Made of the same volumes, which count once.
    both = run.keep((Path("one"), Path("other")), lambda: Comparison(one, other))
    assert (keep("one") is one, keep("other") is other) == (True, True)
    keep("third")
    assert list(run._kept) == [(Path("third"),)]
    assert keep("one", "other") is not both


@pytest.mark.parametrize("output_format", ["hdf", "zarr"])
def test_the_centers_lie_beside_the_instances(make, output_format):
    experiment = make(postprocessing={"output_format": output_format})
    score(experiment)
    path = experiment.instanced("test", 4, experiment.params, "a")
    ids, centers = centers_by_label(read_instances(path))[:2]
    table = read_centers(path.with_suffix(".csv"))
    np.testing.assert_allclose(table, np.column_stack([centers, ids]), atol=1e-3)
    assert len(table) == 4
    # One is not there without the other.
    written = path.stat().st_mtime_ns
    label(experiment)
    assert path.stat().st_mtime_ns == written
    path.with_suffix(".csv").unlink()
    label(experiment)
    assert path.stat().st_mtime_ns > written
    assert path.with_suffix(".csv").is_file()


def test_no_instances_of_before_beside_the_centers_of_now(make, monkeypatch):
    experiment = make()
    score(experiment)
    path = experiment.instanced("test", 4, experiment.params, "a")
    record_as_predicted(experiment, "test", "others")

    class KilledError(Exception):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr("auxcpvloss.stages.volume.instances.write_text", killed)
        with pytest.raises(KilledError):
            label(experiment)
    assert not path.exists()
    label(experiment)
    assert path.exists()


def test_with_detection_as_task_table_and_picture_are_those_of_points(make, capsys):
    experiment = make()
    score(experiment)
    written = (results(experiment) / "a.toml").stat().st_mtime_ns
    capsys.readouterr()
    detecting = make(evaluation={"do_detection": True})
    score(detecting)
    assert (results(experiment) / "a.toml").stat().st_mtime_ns == written
    rows = summary(detecting)
    assert list(rows[0]) == ["volume", "TP", "FP", "FN", "precision", "recall", "F1", "AP"]
    assert list(rows[2].values()) == ["pooled", "3", "1", "1", "0.750000", "0.750000", "0.750000", "0.600000"]
    assert rows[1]["TP"] == "3.000000"
    text = capsys.readouterr().out
    assert "detection (hoefener)" in text
    assert "a_points.png" in text
    assert (results(detecting) / "a_points.png").is_file()


@pytest.mark.parametrize("is_detection", [False, True])
def test_pictures_are_drawn_again_in_the_colors_asked_for_and_nothing_is_scored_again(make, capsys, is_detection):
    table, drawn = [], []
    for name, palette in PALETTES.items():
        experiment = make(evaluation={"colors": name, "do_detection": is_detection})
        score(experiment)
        visualize(experiment)
        table.append((results(experiment) / "a.toml").stat().st_mtime_ns)
        image = imread(results(experiment) / f"a{'_points' * is_detection}.png")[..., :3]
        assert colors_of(image, palette) >= {"TP: both", "FP", "FN"}
        drawn.append((experiment.visualized("test", 4, experiment.params) / "a.png").read_bytes())
    assert drawn[0] != drawn[1]
    assert table[0] == table[1]
    assert "pictures made again: evaluation.colors was 'paper', is 'colorblind'" in " ".join(
        capsys.readouterr().out.split()
    )


def test_a_volume_with_points_only_is_scored_by_them(make, capsys):
    experiment = make("sparse", evaluation={"distance_limit": 5.0})
    table = score(experiment)
    assert (list(table["confusion_matrix"]), counts(table, "hoefener")) == (["hoefener"], (3, 1, 1))
    assert "avAP" not in table["general"]
    # There is nothing to show but points.
    assert list(summary(experiment)[0])[1:4] == ["TP", "FP", "FN"]
    assert (results(experiment) / "a_points.png").is_file()


def test_where_there_are_points_only_validation_needs_a_metric_of_points(make, data):
    volumes = {"data": {"val_data": str(data / "sparse")}}
    with pytest.raises(InputError, match=r"th_0_5\.AP compares masks, but a has center points only\. Use --do_detection"):  # fmt: skip
        validation_samples(Run(make(**volumes)))
    for number, evaluation in enumerate(({"do_detection": True}, {"metric": "confusion_matrix.hoefener.recall"})):
        assert validation_samples(Run(make(name=str(number), evaluation=evaluation, **volumes)))


def test_no_loss_of_a_segmentation_where_there_are_points_only(make, data):
    change = {"data": {"val_data": str(data / "sparse")}, "evaluation": {"do_detection": True}}
    assert Monitor(Run(make(**change, training={"early_stop": 1})), 0).wanted
    with pytest.raises(InputError, match=r"a: has center points but no masks, and model\.method = 'threeclass' learns"):
        Monitor(Run(make(name="loss", **change, training={"validation_batches": 1})), 0)


def test_volumes_with_masks_and_with_points_in_one_table(tmp_path, capsys):
    experiment = Experiment(tmp_path / "e", configure())
    dense, sparse = table_with(Counts(3, 0, 1), outlines=dict.fromkeys(THRESHOLDS, Counts(1, 1, 0))), table_with(Counts(1, 1, 0))  # fmt: skip
    dense["metric_card"], sparse["metric_card"] = {"a": "dense", "b": "both"}, {"a": "sparse", "b": "both"}
    write_tables(experiment, {"dense": dense, "sparse": sparse}, tmp_path)
    with (tmp_path / "summary.csv").open() as file:
        rows = {row["volume"]: row for row in csv.DictReader(file)}
    assert [row["AP 0.5"] for row in rows.values()] == ["0.500000", "", "0.500000", "0.500000"]
    assert [row["detection AP"] for row in rows.values()] == ["0.750000", "0.500000", "0.625000", "0.666667"]
    line = next(line for line in capsys.readouterr().out.splitlines() if "sparse" in line)
    assert line.count(" - ") == 12
    assert "None" not in line
    assert ",\n" not in (tmp_path / "scores.csv").read_text()
    card = (tmp_path / "metrics.txt").read_text().splitlines()
    assert card[:3] == ["a: dense", "b: both", "a: sparse"]
    assert [text.partition(":")[0] for text in card] == ["a", "b", "a", "averaging"]


def write_tables(experiment: Experiment, tables: dict[str, Any], folder: Path) -> None:
    for name in TABLES:
        write_table(experiment, tables, folder / name)
    show(Run(experiment), tables)


def test_a_volume_of_the_name_of_a_formula_is_none_in_a_spreadsheet(tmp_path):
    experiment = Experiment(Path(), configure(evaluation={"summary": ["general.num_pred"]}))
    write_tables(experiment, {"=1+1": {**table_with(Counts(1, 1, 0)), "metric_card": {}}}, tmp_path)
    for name in ("summary.csv", "scores.csv"):
        assert "\n'=1+1," in (tmp_path / name).read_text().replace("\r", "")


def test_what_no_volume_has_stays_empty(tmp_path):
    experiment = Experiment(tmp_path / "e", configure(evaluation={"summary": ["confusion_matrix.avAP"]}))
    write_tables(experiment, {"sparse": {**table_with(Counts(1, 1, 0)), "metric_card": {}}}, tmp_path)
    assert (tmp_path / "summary.csv").read_text().split() == ["volume,confusion_matrix.avAP", "sparse,", "mean,", "pooled,"]  # fmt: skip


def test_every_score_is_written_and_said_what_it_means(make):
    # So that two of the nuclei have a third neighbour.
    experiment = make(data={"voxel_size": [20, 1, 1]})
    table = score(experiment)
    with (results(experiment) / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    found = {(row["volume"], row["metric"]): float(row["value"]) for row in rows}
    assert len(found) == len(rows)
    expected = {(name, path): value for path, value in numbers_in(table).items() for name in ("a", "mean", "pooled")}
    assert found == pytest.approx(expected, abs=1e-6)
    expected = score_outlines(true_labels(), scored_instances_of(experiment), spacing=(20, 1, 1))
    for path in ("quality.PQ", "quality.SEG", "by_density.dense.num_gt"):
        assert value_at(table, path) == expected[path] > 0
    assert table["by_density"]["dense"]["num_gt"] == 2
    text = (results(experiment) / "metrics.txt").read_text()
    for name, meaning in table["metric_card"].items():
        assert f"{name}: {meaning}" in text.splitlines()
    assert {"matching", "threshold", "PQ", "SEG", "splits", "detection", "ignored"} < table["metric_card"].keys()


def scored_instances_of(experiment: Experiment) -> np.ndarray:
    return read_instances(experiment.instanced("test", 4, experiment.params, "a"))


def test_a_table_that_is_gone_or_changed_is_written_again(make):
    experiment = make()
    score(experiment)
    before = {name: (results(experiment) / name).read_bytes() for name in TABLES}
    (results(experiment) / "scores.csv").unlink()
    (results(experiment) / "metrics.txt").write_text("mine")
    score(experiment)
    assert {name: (results(experiment) / name).read_bytes() for name in TABLES} == before


def test_a_method_for_detection_has_no_scores_of_instances(make):
    experiment = make(method="gauss")
    for split in ("val", "test"):
        group = zarr.open_group(str(experiment.processed(split, 4, "a")), mode="w")
        group["volumes/pred_gauss"] = METHODS["gauss"].heads[0].target(predicted_labels())
        record_as_predicted(experiment, split, "blobs")
    assert experiment.metric == "confusion_matrix.hoefener.AP"
    table = score(experiment)
    assert (list(table["confusion_matrix"]), counts(table, "hoefener")) == (["hoefener"], (3, 1, 1))
    assert list(summary(experiment)[0])[-1] == "AP"
    assert (results(experiment) / "a_points.png").is_file()
    # Voxels in the middle of nuclei would not agree with one of them.
    visualize(experiment)
    image = imread(experiment.visualized("test", 4, experiment.params) / "a.png")[..., :3]
    assert colors_of(image) == {"TP: both", "FP", "FN"}
    assert configure(model={"method": "gauss"}, evaluation={"metric": "confusion_matrix.hoefener.recall"})
    with pytest.raises(InputError, match=r"evaluation\.metric: 'confusion_matrix\.avAP' is a score of instances.*hoefener\.AP"):  # fmt: skip
        configure(model={"method": "gauss"}, evaluation={"metric": "confusion_matrix.avAP"})
    with pytest.raises(InputError, match=r"test: evaluation\.summary: 'confusion_matrix\.th_0_3\.AP'"):
        configure(model={"method": "gauss"}, evaluation={"summary": ["confusion_matrix.th_0_3.AP"]})


@pytest.mark.parametrize("matching", MATCHINGS)
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_matching_and_limit_of_the_configuration_are_used(make, matching, kind):
    name = f"{kind}_{matching}"
    near = scores(make(kind, name, evaluation={"detection": matching}))
    # The one in the corner is 8.9 from the nucleus that was missed.
    assert counts(near, matching) == ((3, 1, 1) if matching == "hoefener" and kind == "dense" else (4, 0, 0))
    far = scores(make(kind, name, evaluation={"detection": matching, "distance_limit": 8.5}))
    assert counts(far, matching) == (3, 1, 1)
    assert matching in far["confusion_matrix"]
    assert len({*MATCHINGS} & {*far["confusion_matrix"]}) == 1


@pytest.mark.parametrize(("optimal", "expected"), [(True, (2, 0, 0)), (False, (1, 1, 1))])
def test_the_matching_of_instances_is_the_configured_one(tmp_path, optimal, expected):
    """Two nuclei side by side, cut at another place by the result: greed takes the pair that spoils both others."""
    truth, found = np.zeros((2, 1, 4, 14), np.uint32)
    truth[..., :10], truth[..., 10:] = 1, 2
    found[..., :4], found[..., 4:] = 2, 1
    sample = make_sample(tmp_path, truth > 0, truth)
    experiment = Experiment(tmp_path / "e", configure(evaluation={"use_linear_sum_assignment": optimal}))
    experiment.checkpoints.path(4).parent.mkdir(parents=True)
    experiment.checkpoints.path(4).write_text("weights")
    run, of = Run(experiment), Subject("test", 4, sample, experiment.params)
    result = instances_of(run, of)
    instances, centers, _ = result.paths
    instances.parent.mkdir(parents=True)
    centers.write_text("")
    with h5py.File(instances, "w") as file:
        file["volumes/instances"] = found
        file.attrs["made_from"] = json.dumps({**result.record, THEIR_CENTERS: file_digest(centers)})
    run = Run(experiment)
    score_kept(scores_of(run, of), run)
    assert counts(tomllib.loads(scores_of(run, of).paths[0].read_text()), "th_0_2") == expected


def test_the_limit_follows_the_size_of_voxels(make):
    """Voxels twice as long along y: the one in the corner is 13.7 from the nucleus that was missed."""
    table = scores(make(data={"voxel_size": [1, 2, 1]}, evaluation={"detection": "linear"}))
    assert counts(table, "linear") == (3, 1, 1)


@pytest.mark.parametrize(("kind", "limit"), [("dense", 10), ("sparse", 5)])
def test_only_the_foreground_is_scored_if_asked_for(make, kind, limit):
    options = {"distance_limit": float(limit)}
    assert counts(scores(make(kind, kind, evaluation=options)), "hoefener") == (3, 1, 1)
    table = scores(make(kind, kind, evaluation={**options, "foreground_only": True}))
    # What lies in the corner is no longer a false positive.
    assert (counts(table, "hoefener"), table["general"]["num_pred"]) == ((3, 0, 1), 3)
    if kind == "dense":
        assert counts(table, "th_0_5") == (3, 0, 1)


def test_the_summary_has_what_is_asked_for(make, capsys):
    paths = ["confusion_matrix.th_0_3.recall", "confusion_matrix.hoefener.FN", "general.num_gt"]
    experiment = make(evaluation={"summary": paths})
    score(experiment)
    rows = summary(experiment)
    assert (list(rows[0]), list(rows[2].values())) == (["volume", *paths], ["pooled", "0.750000", "1", "4"])
    assert "hoefener.FN" in capsys.readouterr().out


def test_validation_selects_by_the_metric_of_the_task_and_says_when_it_was_another(make, capsys):
    experiment = make()
    validate(experiment)
    record = selection_record(experiment)
    assert record is not None
    assert (record["metric"], record["score"]) == ("confusion_matrix.th_0_5.AP", pytest.approx(0.6))
    assert "confusion_matrix.th_0_5.AP" in (experiment.folder / "val" / "scores.csv").read_text()
    perform(experiment, "label")
    detecting = make(evaluation={"do_detection": True, "detection": "linear"})
    with pytest.raises(InputError, match=r"evaluation.detection was 'hoefener', is 'linear'(.|\n)*validate_checkpoints"):  # fmt: skip
        perform(detecting, "label")
    validate(detecting)
    assert "confusion_matrix.linear.AP = 1.000" in capsys.readouterr().out
    perform(detecting, "label")


def test_a_volume_in_which_nothing_is_found_scores_0_and_is_named(make, capsys):
    experiment = make()
    predict(experiment, "test", np.zeros(SHAPE, np.uint32))
    table = score(experiment)
    assert (counts(table, "hoefener"), table["confusion_matrix"]["hoefener"]["AP"]) == ((0, 0, 4), 0)
    assert "a: no nucleus was found\n" in capsys.readouterr().out
    assert read_centers(experiment.instanced("test", 4, experiment.params, "a").with_suffix(".csv")).shape == (0, 4)


def test_volumes_without_truth_are_pictured_by_points_where_points_are_the_task(make, data, capsys):
    shutil.copytree(data / "dense" / "images", data / "none" / "images")
    drawn = []
    for task in (False, True):
        experiment = make("none", evaluation={"do_detection": task})
        label(experiment)
        drawn.append(experiment.instanced("test", 4, experiment.params, "a").with_suffix(".png").read_bytes())
        perform(experiment, "evaluate", checkpoint=4)
    assert drawn[0] != drawn[1]
    text = capsys.readouterr().out
    assert (text.count("4 nuclei found"), text.count("nothing to score")) == (2, 2)


def test_the_tiny_configuration_is_one_of_segmentation():
    assert "evaluation" not in TINY
    experiment = Experiment(Path("e"), configure())
    assert (experiment.is_detection, experiment.metric) == (False, "confusion_matrix.th_0_5.AP")
    detecting = Experiment(Path("e"), configure(evaluation={"do_detection": True}))
    assert (detecting.is_detection, detecting.metric) == (True, "confusion_matrix.hoefener.AP")
    chosen = Experiment(Path("e"), configure(evaluation={"do_detection": True, "metric": "confusion_matrix.avAP"}))
    assert chosen.metric == "confusion_matrix.avAP"
