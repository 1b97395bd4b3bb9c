import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import toml

from auxcpvloss import __version__
from auxcpvloss.__main__ import NOT_INSTALLED
from auxcpvloss.arguments import parser
from auxcpvloss.cli import INPUT_ERROR, main
from auxcpvloss.config import ConfigFile
from auxcpvloss.config.places import config_folder
from auxcpvloss.experiment.configuration import load
from auxcpvloss.system.processors import ONEDNN
from auxcpvloss.system.signals import MESSAGE, STATUS
from tests.conftest import TINY, merge
from tests.data.test_sources import write_arrays
from tests.data.volumes import blobs, write_tiff

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "run_auxcpvloss.py"


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(toml.dumps(TINY))
    return path


def frozen(root: Path, name: str):
    return load([ConfigFile.read(root / name / "config.toml")])


def test_the_script_and_the_version():
    done = subprocess.run([sys.executable, "run_auxcpvloss.py", "--version"], cwd=ROOT, capture_output=True, text=True, check=True)  # fmt: skip
    assert __version__ in done.stdout


def test_a_python_without_the_libraries_is_told_from_wrong_arguments():
    # -S: as if nothing were installed.
    command = [sys.executable, "-S", "run_auxcpvloss.py", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == NOT_INSTALLED
    assert f"{sys.executable} (Python 3." in done.stderr
    assert "has no module" in done.stderr
    assert "pip install -r requirements.txt" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_names_every_stage_and_application(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for word in (
        "prepare", "mknet", "train", "validate_checkpoints", "predict", "label", "evaluate", "postprocess", "visualize",
        "report", "all", "synthetic", "l1", "CUDA_VISIBLE_DEVICES",
    ):  # fmt: skip
        assert word in text


def test_every_option_is_explained_in_a_line():
    options = [action for action in parser()._actions if action.option_strings]
    assert len(options) > 15
    for option in options:
        assert option.help, option.option_strings
        # Stages, and applications, are listed.
        assert len(option.help) < 170, option.option_strings


def test_options_that_set_a_key_name_it():
    for action in parser()._actions:
        if action.dest in ("seed", "input_format") or action.dest.endswith("_data"):
            table = "general" if action.dest == "seed" else "data"
            assert f"{table}.{action.dest}" in str(action.help)


def test_a_checkpoint_is_named_in_one_way(capsys):
    with pytest.raises(SystemExit) as end:
        main(["-a", "synthetic", "-d", "predict", "--checkpoint", "3", "--test-checkpoint", "last"])
    assert end.value.code == INPUT_ERROR
    assert "not allowed with argument" in capsys.readouterr().err


def test_an_application_alone_names_its_setups(tmp_path, capsys):
    root = ["-r", str(tmp_path), "-d", "mknet", "--dry-run"]
    assert main(["-a", "synthetic", *root]) == 0
    text = capsys.readouterr().out
    assert "threeclass_cpv, 1,200 iterations" in text
    assert "Setups to choose with -s: affinities, " in text
    assert main(["-a", "synthetic", "-s", "threeclass", *root]) == 0
    assert "Setups to choose" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-a", "synthetc", "-d", "all"], "did you mean 'synthetic'?"),
        (["-a", "synthetic", "-s", "threeclas_cpv", "-d", "all"], "did you mean 'threeclass_cpv'?"),
        (["-d", "all"], "No experiment given"),
        (["-id", "nosuch", "-d", "all"], "there is no such experiment"),
        (["-id", "nosuch", "--run_from_exp", "-d", "all"], "there is no such experiment"),
        (["-c", "nosuch.toml", "-d", "all"], "nosuch.toml: no such configuration file"),
        (["-a", "synthetic", "-s", "threeclass", "-c", "x/config.toml", "-d", "all"], "x/config.toml: no such configuration file. If this is the file of the setup, omit it: -s threeclass already reads it"),
        (["-s", "threeclass", "-d", "all"], "no application given. Choose one with -a"),
        (["-a", "synthetic", "-d", "predict", "--seed", "-3"], "general.seed"),
        (["-a", "synthetic", "-d", "all", "--input-format", "png"], "command line: data.input_format"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_in_words(arguments, expected, tmp_path, capsys):
    assert main([*arguments, "-r", str(tmp_path / "root")]) == INPUT_ERROR
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("wanted", ["tif", "zarr", "n5", "hdf"])
def test_of_several_formats_the_one_that_is_asked_for_is_read(tmp_path, config, capfd, wanted):
    config.write_text(config.read_text().replace('input_format = "synthetic"', 'input_format = "auto"'))
    raw, labels = blobs()
    for kind in ("zarr", "n5", "hdf"):
        write_arrays(tmp_path / "train" / f"a_{kind}.{kind}", raw, labels)
    for folder, array in (("images", raw), ("masks", labels)):
        write_tiff(tmp_path / "train" / folder / "a_tif.tif", array)
    arguments = ["-c", str(config), "-r", str(tmp_path / "root"), "--train-data", str(tmp_path / "train")]
    assert main([*arguments, "-d", "prepare"]) == INPUT_ERROR
    assert "data.input_format" in capfd.readouterr().err
    assert main([*arguments, "--input-format", wanted, "-d", "prepare"]) == 0
    assert {path.name for path in (tmp_path / "root" / "data").glob("*/train/*.zarr")} == {f"a_{wanted}.zarr"}
    assert frozen(tmp_path / "root", "mine").data.input_format == wanted


def test_a_root_that_is_a_file_is_refused_in_words(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["-a", "synthetic", "-r", str(tmp_path / "file"), "-d", "mknet"]) == INPUT_ERROR
    assert "file" in capsys.readouterr().err


def test_the_built_in_defaults_alone_are_a_configuration(tmp_path, capsys):
    arguments = ["-c", str(config_folder() / "default.toml"), "-r", str(tmp_path / "root"), "-d", "prepare"]
    assert main(arguments) == INPUT_ERROR
    assert "data.path" in capsys.readouterr().err


def test_an_unknown_stage_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        main(["-a", "synthetic", "-d", "trian"])
    assert end.value.code == INPUT_ERROR
    assert "validate_checkpoints" in capsys.readouterr().err


def test_a_dry_run_tells_all_and_touches_nothing(config, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    command = ["-c", str(config), "-r", str(tmp_path / "root"), "-d", "all", "--dry-run"]
    done = subprocess.run([sys.executable, "-m", "auxcpvloss", *command], capture_output=True, text=True, check=False)
    # A plan does without TensorFlow, which talks on the terminal.
    assert (done.returncode, done.stderr) == (0, "")
    text = done.stdout
    for word in ("worm_00", "worm_03", "iterations 0 to 4", "the best checkpoint", str(tmp_path / "root" / "mine")):
        assert word in text
    assert sorted(tmp_path.rglob("*")) == before


def test_files_are_merged_over_application_and_setup(config, tmp_path):
    second = tmp_path / "second.toml"
    second.write_text("[optimizer]\nlr = 0.125\n[data.synthetic]\nnuclei = 7\n")
    arguments = ["-a", "synthetic", "-s", "threeclass_cpv", "-r", str(tmp_path / "root"), "-d", "mknet"]
    # The built-in defaults, named once more, change nothing.
    defaults = ["-c", str(config_folder() / "default.toml")]
    assert main([*arguments, *defaults, "-c", str(config), "-c", str(second), "--seed", "5"]) == 0
    effective = frozen(tmp_path / "root", "synthetic_threeclass_cpv_seed5")
    assert (effective.optimizer.lr, effective.data.synthetic.nuclei) == (0.125, 7)
    assert (effective.data.synthetic.shape, effective.data.input_format) == ((40, 40, 60), "synthetic")
    assert (effective.general.seed, effective.optimizer.lr_schedule) == (5, "cosine")


def test_the_experiment_keeps_its_own_configuration(config, tmp_path, capsys):
    root = ["-r", str(tmp_path / "root")]
    assert main(["-c", str(config), "-id", "one", *root, "-d", "mknet"]) == 0
    first = frozen(tmp_path / "root", "one")
    config.write_text(toml.dumps(merge(TINY, {"optimizer": {"lr": 0.5}})))
    # With --run_from_exp files are not looked at; without any files the experiment's own is meant.
    assert main(["-c", str(config), "-id", "one", "--run_from_exp", *root, "-d", "mknet"]) == 0
    assert f"-c {config} is not used" in "".join(capsys.readouterr().out.split("\n"))
    assert main(["-id", "one", *root, "-d", "mknet"]) == 0
    assert "is not used" not in capsys.readouterr().out
    assert frozen(tmp_path / "root", "one") == first
    assert main(["-c", str(config), "-id", "one", *root, "-d", "mknet"]) == 0
    assert frozen(tmp_path / "root", "one").optimizer.lr == 0.5


def test_the_task_is_set_by_an_argument_and_kept(config, tmp_path):
    root = ["-r", str(tmp_path / "root"), "-d", "mknet"]
    for arguments, expected in (
        (["-c", str(config)], False),
        (["-c", str(config), "--do_detection"], True),
        (["-id", "mine"], True),
        (["-id", "mine", "--no-do_detection"], False),
    ):
        assert main([*arguments, *root]) == 0
        assert frozen(tmp_path / "root", "mine").evaluation.do_detection is expected


def test_an_experiment_that_is_not_there_begins_with_what_is_given(config, tmp_path):
    assert main(["-c", str(config), "-id", "new", "--run_from_exp", "-r", str(tmp_path / "root"), "-d", "mknet"]) == 0
    assert frozen(tmp_path / "root", "new").model.num_fmaps == 4


def test_paths_in_the_frozen_configuration_are_absolute(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["-c", str(config), "-r", "root", "-d", "mknet", "--test-data", "here", "--val-data", "there"]) == 0
    data = frozen(tmp_path / "root", "mine").data
    assert (data.test_data, data.val_data) == (str(tmp_path / "here"), str(tmp_path / "there"))


def test_nothing_of_the_libraries_reaches_the_terminal(config, tmp_path):
    arguments = ["-c", str(config), "-r", str(tmp_path / "root"), "-d", "prepare", "mknet"]
    environment = {key: value for key, value in os.environ.items() if key not in ("TF_CPP_MIN_LOG_LEVEL", ONEDNN)}
    done = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=True, env=environment)  # fmt: skip
    assert done.stderr == ""
    # What TensorFlow says wherever oneDNN is on; the program switches it on.
    switched_on = "oneDNN custom operations are on"
    for chatter in (switched_on, "Warning", "cuda", "absl"):
        assert chatter not in done.stdout
    # Not lost, but where it can be looked up.
    assert switched_on in (tmp_path / "root" / "mine" / "run.log").read_text()
    assert ", oneDNN on" in done.stdout


def test_the_package_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "auxcpvloss", "--version"], cwd=ROOT, capture_output=True, text=True, check=True)  # fmt: skip
    assert __version__ in done.stdout


# A pytest that runs in the background of a shell ignores SIGINT, and so would what it starts.
HEEDING = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.executable, sys.argv[1:])"


def signal_when(ready: Callable[[Path], bool], number: signal.Signals, *arguments: str) -> tuple[int, str]:
    """Exit status and standard error of a command that gets a signal as soon as its /proc entry looks so."""
    command = [sys.executable, "-c", HEEDING, sys.executable, str(SCRIPT), *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while not ready(Path(f"/proc/{process.pid}")):
            assert time.monotonic() < until
            assert process.poll() is None
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    return process.returncode, error


@pytest.mark.parametrize(
    ("library", "number"),
    [("_multiarray_umath", signal.SIGINT), ("_pydantic_core", signal.SIGTERM), ("_pydantic_core", signal.SIGINT)],
)
def test_a_signal_while_libraries_are_imported_ends_with_a_line(library, number):
    ended = signal_when(lambda proc: library in (proc / "maps").read_text(), number, "--help")
    assert ended == (STATUS[number], f"{MESSAGE[number]}\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_a_stage_ends_with_a_line(config, tmp_path, number):
    log = tmp_path / "root" / "mine" / "run.log"
    arguments = ["-c", str(config), "-r", str(tmp_path / "root"), "-d", "prepare", "mknet"]
    ended = signal_when(lambda _: log.is_file() and "mknet" in log.read_text(), number, *arguments)
    assert ended == (STATUS[number], f"{MESSAGE[number]}\n")
