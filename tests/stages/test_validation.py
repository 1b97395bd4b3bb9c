"""The stages validate_checkpoints and validate, and the way from a machine with a GPU to one without."""

import csv
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path

import pytest
import toml
import zarr

from auxcpvloss.cli import main
from auxcpvloss.config import ConfigFile
from auxcpvloss.data.checksums import seal
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.instances import read_instances
from auxcpvloss.experiment.selection_file import Selection, write_selection
from auxcpvloss.experiment.validation import parameter_sets
from auxcpvloss.methods import Params
from auxcpvloss.stages.jobs import Done, Jobs
from auxcpvloss.stages.label import Label
from auxcpvloss.stages.order import STAGES
from auxcpvloss.stages.perform import perform
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.validate_checkpoints.scoring import predicted_and_scored, read_values
from auxcpvloss.stages.validate_checkpoints.stage import ValidateCheckpoints
from auxcpvloss.stages.visualize.pictures import picture_of
from auxcpvloss.stages.volume.instances import instances_of, need_prediction
from auxcpvloss.stages.volume.prediction import prediction_of, read_prediction
from auxcpvloss.stages.volume.scores import scores_of
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.errors import InputError, StageError
from tests.stages.conftest import SCRIPT

DECOY = "from pathlib import Path\nPath({flag!r}).touch()\nraise ImportError('not on this machine')\n"


def arguments(root: Path, *more: str) -> list[str]:
    return ["-r", str(root), "-id", "run", *more]


def opened(root: Path) -> Experiment:
    return Experiment(root / "run", load([ConfigFile.read(root / "run" / "config.toml")]))


def selection(root: Path, split: str = "val") -> dict:
    return tomllib.loads((root / "run" / split / "selection.toml").read_text())


def table(root: Path, name: str = "scores.csv") -> list[dict[str, str]]:
    with (root / "run" / "val" / name).open() as file:
        return list(csv.DictReader(file))


def test_the_first_part_ends_with_the_predictions_and_says_how_to_go_on(gpu_part):
    run = gpu_part.root / "run"
    predictions = {str(path.relative_to(run)) for path in run.glob("*/processed/*/*.zarr")}
    assert predictions == {f"val/processed/{c}/{name}.zarr" for c in (45, 90) for name in "cd"}
    assert not (run / "val" / "instanced").exists()
    assert not (run / "test").exists()
    assert "predicted 2 volumes with 2 checkpoints (45, 90)" in gpu_part.terminal
    assert f"To continue: -r {gpu_part.root} -id run -d validate_checkpoints predict;" in gpu_part.terminal


def test_predictions_hold_what_any_set_of_parameters_needs(gpu_part):
    for path in (gpu_part.root / "run" / "val" / "processed").glob("*/*.zarr"):
        assert set(zarr.open(str(path), mode="r")["volumes"]) == {"pred_threeclass", "pred_cpv"}


def test_the_rest_runs_elsewhere_without_gpu_checkpoints_and_tensorflow(gpu_part, tmp_path, capfd):
    root = gpu_part.copy(tmp_path / "elsewhere", train=False)
    flag = tmp_path / "imported"
    for library in ("tensorflow", "keras"):
        (tmp_path / "decoys" / library).mkdir(parents=True)
        (tmp_path / "decoys" / library / "__init__.py").write_text(DECOY.format(flag=str(flag)))
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(tmp_path / "decoys")}
    command = [sys.executable, str(SCRIPT), *arguments(root, "-d", "validate_checkpoints")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not flag.exists()
    whole = gpu_part.copy(tmp_path / "whole")
    shutil.rmtree(whole / "run" / "val")
    assert main(arguments(whole, "-d", "validate_checkpoints")) == 0
    for name in ("selection.toml", "scores.csv"):
        assert (root / "run" / "val" / name).read_text() == (whole / "run" / "val" / name).read_text()
    assert len(table(root)) == 2 * 4
    assert selection(root)["score"] > 0
    assert selection(root)["params"]["use_cpv_for_seeds"]
    assert not (root / "run" / "train").exists()
    # The test volumes: predicted where the checkpoints are, labelled and scored where they are not.
    capfd.readouterr()
    assert main(arguments(whole, "-d", "predict", "label", "--checkpoint", "90", "--term_after_predict")) == 0
    # What was said on the command line is said again, or the rest would be of another checkpoint.
    assert f"To continue: -r {whole} -id run -d label --checkpoint 90;" in capfd.readouterr().out
    assert main(arguments(whole, "-d", "predict", "label", "evaluate", "--term_after_predict")) == 0
    assert not (whole / "run" / "test" / "instanced").exists()
    shutil.copytree(whole / "run" / "test", root / "run" / "test")
    assert main(arguments(root, "-d", "predict", "label", "evaluate")) == 0
    assert list((root / "run" / "test" / "evaluated").rglob("summary.csv"))


def test_without_a_checkpoint_nothing_can_be_predicted_anew(gpu_part, tmp_path, capfd):
    root = gpu_part.copy(tmp_path, train=False)
    assert main(arguments(root, "-d", "validate", "--checkpoint", "3")) == 2
    assert "no checkpoint of iteration 3" in capfd.readouterr().err
    shutil.rmtree(root / "run/val/processed/45/c.zarr")
    assert main(arguments(root, "-d", "validate_checkpoints")) == 2
    assert "no checkpoint of iteration 45" in capfd.readouterr().err
    shutil.rmtree(root / "run/val/processed")
    assert main(arguments(root, "-d", "validate_checkpoints")) == 2
    assert "no checkpoints to validate" in capfd.readouterr().err
    assert main(arguments(root, "-d", "prepare", "mknet", "--term_after_predict")) == 2
    assert "none of the stages makes predictions (prepare, mknet)" in capfd.readouterr().err


def test_a_prediction_that_holds_more_than_needed_serves_and_one_with_less_does_not(gpu_part, tmp_path, capfd):
    experiment = opened(gpu_part.copy(tmp_path, train=False))
    sample, _ = experiment.samples("val")
    plain, votes = (experiment.params.model_copy(update={"use_cpv_for_seeds": use}) for use in (False, True))
    for sets in ((plain,), (plain, votes)):
        run = Run(experiment)
        assert run.state(prediction_of(run, Subject("val", 90, sample, plain, sets))).kind == "whole"
    group = zarr.open_group(str(experiment.processed("val", 90, "c")), mode="a")
    group.attrs["made_from"] = {**group.attrs["made_from"], "heads": ["threeclass"]}
    seal(group)
    run = Run(experiment)
    subject = Subject("val", 90, sample, votes)
    assert run.state(prediction_of(run, subject)).kind == "stale"
    with pytest.raises(InputError, match=r"made without cpv. Run the stage predict again"):
        need_prediction(run, subject, "to make instances of")


def test_predictions_of_the_test_volumes_serve_seeds_that_are_set_by_hand(gpu_part, tmp_path, capfd):
    root = gpu_part.copy(tmp_path)
    arguments_of = [*arguments(root, "--checkpoint", "90"), "-d"]
    assert main([*arguments_of, "predict"]) == 0
    (path,) = (root / "run/test/processed/90").iterdir()
    assert set(zarr.open(str(path), mode="r")["volumes"]) == {"pred_threeclass"}
    config = root / "run" / "config.toml"
    config.write_text(config.read_text().replace("use_cpv_for_seeds = false", "use_cpv_for_seeds = true"))
    assert main([*arguments_of, "postprocess"]) == 2
    assert "made without cpv. Run the stage predict again" in capfd.readouterr().err
    # Whatever validation selects, which predict goes by too.
    experiment = opened(root)
    plain = experiment.params.model_copy(update={"use_cpv_for_seeds": False})
    write_selection(experiment, Selection(90, plain), ["use_cpv_for_seeds"], 0.5, {"checkpoints": [90]}, {})
    assert main([*arguments_of, "predict", "postprocess"]) == 0


def test_validate_chooses_for_the_checkpoint_that_is_meant(gpu_part, tmp_path, capfd):
    root = gpu_part.copy(tmp_path, train=False)
    # Nothing is selected yet: the newest one.
    assert (main(arguments(root, "-d", "validate")), selection(root)["checkpoint"]) == (0, 90)
    assert [row["checkpoint"] for row in table(root, "scores_90.csv")] == ["90"] * 4
    assert main(arguments(root, "-d", "validate", "--checkpoint", "45")) == 0
    assert "best of 1 checkpoint x 4 parameter sets on 2 volumes: checkpoint 45" in capfd.readouterr().out
    best = max(table(root, "scores_45.csv"), key=lambda row: float(row["confusion_matrix.th_0_1.AP"]))
    assert selection(root)["checkpoint"] == 45
    assert selection(root)["params"]["fg_thresh"] == float(best["fg_thresh"])
    # The selected one, and whatever is selected, the last one.
    assert (main(arguments(root, "-d", "validate")), selection(root)["checkpoint"]) == (0, 45)
    assert main(arguments(root, "-d", "validate", "--test-checkpoint", "last")) == 0
    assert selection(root)["checkpoint"] == 90
    assert not (root / "run" / "val" / "scores.csv").exists()


def test_validation_on_the_training_volumes_stays_apart(gpu_part, tmp_path, capfd):
    root = gpu_part.copy(tmp_path)
    assert main(arguments(root, "-d", "validate", "--checkpoint", "45")) == 0
    before = (root / "run/val/selection.toml").read_bytes()
    assert main(arguments(root, "--validate_on_train", "-d", "validate_checkpoints")) == 0
    assert "on 2 volumes that it was trained on" in capfd.readouterr().out
    assert selection(root, "val_on_train")["made_from"]["predictions"].keys() == {"a", "b"}
    assert (root / "run/val_on_train/scores.csv").is_file()
    assert (root / "run/val/selection.toml").read_bytes() == before
    # The key is in the configuration of the experiment now, and decides which selection later stages take.
    assert selection(root, "val_on_train")["checkpoint"] == 90
    assert label_without_prediction(root, capfd).endswith("processed/90/e.zarr")
    assert main(arguments(root, "--no-validate_on_train", "-d", "validate")) == 0
    assert label_without_prediction(root, capfd).endswith("processed/45/e.zarr")


def label_without_prediction(root: Path, capfd: pytest.CaptureFixture[str], *options: str) -> str:
    """The prediction that the stage label looks for; a selection on the training volumes is warned of."""
    capfd.readouterr()
    assert main(arguments(root, *options, "-d", "label")) == 2
    text = capfd.readouterr()
    assert ("selected on the training volumes" in text.out) == opened(root).config.validation.on_train
    return text.err.partition(": ")[0]


def test_the_test_volumes_get_the_checkpoint_that_is_meant(gpu_part, tmp_path, capfd):
    root = gpu_part.copy(tmp_path)
    assert main(arguments(root, "-d", "validate", "--checkpoint", "45")) == 0
    meant = {(): 45, ("--test-checkpoint", "best"): 45, ("--test-checkpoint", "last"): 90, ("--checkpoint", "90"): 90}
    for options, checkpoint in meant.items():
        assert label_without_prediction(root, capfd, *options).endswith(f"test/processed/{checkpoint}/e.zarr")


def test_the_product_of_the_lists_is_tried_if_asked_for(gpu_part, tmp_path):
    root = gpu_part.copy(tmp_path, train=False)
    lists = ["fg_thresh = [0.4, 0.6]", "seed_thresh = [0.3, 0.5]", "use_cpv_for_seeds = []", "cpv_thresh = []"]
    (tmp_path / "lists.toml").write_text("[validation]\n" + "\n".join(lists))
    both = ["-c", str(root / "run" / "config.toml"), "-c", str(tmp_path / "lists.toml")]
    for option, sets in {
        "--no-param_product": {("0.4", "0.3"), ("0.6", "0.5")},
        "--param_product": {("0.4", "0.3"), ("0.4", "0.5"), ("0.6", "0.3"), ("0.6", "0.5")},
    }.items():
        assert main(arguments(root, *both, option, "-d", "validate", "--checkpoint", "90")) == 0
        assert {(row["fg_thresh"], row["seed_thresh"]) for row in table(root, "scores_90.csv")} == sets


def changed_by(tmp_path: Path, root: Path, **validation: object) -> list[str]:
    (tmp_path / "change.toml").write_text(toml.dumps({"validation": {"num_workers": 1, **validation}}))
    files = ["-c", str(root / "run" / "config.toml"), "-c", str(tmp_path / "change.toml")]
    return arguments(root, *files, "-d", "validate_checkpoints")


def test_thresholds_are_refined_and_a_search_goes_on_where_it_was(gpu_part, tmp_path, capfd):
    root = gpu_part.copy(tmp_path, train=False)
    lists = {"fg_thresh": [0.4, 0.6], "seed_thresh": [0.3], "use_cpv_for_seeds": [False], "cpv_thresh": []}
    command = changed_by(tmp_path, root, **lists, refine="always")
    assert main(command) == 0
    assert "2 checkpoints x 2 parameter sets and " in capfd.readouterr().out
    rows = table(root)
    assert [float(row["fg_thresh"]) for row in rows[:2]] == [0.4, 0.6]
    assert {float(row["fg_thresh"]) for row in rows} > {0.4, 0.6}
    assert {row["seed_thresh"] for row in rows} == {"0.3"}
    assert len({row["min_size"] for row in rows}) == 3
    best = max(rows, key=lambda row: float(row["confusion_matrix.th_0_1.AP"]))
    chosen = selection(root)
    assert best["checkpoint"] == str(chosen["checkpoint"])
    assert {key: str(value) for key, value in chosen["params"].items()}.items() <= best.items()
    assert {"fg_thresh", "min_size"} <= chosen["params"].keys()
    made = {path.name: path.read_bytes() for path in (root / "run/val").glob("s*.*")}
    # As if it had been killed in the last round.
    (root / "run/val/selection.toml").unlink()
    for path in sorted((root / "run/val/evaluated").glob("*/*"), key=lambda path: path.stat().st_mtime)[-3:]:
        shutil.rmtree(path)
    assert main(command) == 0
    assert {path.name: path.read_bytes() for path in (root / "run/val").glob("s*.*")} == made
    assert main(command) == 0
    assert "whole already" in capfd.readouterr().out
    assert main(changed_by(tmp_path, root, **lists, refine="never")) == 0
    assert len(table(root)) == 4


def test_where_nothing_is_listed_values_are_tried_unless_a_selection_is_there(gpu_part, tmp_path, capfd):
    root = gpu_part.copy(tmp_path, train=False)
    empty = {key: [] for key in ("fg_thresh", "seed_thresh", "use_cpv_for_seeds", "cpv_thresh")}
    assert main(changed_by(tmp_path, root, **empty, refine="never")) == 0
    assert len(table(root)) == 2
    assert main(changed_by(tmp_path, root, **empty, refine="auto")) == 0
    assert "whole already: best of 2 checkpoints x 1 parameter set on" in capfd.readouterr().out
    (root / "run/val/selection.toml").unlink()
    command = changed_by(tmp_path, root, **empty, refine="auto")
    (tmp_path / "change.toml").write_text(
        (tmp_path / "change.toml").read_text() + "\n[postprocessing]\nseed_thresh = 0.4\n"
    )
    assert main(command) == 0
    rows = table(root)
    assert {row["fg_thresh"] for row in rows} > {"0.5", "0.8", "0.95"}
    assert {row["assign"] for row in rows} == {"watershed", "both"}
    assert {row["seeds"] for row in rows} == {"votes"}
    # What [postprocessing] says is not chosen.
    assert {row["seed_thresh"] for row in rows} == {"0.4"}
    assert "seed_thresh" not in selection(root)["params"]


def lists_of(run: Run, *checkpoints: int) -> dict[int, list[Params]]:
    return dict.fromkeys(checkpoints or (45, 90), parameter_sets(run.experiment))


class Scores(ValidateCheckpoints):
    """Scores of predictions that are there."""

    def results(self, run):
        return (each for each in predicted_and_scored(run, lists_of(run)) if each.job)


def scores(run: Run) -> tuple[int, list[tuple]]:
    """How many volumes were scored now, and the scores."""
    made: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scores, "say", lambda self, run, tally: made.append(sum(r.kind == "scores" for r in tally.made)))
        perform(Scores(), run, STAGES)
    return made[0], [(score.checkpoint, score.params, score.values) for score in read_values(run, lists_of(run))]


def with_keys(experiment: Experiment, **validation: object) -> Experiment:
    validation = experiment.config.validation.model_copy(update=validation)
    return Experiment(experiment.folder, experiment.config.model_copy(update={"validation": validation}))


def test_scores_do_not_depend_on_the_number_of_processes(gpu_part, tmp_path):
    one, two = (opened(gpu_part.copy(tmp_path / name, train=False)) for name in ("one", "two"))
    alone = scores(Run(with_keys(one, num_workers=1)))
    assert (scores(Run(with_keys(two, num_workers=2))), alone[0]) == (alone, 2 * 4 * 2)
    assert scores(Run(with_keys(two, num_workers=1))) == (0, alone[1])


@pytest.mark.parametrize("number", [1, 2])
def test_overwriting_makes_a_score_again_once_whatever_the_number_of_processes(gpu_part, tmp_path, number):
    experiment = opened(gpu_part.copy(tmp_path, train=False))
    scores(Run(with_keys(experiment, num_workers=1)))
    experiment = with_keys(experiment, num_workers=number)
    general = experiment.config.general.model_copy(update={"overwrite": True})
    run = Run(Experiment(experiment.folder, experiment.config.model_copy(update={"general": general})))
    assert scores(run)[0] == 2 * 4 * 2
    # As cross_validate does in the same command.
    assert scores(run)[0] == 0


def files(experiment: Experiment, kind: str) -> dict[str, bytes]:
    folder = experiment.folder / "val" / kind
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.*")) if path.is_file()}


def test_instances_are_kept_if_asked_for_and_scores_do_not_depend_on_it(gpu_part, tmp_path):
    one, two = (opened(gpu_part.copy(tmp_path / name, train=False)) for name in ("one", "two"))
    lean, keeping = with_keys(one, num_workers=1), with_keys(two, num_workers=1, keep="instances")
    assert scores(Run(lean)) == scores(Run(keeping))
    assert files(one, "evaluated") == files(two, "evaluated")
    assert len(files(one, "evaluated")) == 2 * 4 * 2
    assert not (one.folder / "val" / "instanced").exists()
    # What is asked for later is made then, and nothing else.
    before = files(one, "evaluated")
    assert scores(Run(with_keys(one, num_workers=1, keep="instances")))[0] == 0
    assert files(one, "evaluated") == before
    kept, sample = files(one, "instanced"), one.samples("val")[0]
    assert len(kept) == 2 * 4 * 2 * 2
    for params in parameter_sets(keeping):
        run = Run(keeping)
        subject = Subject("val", 90, sample, params)
        found = params.decode(read_prediction(run, subject, [params]))
        assert (read_instances(two.instanced("val", 90, params, sample.name)) == found).all()
    # Those of other parameters are never left beside scores of today's.
    changed = one.config.postprocessing.model_copy(update={"min_size": 20})
    other = Experiment(one.folder, one.config.model_copy(update={"postprocessing": changed}))
    assert scores(Run(with_keys(other, num_workers=1)))[0] == 2 * 4 * 2
    assert files(one, "evaluated") != before


class OfEveryKind(Label):
    """Instances, scores and pictures, made together."""

    def results(self, run):
        for sample in run.experiment.samples("val"):
            subject = Subject("val", 90, sample, run.experiment.params)
            for result in (instances_of(run, subject), scores_of(run, subject), picture_of(run, subject)):
                yield replace(result, job=sample.name)

    def say(self, run, tally):
        assert len(tally.made) == len(tally.results)


def test_volumes_are_labelled_and_scored_by_several_processes(gpu_part, tmp_path):
    found = []
    for number in (1, 2):
        experiment = with_keys(opened(gpu_part.copy(tmp_path / str(number), train=False)), num_workers=number)
        perform(OfEveryKind(), Run(experiment), STAGES)
        instances = [read_instances(path).tobytes() for path in sorted((experiment.folder / "val").rglob("*.hdf"))]
        found.append((instances, files(experiment, "evaluated")))
    assert found[0] == found[1]
    assert (len(found[0][0]), len(found[0][1])) == (2, 5)


MANY = [n / 100 for n in range(30, 60)]


def many_jobs(root: Path) -> Iterator[Done]:
    """Jobs that two processes have to do for a while."""
    experiment = with_keys(opened(root), num_workers=2)
    lists = {"fg_thresh": MANY, "seed_thresh": [0.3], "use_cpv_for_seeds": [False], "param_product": True}
    validation = experiment.config.validation.model_copy(update=lists)
    run = Run(Experiment(experiment.folder, experiment.config.model_copy(update={"validation": validation})))
    with Jobs(STAGES["validate_checkpoints"], run, STAGES, 2) as jobs:
        for number, result in enumerate(predicted_and_scored(run, lists_of(run, 90))):
            if result.job:
                jobs.start([replace(result, job=number)])
        yield from jobs.done(wait=True)


def test_a_killed_process_ends_validation_with_its_reason(gpu_part, tmp_path):
    running = many_jobs(gpu_part.copy(tmp_path, train=False))
    next(running)
    os.kill(active_children()[0].pid, signal.SIGKILL)
    with pytest.raises(StageError, match=r"A process that scores [cd] ended: killed by the system \(SIGKILL\).*validation"):  # fmt: skip
        list(running)
    assert not active_children()


@pytest.mark.chaos
def test_a_process_without_memory_names_the_key_to_lower(gpu_part, tmp_path, monkeypatch):
    # Every array asks the system for memory, however much of what was used before is free.
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "65536")
    running = many_jobs(gpu_part.copy(tmp_path, train=False))
    for _ in range(20):
        next(running)
    wait_until_loaded(active_children(), "llvmlite")
    for process in active_children():
        # As ulimit -v, from now on.
        resource.prlimit(process.pid, resource.RLIMIT_AS, (2**20, 2**20))
    with pytest.raises(StageError, match=r"Memory ran out in a process that scores [cd]; lower validation\.num_workers;"):  # fmt: skip
        list(running)
    assert not active_children()


def wait_until_loaded(processes, library):
    """Without memory an import fails in words of the library's own."""
    until = time.monotonic() + 120
    while any(library not in Path(f"/proc/{process.pid}/maps").read_text() for process in processes):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_what_a_process_finds_wrong_is_told_as_if_there_were_none(gpu_part, tmp_path):
    experiment = with_keys(opened(gpu_part.copy(tmp_path, train=False)), num_workers=2)
    shutil.rmtree(experiment.processed("val", 90, "d"))
    with pytest.raises(InputError, match=r"no checkpoint of iteration 90"):
        scores(Run(experiment))
    assert not active_children()


@pytest.mark.chaos
def test_interrupted_by_hand_no_process_is_left(gpu_part, tmp_path):
    root = gpu_part.copy(tmp_path, train=False)
    config = root / "run" / "config.toml"
    values = ", ".join(str(n / 1000) for n in range(300, 700))
    text = config.read_text().replace("num_workers = 1", "num_workers = 2").replace("[ 0.4, 0.6,]", f"[ {values},]")
    config.write_text(text)
    command = [sys.executable, str(SCRIPT), *arguments(root, "-d", "validate_checkpoints")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)  # fmt: skip
    until = time.monotonic() + 120
    while not list((root / "run/val").glob("evaluated/*/*/*.toml")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    # What multiprocessing keeps beside the workers ends a moment later.
    until = time.monotonic() + 20
    while any_left(process.pid):
        assert time.monotonic() < until
        time.sleep(0.05)


def any_left(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
