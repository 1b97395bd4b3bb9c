"""The command ``auxcpvloss segment``."""

from __future__ import annotations

import argparse
import warnings
from functools import partial
from pathlib import Path

from auxcpvloss.apply.files import tasks
from auxcpvloss.apply.model import Model
from auxcpvloss.apply.pretrained import load_any
from auxcpvloss.config import ConfigFile
from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.find import named_images
from auxcpvloss.experiment import pretrained
from auxcpvloss.experiment.configuration import load as load_config
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.terminal import Bar, Parser, Terminal, logging_to

NAME = "segment"

OPTIONS = {
    "data.raw_key": "--raw-key",
    "data.axes": "--axes",
    "data.channel": "--channel",
    "data.voxel_size": "--voxel-size",
    "diameter:": "--diameter:",
}
"""Keys of [data], and an argument, and the options that stand for them."""

DESCRIPTION = """\
Segment images with a trained network: TIFF, zarr, N5 or HDF5 files of any folder. No experiment is made or changed.
For each image NAME two files are written: NAME_labels.tif, 0 for background and a number for each nucleus, and
NAME_labels.json, what they were made from. What is whole is not made again. docs/segment.md"""


def parser() -> argparse.ArgumentParser:
    """Give the parser of the arguments after ``segment``."""
    result = Parser(prog=f"auxcpvloss {NAME}", description=DESCRIPTION)
    add = result.add_argument
    add("files", nargs="+", type=Path, metavar="FILE", help="images: .tif, .zarr, .n5, .h5 or .hdf")
    model = (
        "trained experiment: its folder, or its name in the folder of --root; given several times, predictions are "
        "averaged (default: pretrained, the network that comes with the program)"
    )
    add("--model", action="append", metavar="NAME_OR_FOLDER", help=model)
    diameter = (
        "of the median nucleus, in voxels along x, for the pretrained network (default: estimated, image by image)"
    )
    add("--diameter", type=float, metavar="D", help=diameter)
    add("-o", "--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    add("-r", "--root", type=Path, default=Path("experiments"), help="folder of experiments (default: experiments)")
    which = "checkpoint: best (selected by validation; default), last, a number of iterations, or a mean (mean_M-N)"
    add("--checkpoint", default="best", metavar="N", type=checkpoint_named, help=which)
    size = "size of a voxel along z, y, x (default: as the files record it, else that of the training, data.voxel_size)"
    add("--voxel-size", nargs=3, type=float, metavar=("Z", "Y", "X"), help=size)
    add("--raw-key", metavar="KEY", help="array in zarr, N5 and HDF5 files (default: data.raw_key of the experiment)")
    add("--axes", help="axes of the stored arrays, such as CZYX (default: data.axes of the experiment)")
    add("--channel", type=int, help="channel to use, from 0 (default: data.channel of the experiment)")
    add("--overwrite", action="store_true", help="replace labels that are there already")
    return result


def checkpoint_named(text: str) -> str | int:
    """Give "best", "last" or a number of iterations, as `load` takes it."""
    return int(text) if text.isdecimal() else text


def segment_files(args: argparse.Namespace, terminal: Terminal) -> None:
    """Segment the images that the arguments name.

    Raises
    ------
    InputError
        Of the model, before anything is written; or, at the end, of images that could not be segmented.
    """
    terminal.stage = NAME
    with warnings.catch_warnings(record=True, action="always") as remarks:
        model = _model(args)
    for remark in remarks:
        terminal.warn(str(remark.message))
    if args.voxel_size:
        model.remark_on(args.voxel_size)
    for limit in model.limits:
        terminal.say(limit)
    data, out = _data(model, args), args.out.expanduser().resolve()
    todo = tasks(named_images(list(dict.fromkeys(args.files)), data), out, data)
    out.mkdir(parents=True, exist_ok=True)
    for named, each in zip(model.names, model.members, strict=True):
        terminal.say(f"{named}: {each.experiment.method.name}, checkpoint {each.checkpoint}")
    problems: dict[str, list[str]] = {}
    with logging_to(out / "segment.log", "info"), terminal.progress("images", len(todo)) as bar:
        for number, task in enumerate(todo):
            name = task.source.name
            bar.update(number, name)
            try:
                said = task.run(model, args.voxel_size, args.overwrite, partial(_note, bar, name))
                terminal.say(f"{name}: {said}")
            except InputError as error:
                problems[name] = _as_options(str(error)).splitlines()
                terminal.warn(f"{name}: {problems[name][0]}")
    if problems:
        lines = [line for image, (first, *more) in problems.items() for line in (f"{image}: {first}", *more)]
        raise InputError(f"{len(problems)} of {len(todo)} images not segmented:", *lines)


def _as_options(message: str) -> str:
    """Name the options of this command instead of the keys that they stand for."""
    for key, option in OPTIONS.items():
        message = message.replace(f"{key} = ", f"{option} ").replace(key, option)
    return message


def _note(bar: Bar, name: str, done: int, total: int) -> None:
    bar.update(note=f"{name}: tile {done} of {total}")


def _model(args: argparse.Namespace) -> Model:
    """Load the networks that the arguments name; an experiment called as the pretrained one is named by its path."""
    named = [
        each if each == pretrained.NAME else folder_named(each, args.root) for each in args.model or [pretrained.NAME]
    ]
    try:
        return load_any(named, args.checkpoint, args.diameter)
    except InputError as error:
        raise InputError(*map(_as_options, error.args)) from None


def folder_named(named: str, root: Path) -> Path:
    """Find the folder of an experiment by its path, or by its name under the root."""
    place, by_name = Path(named).expanduser(), root.expanduser() / named
    return by_name if by_name.is_dir() and not (place / "config.toml").is_file() else place


def _data(model: Model, args: argparse.Namespace) -> Data:
    """Say how the arrays of files are found: as in the experiment, unless the arguments say otherwise."""
    given = {"raw_key": args.raw_key, "axes": args.axes, "channel": args.channel}
    changed = {key: value for key, value in given.items() if value is not None}
    # Of several networks, the first one's.
    first = model.members[0].experiment.folder
    frozen = ConfigFile.read(first / "config.toml")
    return load_config([frozen, ConfigFile("command line", {"data": changed})]).data
