"""Checkpoints on disk: ``.keras`` files that are the same, byte for byte, when what they hold is."""

from __future__ import annotations

import json
import os
import struct
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from auxcpvloss.data.untrusted.zips import check_member
from auxcpvloss.network.keras_files import WEIGHTS, check_keras_file
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import replacing
from auxcpvloss.system.lazy import lazily

h5py = lazily("h5py")

if TYPE_CHECKING:
    import keras

NOTES, METADATA = "training.json", "metadata.json"
"""Members of the zip in addition to those of `keras_files`; NOTES is our own."""

END = struct.Struct("<4s4H2LH")
"""Last bytes of a zip; their fifth number is the number of members."""

LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""Earliest date in a zip: with the time of writing, two files with the same weights would differ."""


class DamagedCheckpointError(InputError):
    """A checkpoint that is not as it was written."""


def save_checkpoint(network: keras.Model, path: Path, notes: Mapping[str, Any]) -> None:
    """Write weights, optimizer and notes, all or nothing.

    Parameters
    ----------
    network : keras.Model
    path : Path
    notes : mapping
        Whatever JSON can hold; `load_checkpoint` gives it back.
    """
    with replacing(path) as beside:
        network.save(beside)
        with beside.open("rb") as saved, zipfile.ZipFile(saved) as source:
            # Read on, while another file takes its name.
            beside.unlink()
            members = {name: source.read(name) for name in source.namelist()}
            about = json.loads(members[METADATA])
            members[METADATA] = json.dumps({k: v for k, v in about.items() if k != "date_saved"}).encode()
            pack(beside, [*members.items(), (NOTES, json.dumps(notes).encode())])


def pack(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Write a zip of members, by name: the same bytes whenever it is written."""
    with zipfile.ZipFile(path, "w") as target:
        for name, data in members:
            target.writestr(zipfile.ZipInfo(name, LONG_AGO), data)


def load_checkpoint(network: keras.Model, path: Path) -> dict[str, Any]:
    """Load weights, and the optimizer if the network has one; gives the notes.

    Raises
    ------
    DamagedCheckpointError
        The file was changed, cut or emptied since it was written.
    InputError
        It is whole, but of another network or optimizer.
    """
    check_checkpoint(path)
    try:
        with warnings.catch_warnings():
            # Keras only warns when it leaves out an optimizer that does not fit.
            warnings.simplefilter("error")
            network.load_weights(path)
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path}: does not fit the network of this experiment: {reason}") from error
    return _notes(path)


def _notes(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        # Those of before there were notes have none.
        notes: dict[str, Any] = json.loads(archive.read(NOTES)) if NOTES in archive.namelist() else {}
    return notes


def read_notes(path: Path) -> dict[str, Any]:
    """Read the notes of a checkpoint alone; nothing of one that is damaged."""
    with suppress(Exception):  # A flipped bit makes zipfile raise all kinds of errors.
        check_checkpoint(path)
        return _notes(path)
    return {}


def check_checkpoint(path: Path) -> None:
    """Read all of a checkpoint and compare it with the checksums in it.

    Raises
    ------
    DamagedCheckpointError
    InputError
        It is whole, but not to be trusted.
    """
    # One that is not there, or may not be read, is not damaged.
    with path.open("rb") as file:
        try:
            _read_all(path, file)
        except MemoryError:
            raise
        except Exception as error:  # A flipped bit makes zipfile raise all kinds of errors.
            raise DamagedCheckpointError(
                f"{path}: damaged: {str(error).strip() or type(error).__name__}.",
                "The stage train makes the newest checkpoint again; if this is an older one, remove the file. Or use "
                "another one: --checkpoint N.",
            ) from error
    check_keras_file(path)


def _read_all(path: Path, file: IO[bytes]) -> None:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            check_member(path, info)
        file.seek(-END.size, os.SEEK_END)
        signature, *_, members, _, _, _ = END.unpack(file.read(END.size))
        # A flipped bit in a length makes zipfile pass over members.
        if signature == b"PK\5\6" and members != len(archive.infolist()):
            raise zipfile.BadZipFile(f"it lists {members} members but contains {len(archive.infolist())}")
        if damaged := archive.testzip():
            raise zipfile.BadZipFile(f"the checksum of {damaged} in it is wrong")
        with archive.open(WEIGHTS) as weights, h5py.File(weights, "r"):
            pass
