"""What the program reads of each kind of stored file, to see whether it notices that the file is damaged."""

from __future__ import annotations

import json
import random
import zipfile
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from auxcpvloss.config import ConfigFile
from auxcpvloss.data.centers import read_centers
from auxcpvloss.data.missing_chunks import open_whole, read
from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.configuration import load, refuse_edited
from auxcpvloss.experiment.fingerprint import Records
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.instances import centers_path, read_instances, stored_instances
from auxcpvloss.experiment.provenance.document import Document
from auxcpvloss.experiment.results import Stored, read_table, stored_beside, stored_toml, stored_zarr
from auxcpvloss.experiment.selection_file import read_selection, stored_selection
from auxcpvloss.experiment.training_files import log_problem
from auxcpvloss.experiment.training_record import training_record
from auxcpvloss.experiment.validation import read_scores
from auxcpvloss.network.checkpoint import NOTES, check_checkpoint
from auxcpvloss.network.keras_files import ARCHITECTURE, WEIGHTS
from auxcpvloss.stages.export.stage import _stored as stored_export
from auxcpvloss.stages.mknet import _stored as stored_description
from auxcpvloss.system.checksums import reading_hdf
from auxcpvloss.system.errors import InputError

NOTICED, HARMLESS, SILENT = "noticed", "harmless", "silently wrong"


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def _whole(stored: Stored) -> Any:
    """What a result was made from, as a stage sees it."""
    if stored.problem:
        raise InputError(stored.problem)
    return stored.record, dict(stored.made_with)


def _arrays(path: Path) -> Any:
    group = open_whole(path)
    found: dict[str, Any] = {"": group.attrs.asdict()}
    group.visititems(lambda name, item: found.update({name: item.attrs.asdict() if not hasattr(item, "dtype") else (item.dtype.str, item.shape, item.attrs.asdict(), read(item).tobytes())}))  # fmt: skip
    return found


def _sample(path: Path) -> Any:
    sample = Sample(path.stem, path)
    volumes = [each for each in (sample.raw, sample.truth) if each]
    arrays = [(each.dtype.str, each.shape, each.voxel_size, each.offset, read(each).tobytes()) for each in volumes]
    return arrays, sample.max_extent, sample.made_from, sample.has_points, sample.centers().tobytes()


def _hdf(path: Path) -> Any:
    found: dict[str, Any] = {}
    with reading_hdf(path) as file:
        found[""] = dict(file.attrs)
        file.visititems(lambda name, item: found.update({name: (dict(item.attrs), item[()].tobytes()) if isinstance(item, h5py.Dataset) else dict(item.attrs)}))  # fmt: skip
    return repr(found)


def _checkpoint(path: Path) -> Any:
    check_checkpoint(path)
    found: list[Any] = []
    with zipfile.ZipFile(path) as archive:
        found += [json.loads(archive.read(name)) for name in (NOTES, ARCHITECTURE)]
        with h5py.File(BytesIO(archive.read(WEIGHTS))) as file:
            file.visititems(lambda name, item: found.append((name, np.asarray(item).tobytes()) if isinstance(item, h5py.Dataset) else name))  # fmt: skip
    return found


def _in_zarr(path: Path) -> Path:
    return next(each for each in path.parents if each.suffix == ".zarr")


class Readers:
    """What is read of each kind of file of an experiment: a pattern within the root, and a function of the file."""

    def __init__(self, root: Path, name: str) -> None:
        self.folder = root / name
        self.config = load([ConfigFile.read(self.folder / "config.toml")])
        train, test, data = f"{name}/train", f"{name}/test", "data/*/*/*.zarr"
        described = ("/.zattrs", "/.zgroup", "/volumes/*/.zarray", "/volumes/*/.zattrs", "/.checksums")
        predicted, exported = f"{test}/processed/*/*.zarr", f"{test}/exported/*/*/*"
        self.kinds: dict[str, tuple[list[str], Callable[[Path], Any]]] = {
            "images": ([f"{data}/volumes/raw/[0-9]*"], lambda path: _sample(_in_zarr(path))),
            "labels": ([f"{data}/volumes/gt_labels/[0-9]*"], lambda path: _sample(_in_zarr(path))),
            "descriptions of volumes": ([f"{data}{each}" for each in described], lambda path: _sample(_in_zarr(path))),
            "centers of volumes": (["data/*/*/*.csv"], lambda path: _sample(path.with_suffix(".zarr"))),
            "predictions": ([f"{predicted}/volumes/*/[0-9]*"], lambda path: _arrays(_in_zarr(path))),
            "descriptions of predictions": ([f"{predicted}{each}" for each in described], self._predicted),
            "instances": ([f"{test}/instanced/*/*/*.hdf"], lambda path: (_whole(stored_instances(path)), read_instances(path).tobytes(), _hdf(path))),
            "centers of instances": ([f"{test}/instanced/*/*/*.csv"], self._centers),
            "scores": ([f"{test}/evaluated/*/*/*.toml"], lambda path: (_whole(stored_toml(path)), read_table(path))),
            "tables and pictures": ([f"{test}/evaluated/*/*/*.csv", f"{test}/evaluated/*/*/*.png", f"{test}/evaluated/*/*/*.txt", f"{name}/val/cross*.csv", f"{name}/report.html"], lambda path: (_whole(stored_beside(path)), path.read_bytes())),
            "records beside tables": ([f"{test}/evaluated/*/*/made_from.json", f"{name}/val/made_from.json"], self._ledger),
            "scores of validation": ([f"{name}/val/scores.csv"], lambda path: read_scores(path, self._experiment.method.params, self._experiment.metric)),
            "selection": ([f"{name}/val/selection.toml"], lambda path: (_whole(stored_selection(self._experiment)), read_selection(self._experiment))),
            "checkpoints": ([f"{train}/checkpoints/*.keras"], _checkpoint),
            "record of the training": ([f"{train}/made_from.json"], self._training),
            "logs of the training": ([f"{train}/log.csv", f"{train}/validation.csv"], self._log),
            "snapshots": ([f"{train}/snapshots/*.hdf"], _hdf),
            "networks": ([f"{train}/network.json", f"{train}/network.txt"], self._networks),
            "configuration": ([f"{name}/config.toml"], self._configuration),
            "records of results": ([f"{name}/records.json"], self._records),
            "record of commands": ([f"{name}/provenance.json"], lambda path: Document.read(path).commands),
            "exports": ([f"{exported}.tif", f"{exported}.csv", f"{exported}.json"], self._exported),
            "exported arrays": ([f"{exported}.ome.zarr/**/[.0-9]*"], lambda path: _arrays(_in_zarr(path))),
        }  # fmt: skip
        self.files = {kind: sorted(path for pattern in patterns for path in root.glob(pattern) if path.is_file()) for kind, (patterns, _) in self.kinds.items()}  # fmt: skip

    @property
    def _experiment(self) -> Experiment:
        return Experiment(self.folder, self.config)

    def read(self, kind: str, path: Path) -> Any:
        return self.kinds[kind][1](path)

    def _predicted(self, path: Path) -> Any:
        place = _in_zarr(path)
        return _whole(stored_zarr(place)), _arrays(place)

    def _centers(self, path: Path) -> Any:
        instances = path.with_suffix(".hdf")
        return _whole(stored_instances(instances)), read_centers(centers_path(instances)).tobytes()

    def _ledger(self, path: Path) -> Any:
        files = [each for each in path.parent.iterdir() if each.suffix in (".csv", ".png", ".txt")]
        return [_whole(stored_beside(each)) for each in sorted(files)]

    def _training(self, path: Path) -> Any:
        record = training_record(self._experiment)
        if record is None:
            raise InputError("no record")
        return record

    def _log(self, path: Path) -> Any:
        if problem := log_problem(self._experiment, path.name):
            raise InputError(problem)
        return path.read_bytes()

    def _networks(self, path: Path) -> Any:
        places = (path.with_name("network.json"), path.with_name("network.txt"))
        return _whole(stored_description(*places)), json.loads(places[0].read_text()), places[1].read_bytes()

    def _configuration(self, path: Path) -> Any:
        refuse_edited(path)
        return load([ConfigFile.read(path)])

    def _records(self, path: Path) -> Any:
        records = Records(path)
        if records.problem:
            raise InputError(records.problem)
        return {key: records.whole({"sample": key}) for key in json.loads(path.read_text())}

    def _exported(self, path: Path) -> Any:
        volume = next(path.parent.glob("*.ome.zarr"))
        name = volume.name.removesuffix(".ome.zarr")
        files = [next(path.parent.glob(f"{name}{end}")) for end in (".tif", "_objects.csv", "*.json")]
        return _whole(stored_export(volume, *files)), [each.read_bytes() for each in files]


def flips(root: Path, name: str, number: int, seed: int) -> dict[str, Counter[str]]:
    """Flip a random bit of a random file of each kind, so many times; what came of it."""
    readers, rng, found = Readers(root, name), random.Random(seed), {}
    for kind, files in readers.files.items():
        if not files:
            continue
        expected: dict[Path, Any] = {}
        found[kind] = Counter({NOTICED: 0, HARMLESS: 0, SILENT: 0})
        for _ in range(number):
            path = rng.choice(files)
            bit = rng.randrange(8 * path.stat().st_size)
            if path not in expected:
                expected[path] = readers.read(kind, path)
            flip(path, bit)
            try:
                outcome = HARMLESS if readers.read(kind, path) == expected[path] else SILENT
            except InputError:
                outcome = NOTICED
            # What a result was made from is no longer what it is to be: it is stale, and that is told.
            if outcome == SILENT and kind in TOLD:
                outcome = NOTICED
            if outcome == SILENT:
                print(f"{kind}: bit {bit} of {path}")
            found[kind][outcome] += 1
            flip(path, bit)
    return found


TOLD = ("records beside tables",)
"""Kinds of which another content is told as a difference between records."""


def table(found: dict[str, Counter[str]]) -> str:
    lines = [f"{'':28s}{NOTICED:>10s}{HARMLESS:>10s}{SILENT:>16s}"]
    total = sum(found.values(), Counter())
    for kind, counts in {**found, "all": total}.items():
        lines.append(f"{kind:28s}{counts[NOTICED]:10d}{counts[HARMLESS]:10d}{counts[SILENT]:16d}")
    return "\n".join(lines)
