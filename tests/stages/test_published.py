"""The command that was published, and stages by name, on a small look-alike of the published data."""

import csv
import shutil
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import toml
from matplotlib.image import imread

from auxcpvloss.cli import main
from tests.data.l1_zip import make_l1_zip

ROOT = Path(__file__).parents[2]
NAME = "l1_setup_l1_07_3class_cpv"
# As it stands, but for the two paths.
COMMAND = (
    f"--root experiments -s setup_l1_07_3class_cpv -c {ROOT}/config/default.toml -c "
    f"{ROOT}/config/l1/setup_l1_07_3class_cpv.toml "
    "-a l1 -d mknet train validate_checkpoints predict label evaluate --run_from_exp --test-checkpoint best"
).split()
# What a command writes anew each time, or never overwrites.
LASTING = {"records.json", "run.log", "config.toml", "provenance.json", "made_from.json", "log.csv"}


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """A folder with the zip, in which the command ran once."""
    folder = tmp_path_factory.mktemp("published")
    make_l1_zip(folder / "c_elegans_nuclei.zip")
    with chdir(folder), redirect_stdout(StringIO()) as said:
        assert main([*COMMAND, "--debug_args"]) == 0
    (folder / "terminal.txt").write_text(said.getvalue())
    return folder


@pytest.fixture
def copy(published, tmp_path, monkeypatch) -> Path:
    """The experiment of `published`, to be gone on with; its configuration is to be changed by `change`."""
    shutil.copytree(published / "experiments", tmp_path / "experiments")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "experiments" / f"{NAME}_debug"


def change(experiment: Path, table: str, **keys: object) -> None:
    config = toml.loads((experiment / "config.toml").read_text())
    config[table].update(keys)
    (experiment / "config.toml").write_text(toml.dumps(config))


def times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_the_published_command_runs(published):
    text = (published / "terminal.txt").read_text()
    assert "avAP" in text
    # It does not name the stage prepare.
    assert "prepare              volumes needed but not prepared yet: 2 train, 1 val, 1 test" in text
    assert "threeclass_cpv: 3 levels, input 48x48x48" in text
    assert {path.name for path in (published / "experiments").iterdir()} == {"data", f"{NAME}_debug"}


def test_a_debug_run_says_what_it_changed(published):
    lines = [line for line in (published / "terminal.txt").read_text().splitlines() if line.startswith("--debug_args: ")]  # fmt: skip
    assert [line.split()[1] for line in lines] == ["[model]", "[training]", "[pretrain]", "[validation]"]
    assert "max_iterations 4 (was 400000)" in lines[1]
    with (published / f"experiments/{NAME}_debug/val/scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["fg_thresh"], row["seed_thresh"]) for row in rows} == {(f, s) for f in ("0.5", "0.7") for s in ("0.7", "0.8")}  # fmt: skip


def test_a_debug_run_goes_on_and_never_touches_the_real_one(copy, capsys):
    real = copy.parent / NAME
    copy.rename(real)
    change(real, "training", log_every=7)
    before = times(real)
    assert (main(["-id", NAME, "--debug_args", "-d", "mknet"]), times(real)) == (0, before)
    # It is a copy of what the real one is configured to be, and is found again.
    assert "log_every 1 (was 7)" in capsys.readouterr().out
    assert "log_every = 1\n" in (copy / "config.toml").read_text()
    assert main(["-id", NAME, "--debug_args", "-d", "mknet"]) == 0
    assert main(["-id", f"{NAME}_debug", "--debug_args", "-d", "mknet"]) == 0
    assert "--debug_args" not in capsys.readouterr().out
    assert {path.name for path in copy.parent.iterdir()} == {"data", NAME, f"{NAME}_debug"}


@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--debug_args"]])
def test_without_the_data_one_message_says_where_to_get_them(tmp_path, monkeypatch, capsys, more):
    monkeypatch.chdir(tmp_path)
    assert main([*COMMAND, *more]) == 2
    (message,) = capsys.readouterr().err.splitlines()
    assert message.startswith(f"data.path: {tmp_path}/c_elegans_nuclei.zip: no such folder or file.")
    for part in ("https://zenodo.org/records/5942575", "c_elegans_nuclei.zip", "Download them there, or set data.path"):
        assert part in message
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_names_what_it_would_prepare_and_touches_nothing(published, copy, monkeypatch, capsys):
    monkeypatch.chdir(published)
    shutil.rmtree(next((copy.parent / "data").glob("*/test")))
    before = times(copy.parent)
    assert main(["-r", str(copy.parent), "-id", copy.name, "-d", "mknet", "postprocess", "visualize", "--dry-run"]) == 0
    text = capsys.readouterr().out
    assert "prepare              would do: C18G1_2L1_4, not prepared yet" in text
    assert "postprocess          would do: label and evaluate test (C18G1_2L1_4)" in text
    assert "fg_thresh 0.95, seed_thresh 0.7" in text
    assert "visualize            would do: test (C18G1_2L1_4)" in text
    assert times(copy.parent) == before


def test_only_what_is_missing_is_prepared_and_only_if_a_stage_needs_it(published, copy, capsys):
    folder = next((copy.parent / "data").iterdir())
    shutil.rmtree(folder / "test")
    before = times(folder)
    assert main(["-id", copy.name, "-d", "mknet"]) == 0
    assert not (folder / "test").exists()
    assert main(["-id", copy.name, "-d", "predict"]) == 0
    assert (folder / "test" / "C18G1_2L1_4.zarr").is_dir()
    assert {path: written for path, written in times(folder).items() if path in before} == before
    text = capsys.readouterr().out
    assert text.count("not prepared yet: 1 test") == 1
    # Prepared from the same volume, it is the same: so is the prediction.
    assert "(1 whole already)" in text


def test_overwriting_makes_every_result_again_and_each_once(copy, capsys):
    change(copy, "general", overwrite=True)
    # What was selected, so that postprocess comes to the same places as label and evaluate.
    change(copy, "postprocessing", fg_thresh=0.5, seed_thresh=0.7)
    before = times(copy.parent)
    stages = ["prepare", "mknet", "train", "validate_checkpoints", "predict", "label", "evaluate", "postprocess"]
    assert main(["-id", copy.name, "-d", *stages]) == 0
    after = times(copy.parent)
    assert set(after) - {copy / "records.json"} == set(before) - {copy / "records.json"}
    kept = {path for path in before if after[path] == before[path]}
    lasting = {p for p in before if p.suffix in (".keras", ".v2") or p.parent.name == "snapshots" or p.name in LASTING}
    # Volumes that come out as they were are left to those who read them.
    assert {path for path in kept if (copy.parent / "data") not in path.parents} <= lasting
    assert {path for path in lasting if path.suffix == ".keras"} <= kept
    assert "whole already: checkpoint of iteration 4" in capsys.readouterr().out
    log = (copy / "run.log").read_text().splitlines()
    again = [line.partition(" INFO ")[2] for line in log if "because general.overwrite is true" in line]
    # 4 volumes; 1 network; 2 x val and 1 x test predicted; 1 x test labelled; 2 x 4 parameters x val and 1 x test
    # evaluated;
    # validation's table and selection, a picture, a summary, the table of all scores and what they mean.
    assert len(again) == len(set(again)) == 4 + 1 + 3 + 1 + 9 + 6
    # Preparing what lacks is no order to prepare the rest again.
    shutil.rmtree(next((copy.parent / "data").glob("*/val")))
    before = times(copy.parent / "data")
    assert main(["-id", copy.name, "-d", "validate_checkpoints"]) == 0
    assert before.items() <= times(copy.parent / "data").items()


def test_parameters_are_tried_by_hand(copy, capsys):
    arguments = ["-id", copy.name, "-d", "postprocess"]
    change(copy, "postprocessing", fg_thresh=0.25, seed_thresh=0.3)
    before = times(copy / "test")
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "parameters of [postprocessing]: fg_thresh 0.25, seed_thresh 0.3, flood foreground" in text
    # Those that validation selected are others.
    slug = "fg_thresh_0.25_seed_thresh_0.3"
    for path in ("instanced/{}/{}/C18G1_2L1_4.hdf", "evaluated/{}/{}/C18G1_2L1_4.toml", "evaluated/{}/{}/summary.csv"):
        assert (copy / "test" / path.format(2, slug)).is_file()
    for line in ("labelled in", "scores of 1 volume", "avAP"):
        assert line in text
    assert str(copy / "test" / "instanced" / "2" / slug) in text
    assert before.items() <= times(copy / "test").items()
    shutil.rmtree(copy / "test" / "processed")
    shutil.rmtree(copy / "test" / "instanced")
    assert main(arguments) == 2
    assert "Run the stage predict." in capsys.readouterr().err


def test_predictions_are_shown(copy, capsys):
    pictures = copy / "test" / "visualized" / "2"
    assert main(["-id", copy.name, "-d", "visualize"]) == 0
    drawn = pictures / "fg_thresh_0.5_seed_thresh_0.7" / "C18G1_2L1_4.png"
    assert f"picture: {drawn}" in capsys.readouterr().out
    # Raw data, three channels, truth, result, hits and errors: three rows of three.
    height, width, _ = imread(drawn).shape
    assert width > 1000
    assert height > 700
    # With parameters set by hand, those are what is to be seen.
    assert main(["-id", copy.name, "-d", "postprocess", "visualize"]) == 0
    assert (pictures / "fg_thresh_0.95_seed_thresh_0.7" / "C18G1_2L1_4.png").is_file()
    shutil.rmtree(copy / "test" / "visualized")
    for folder, stage in (("instanced", "label"), ("processed", "predict")):
        shutil.rmtree(copy / "test" / folder)
        assert main(["-id", copy.name, "-d", "visualize"]) == 2
        assert f"Run the stage {stage}." in capsys.readouterr().err
    assert not (copy / "test" / "visualized").exists()
