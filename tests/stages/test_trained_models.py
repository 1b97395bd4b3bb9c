import csv
import json
import tomllib
from pathlib import Path

import pytest
import toml
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.cli import main
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.validation import Score, read_scores, write_scores
from auxcpvloss.methods import METHODS
from auxcpvloss.stages.validate_checkpoints.trained_models import average, averages
from auxcpvloss.system.errors import InputError
from tests.conftest import TINY, configure, merge

PARAMS = METHODS["threeclass_cpv"].params
METRIC = "confusion_matrix.th_0_5.AP"
LOW, HIGH = PARAMS(fg_thresh=0.5), PARAMS(fg_thresh=0.75)


def make_run(folder: Path, table: dict, metric: str = METRIC) -> str:
    (folder / "val").mkdir(parents=True)
    (folder / "config.toml").touch()
    write_scores(folder / "val/scores.csv", [Score(c, p, (v,)) for (c, p), v in table.items()], metric)
    return str(folder)


def final(tmp_path: Path, *runs: str, **change) -> Experiment:
    return Experiment(tmp_path / "final", configure(validation={"trained_models": list(runs)}, **change))


def test_what_is_written_reads_back_equal(tmp_path):
    votes = PARAMS(use_cpv_for_seeds=True, cpv_thresh=40.0, num_dilations=2)
    table = {(2, LOW): 0.5, (4, HIGH): 0.125, (4, votes): 0.0}
    make_run(tmp_path / "run", table)
    assert read_scores(tmp_path / "run/val/scores.csv", PARAMS, METRIC) == table


def test_the_best_of_the_mean_is_none_of_a_single_run():
    one = {(2, LOW): 0.9, (4, LOW): 0.6, (4, HIGH): 0.1}
    best, *others = average([one, {(2, LOW): 0.1, (4, LOW): 0.6, (4, HIGH): 0.9, (6, LOW): 1.0}])
    assert (best.checkpoint, best.params, best.values, best.value) == (4, LOW, (0.6, 0.6), 0.6)
    # What not all of them have does not count, and of equals the earlier comes first.
    assert [(other.checkpoint, other.params, other.value) for other in others] == [(2, LOW, 0.5), (4, HIGH, 0.5)]
    # Thresholds that are not used make no difference.
    assert average([one, {(4, PARAMS(fg_thresh=0.5, cpv_thresh=7.0)): 0.2}])[0].values == (0.6, 0.2)


@given(st.lists(st.lists(st.integers(0, 20), min_size=4, max_size=4), min_size=1, max_size=4))
def test_averages_against_whole_numbers(rows):
    tables = [{(c, LOW): n / 20 for c, n in enumerate(row)} for row in rows]
    sums = [sum(column) for column in zip(*rows, strict=True)]
    assert average(tables)[0].checkpoint == sums.index(max(sums))


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        ("missing", r"nosuch: not an experiment; expected a folder with a config.toml"),
        ("empty", r"scores.csv: missing. Run the stage validate_checkpoints of that experiment first"),
        ("metric", r"scores are confusion_matrix.avAP, but evaluation.metric is confusion_matrix.th_0_5.AP"),
        ("method", r"scores for the parameters .*nms_size, but the method has .*cpv_thresh"),
        ("nothing in common", r"no checkpoint was validated with the same parameters by all of"),
        ("beyond", r"the best checkpoint is 40, but training.max_iterations is 4"),
        ("itself", r"is this experiment itself"),
        ("augment", r"other.config.toml: prediction.augment is 'flips', but 'none' in the final experiment. Validate"),
        ("cut", r"scores.csv: not readable as a table of scores"),
    ],
)
def test_tables_that_do_not_go_together_are_refused(problem, expected, tmp_path):
    good = make_run(tmp_path / "good", {(40 if problem == "beyond" else 2, LOW): 0.5})
    other = tmp_path / ("nosuch" if problem == "missing" else "final" if problem == "itself" else "other")
    if problem == "empty":
        other.mkdir()
        (other / "config.toml").touch()
    elif problem == "metric":
        make_run(other, {(2, LOW): 0.5}, "confusion_matrix.avAP")
    elif problem == "method":
        make_run(other, {(2, METHODS["gauss"].params()): 0.5})
    elif problem != "missing":
        make_run(other, {(40 if problem == "beyond" else 4, LOW): 0.5})
    if problem == "augment":
        (other / "config.toml").write_text('[prediction]\naugment = "flips"\n')
    if problem == "cut":
        (other / "val/scores.csv").write_text((other / "val/scores.csv").read_text()[:-9])
    with pytest.raises(InputError, match=expected):
        averages(final(tmp_path, good, str(other)))


def test_mirror_images_may_be_averaged_by_all(tmp_path):
    run = make_run(tmp_path / "run", {(2, LOW): 0.5})
    (tmp_path / "run/config.toml").write_text('[prediction]\naugment = "flips"\n')
    (found,) = averages(final(tmp_path, run, prediction={"augment": "flips"}))
    assert found.value == 0.5
    # The run is of a time when there was no such key.
    (tmp_path / "run/config.toml").write_text("")
    with pytest.raises(InputError, match=r"prediction.augment is 'none', but 'flips'"):
        averages(final(tmp_path, run, prediction={"augment": "flips"}))


def test_a_table_from_before_there_were_some_parameters_has_their_defaults(tmp_path):
    good = make_run(tmp_path / "good", {(2, LOW): 0.5})
    table = tmp_path / "good/val/scores.csv"
    younger = {"seeds", "vote_width", "vote_fraction", "assign", "assign_distance"}
    rows = list(csv.DictReader(table.read_text().splitlines()))
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, [name for name in rows[0] if name not in younger], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    (found,) = averages(final(tmp_path, good))
    assert (found.checkpoint, found.params) == (2, LOW)


def test_the_final_model_trains_on_everything_up_to_the_best_checkpoint(tmp_path, capfd):
    root = tmp_path / "root"
    make_run(root / "one", {(2, LOW): 0.5, (3, HIGH): 0.5})
    make_run(tmp_path / "two", {(2, LOW): 0.5, (3, HIGH): 0.75})
    change = {"training": {"max_iterations": 100, "checkpoints": 50, "num_workers": 0, "snapshots": 0}, "optimizer": {"lr_schedule": "cosine"}}  # fmt: skip
    (tmp_path / "final.toml").write_text(toml.dumps(merge(TINY, change)))
    # By name under the root, by path; one of them twice.
    arguments = ["-c", str(tmp_path / "final.toml"), "-r", str(root), "-m", "one", str(tmp_path / "two"), "-m", "one"]
    assert main([*arguments, "-d", "train", "--dry-run"]) == 0
    assert "train (worm_00, worm_01, worm_02): iterations 0 to 3" in capfd.readouterr().out
    assert main([*arguments, "-d", "all"]) == 0
    text = capfd.readouterr().out
    assert f"best mean of 2 runs: checkpoint 3, {HIGH.describe()}: 0.625" in text
    folder = root / "final"
    assert [path.name for path in (folder / "train/checkpoints").iterdir()] == ["00000003.keras"]
    assert list(json.loads((folder / "train/made_from.json").read_text())["samples"]) == ["worm_00", "worm_01", "worm_02"]  # fmt: skip
    with (folder / "train/log.csv").open() as file:
        rates = [float(row["learning_rate"]) for row in csv.DictReader(file)]
    # The schedule is that of 100 iterations.
    assert min(rates) > 0.99e-3
    assert (folder / f"test/evaluated/3/{HIGH.slug()}/summary.csv").is_file()
    frozen = tomllib.loads((folder / "config.toml").read_text())["validation"]["trained_models"]
    assert frozen == [str(root / "one"), str(tmp_path / "two")]
    # On another machine, where the runs are not, what was averaged stays; and it is frozen in the configuration.
    (root / "one").rename(root / "elsewhere")
    (tmp_path / "two").rename(tmp_path / "away")
    again = ["-r", str(root), "-id", "final", "-d"]
    assert main([*again, "all"]) == 0
    assert "the runs are not on this machine; using their stored mean: checkpoint 3" in capfd.readouterr().out
    assert main([*again, "cross_validate"]) == 2
    assert (
        "validation.trained_models: all volumes are used for training, so none is left for cross_validate"
        in capfd.readouterr().err
    )
    # One of them is not both of them.
    assert main([*again, "predict", "-m", str(root / "elsewhere")]) == 2
    assert "Run the stage validate_checkpoints" in capfd.readouterr().err
