"""The arguments of the command line."""

from __future__ import annotations

import argparse

from auxcpvloss import __version__
from auxcpvloss.config import known
from auxcpvloss.data.sources.find import SPLITS
from auxcpvloss.stages.order import STAGES
from auxcpvloss.stages.status import STATUS

EPILOG = """\
Stages, in order: prepare (volumes to zarr), mknet (build and describe the networks), train, validate_checkpoints
(choose checkpoint and parameters), predict, label and evaluate (the test volumes), report
(all of it on one page, report.html); all does every one of them.
By name only: postprocess (label and evaluate the test volumes with the parameters of [postprocessing], to try them by
hand), visualize (pictures of predictions and instances, then export, then napari), export (instances for Fiji, napari,
Neuroglancer and spreadsheets: TIFF, OME-Zarr, tables of objects; docs/handover.md), validate (choose parameters for one
checkpoint), cross_validate (choose on one half of the validation volumes, score on the other).
A stage whose results are whole and made from the same inputs says so and goes on. Where keys or files changed it says
which, makes again what depends on them, and moves what was there to superseded/ (--overwrite: replaces it). Volumes
that a stage needs are prepared if they are not yet. status, alone, says what is whole, stale, missing or broken.
auxcpvloss compare FOLDER... compares evaluated experiments: tables and verdicts (auxcpvloss compare --help)."""


def parser() -> argparse.ArgumentParser:
    """Give the parser of the command line."""
    result = argparse.ArgumentParser(
        prog="auxcpvloss",
        description="Train a network to find every nucleus in 3D microscopy volumes, and find them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--version", action="version", version=f"%(prog)s {__version__}", help="say it, and end")
    _what_to_do(result)
    _which_experiment(result)
    _data(result)
    _validation(result)
    _test(result)
    result.add_argument_group(
        "machine",
        "The network runs on a free GPU, if there is one; CUDA_VISIBLE_DEVICES=1 before the command chooses another,\n"
        "CUDA_VISIBLE_DEVICES='' none. Processes that make batches: training.num_workers; that score:\n"
        "validation.num_workers.",
    )
    return result


def _what_to_do(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what to do").add_argument
    stages = f"{', '.join(STAGES)}, all or status"
    add("-d", "--do", nargs="+", required=True, choices=[*STAGES, STATUS, "all"], metavar="STAGE", help=stages)
    add("--dry-run", action="store_true", help="say what would run, and touch nothing")
    again = "make results again though whole, replace stale ones, a stale training too (general.overwrite)"
    add("--overwrite", action="store_true", help=again)
    detection = "score centers, not outlines (evaluation.do_detection)"
    add("--do_detection", action=argparse.BooleanOptionalAction, default=None, help=detection)
    napari = "open napari after visualize, or not; default: if it is installed, there is a display and this a terminal"
    add("--napari", action=argparse.BooleanOptionalAction, default=None, help=napari)
    debug = "tiny network, few iterations: see whether everything runs; in an experiment of its own, NAME_debug"
    add("--debug_args", action="store_true", help=debug)


def _which_experiment(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("which experiment").add_argument
    add("-a", "--app", help="application, a folder of config/ with a data.toml: " + ", ".join(known()))
    add("-s", "--setup", help="setup of the application, config/APP/SETUP.toml")
    files = "toml file, merged over what came before; may be given several times"
    add("-c", "--config", action="append", default=[], metavar="FILE", help=files)
    add("-r", "--root", default="experiments", help="folder of all experiments (default: experiments)")
    add("-id", "--exp-id", metavar="NAME", help="name of the experiment's folder (default: APP_SETUP)")
    own = "use the configuration in the experiment's folder, if any, rather than -a, -s, -c"
    add("--run_from_exp", action="store_true", help=own)
    add("--seed", type=int, help="of everything random (general.seed); also goes into the name of the experiment")


def _data(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("data (instead of the keys of [data])").add_argument
    for split, volumes in zip(SPLITS, ("training", "validation", "test"), strict=True):
        add(f"--{split}-data", metavar="FOLDER", help=f"{volumes} volumes (data.{split}_data)")
    add("--input-format", metavar="FORMAT", help="what the files are (data.input_format)")


def _test(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("test: checkpoint for the test volumes").add_mutually_exclusive_group().add_argument
    best = "the one that validate_checkpoints selected (default), or the last one"
    add("--test-checkpoint", choices=["best", "last"], default="best", help=best)
    add("--checkpoint", type=int, metavar="N", help="the one of iteration N; the stage validate looks at it, too")


def _validation(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("validation").add_argument
    flag = argparse.BooleanOptionalAction
    combine = "try the lists of parameters in every combination, not entry by entry (validation.param_product)"
    add("--param_product", action=flag, default=None, help=combine)
    on_train = "validate on the training volumes, with results of their own in val_on_train/ (validation.on_train)"
    add("--validate_on_train", action=flag, default=None, help=on_train)
    end = "end after the predictions of validate_checkpoints (or the first stage that predicts): the rest needs no GPU"
    add("--term_after_predict", action="store_true", help=end)
    runs = "validated experiments: train on train and val up to what is best in their mean (validation.trained_models)"
    add("-m", "--trained_model", action="append", nargs="+", metavar="EXPERIMENT", help=runs)
