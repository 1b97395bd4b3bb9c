"""The arguments of the command line."""

from __future__ import annotations

import argparse

from auxcpvloss import __version__
from auxcpvloss.config import known
from auxcpvloss.data.sources.find import SPLITS
from auxcpvloss.experiment.means import Checkpoint, checkpoint_from
from auxcpvloss.stages.order import STAGES
from auxcpvloss.stages.status import STATUS
from auxcpvloss.system.terminal import Parser

LINES = (f"  {name + '*' * (not stage.in_all):<22}{stage.help}\n" for name, stage in STAGES.items())
EPILOG = f"""stages, in the order in which they run (all omits those with *):
{"".join(LINES)}
A stage skips results that are complete and made from the same inputs. If keys or files have changed, it says
which, makes the dependent results again, and moves the old ones to superseded/ (--overwrite: replaces them).
Volumes that a stage needs are prepared automatically. -d status shows what is complete, stale, missing or
broken.

auxcpvloss configure FOLDER writes a configuration for the volumes of a folder (auxcpvloss configure --help).
auxcpvloss sweep SWEEP.toml runs every combination of some values of keys, and compares them (auxcpvloss sweep --help).
auxcpvloss compare FOLDER... compares evaluated experiments: tables and verdicts (auxcpvloss compare --help).
auxcpvloss segment FILE... --model NAME -o DIR segments images of any folder (auxcpvloss segment --help).
auxcpvloss import-results FOLDER --name PROGRAM --like NAME scores the results of another program on the test volumes of
an experiment (auxcpvloss import-results --help).
auxcpvloss export-model NAME -o FILE.zip writes a network for bioimage.io (auxcpvloss export-model --help)."""


def parser() -> argparse.ArgumentParser:
    """Create the parser of the command line."""
    result = Parser(
        prog="auxcpvloss",
        description="Train a network to find every nucleus in 3D microscopy volumes, and apply it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--version", action="version", version=f"%(prog)s {__version__}", help="print the version")
    _what_to_do(result)
    _which_experiment_and_data(result)
    _validation_and_test(result)
    result.add_argument_group(
        "machine",
        "The network runs on a free GPU, if there is one. Set CUDA_VISIBLE_DEVICES=1 before the command to choose\n"
        "another one, CUDA_VISIBLE_DEVICES='' to use none. Numbers of processes: training.num_workers (batches),\n"
        "validation.num_workers (scores).",
    )
    return result


def _what_to_do(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what to do").add_argument
    stages = "stages to run, in any order (see below); all, or status"
    add("-d", "--do", nargs="+", required=True, choices=[*STAGES, STATUS, "all"], metavar="STAGE", help=stages)
    add("--dry-run", action="store_true", help="show what would run; change nothing")
    again = "recompute complete results; replace stale ones, including stale checkpoints (general.overwrite)"
    add("--overwrite", action="store_true", help=again)
    detection = "score centers instead of outlines (evaluation.do_detection)"
    add("--do_detection", action=argparse.BooleanOptionalAction, default=None, help=detection)
    napari = "open napari after visualize (default: if it is installed, in a terminal with a display)"
    add("--napari", action=argparse.BooleanOptionalAction, default=None, help=napari)
    debug = "quick test that everything runs: tiny network, few iterations, separate experiment NAME_debug"
    add("--debug_args", action="store_true", help=debug)


def _which_experiment_and_data(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("which experiment").add_argument
    add("-a", "--app", help="application, a folder of config/ with a data.toml: " + ", ".join(known()))
    setup = "setup of the application: config/APP/SETUP.toml, or SETUP_TASK, the same with an auxiliary task"
    add("-s", "--setup", help=setup)
    files = "toml file, merged over the previous ones; can be repeated"
    add("-c", "--config", action="append", default=[], metavar="FILE", help=files)
    add("-r", "--root", default="experiments", help="folder of all experiments (default: experiments)")
    add("-id", "--exp-id", metavar="NAME", help="name of the experiment's folder (default: APP_SETUP)")
    own = "use the configuration in the experiment's folder, if there is one, instead of -a, -s, -c"
    add("--run_from_exp", action="store_true", help=own)
    add("--seed", type=int, help="seed of everything random (general.seed); appended to the default experiment name")
    add = parser.add_argument_group("data (override keys of [data])").add_argument
    for split, volumes in zip(SPLITS, ("training", "validation", "test"), strict=True):
        add(f"--{split}-data", metavar="FOLDER", help=f"{volumes} volumes (data.{split}_data)")
    help_format = "format of the files (data.input_format); with --test-data alone, of these (data.test_format)"
    add("--input-format", metavar="FORMAT", help=help_format)
    size = "size of a voxel (data.voxel_size); with --test-data alone, of these volumes (data.test_voxel_size)"
    add("--voxel-size", nargs=3, type=float, metavar=("Z", "Y", "X"), help=size)


def _validation_and_test(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("validation").add_argument
    flag = argparse.BooleanOptionalAction
    combine = "try all combinations of the lists of parameters, instead of entry by entry (validation.param_product)"
    add("--param_product", action=flag, default=None, help=combine)
    on_train = "validate on the training volumes; results go to val_on_train/ (validation.on_train)"
    add("--validate_on_train", action=flag, default=None, help=on_train)
    end = "stop after the first stage that predicts (normally validate_checkpoints): the rest needs no GPU"
    add("--term_after_predict", action="store_true", help=end)
    runs = (
        "validated experiments: average their scores, and train on train and val up to the checkpoint with the best "
        "mean (validation.trained_models)"
    )
    add("-m", "--trained_model", action="append", nargs="+", metavar="EXPERIMENT", help=runs)
    averaged = "trained experiments: average their predictions, in an experiment of its own (prediction.ensemble)"
    add("--ensemble", nargs="+", metavar="EXPERIMENT", help=averaged)
    add = parser.add_argument_group("checkpoint for the test volumes").add_mutually_exclusive_group().add_argument
    best = "best: selected by validate_checkpoints (default); last: the newest"
    add("--test-checkpoint", choices=["best", "last"], default="best", help=best)
    named = "checkpoint of iteration N, or mean_M-N, the mean of those from M to N; also used by the stage validate"
    add("--checkpoint", type=_checkpoint, metavar="N", help=named)


def _checkpoint(text: str) -> Checkpoint:
    try:
        return checkpoint_from(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
