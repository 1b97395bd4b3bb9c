"""What results were made from: each records it, and is made again only if that changed."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import h5py
import zarr

from auxcpvloss.data.whole import is_whole, open_whole
from auxcpvloss.experiment import Experiment
from auxcpvloss.made_from import difference

logger = logging.getLogger(__name__)

Record = dict[str, Any]


def current(experiment: Experiment, path: Path, made_from: Record, recorded: Record | None) -> bool:
    """Whether a result is whole and made from the same, and not to be overwritten; says in the log why not.

    Who is told that it is not makes it, so `general.overwrite` is heeded once for each path.
    """
    overwritten = experiment.renew(path)
    if recorded is None:
        return False
    if overwritten:
        logger.info("%s: made again, since general.overwrite is true", path)
        return False
    changed = difference(recorded, made_from)
    if changed is not None:
        logger.info("%s: made again, since %s", path, changed)
    return changed is None


def zarr_record(path: Path) -> Record | None:
    """What a zarr folder was made from; None where there is none."""
    try:
        root = open_whole(path)
        return dict(root.attrs).get("made_from") if is_whole(root) else None
    except zarr.errors.GroupNotFoundError:
        return None


def hdf_record(path: Path) -> Record | None:
    """What an HDF5 file was made from; None where there is none."""
    if not path.is_file():
        return None
    with h5py.File(path, "r") as file:
        record: Record = json.loads(file.attrs["made_from"])
        return record
