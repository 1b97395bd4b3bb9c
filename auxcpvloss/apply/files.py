"""Images in files, segmented one by one, with the labels and a record of each."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from auxcpvloss.apply.model import Model, Report
from auxcpvloss.config.tables import Data
from auxcpvloss.config.units import Space, Vector
from auxcpvloss.data.sources.source import Image, Source
from auxcpvloss.looking.handover.label_tiff import write_labels
from auxcpvloss.stages.volume import instances, prediction
from auxcpvloss.stages.volume.prediction import checkpoint_digest
from auxcpvloss.system.checksums import file_digest
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import discard, write_text
from auxcpvloss.system.libraries import versions_of

LIBRARIES = tuple(sorted({*prediction.LIBRARIES, *instances.LIBRARIES}))


@dataclass(frozen=True)
class Task:
    """An image, and where its labels are written.

    Attributes
    ----------
    source : Source
    labels : Path
        The TIFF file; the record is beside it.
    read_as : mapping
        Keys of [data] by which the array in the file is found, and prepared.
    """

    source: Source
    labels: Path
    read_as: Mapping[str, Any]

    @property
    def record(self) -> Path:
        """What the labels were made from."""
        return self.labels.with_suffix(".json")

    def run(self, model: Model, voxel_size: Vector | None, overwrite: bool, report: Report) -> str:
        """Segment the image, unless that is done; say what was found.

        Raises
        ------
        InputError
            The image cannot be read or segmented, or other labels are there and are not to be overwritten.
        """
        size = voxel_size or self.source.voxel_size()
        assumed = size or _vector(model.experiment.config.data.voxel_size)
        made_from = self._made_from(model, assumed)
        if not overwrite and (self.labels.exists() or self.record.exists()):
            return self._earlier(made_from)
        began = perf_counter()
        with warnings.catch_warnings():
            # Of other voxels, which is said at the end.
            warnings.simplefilter("ignore", UserWarning)
            found = model.segment(self.source.read_raw(), assumed, report)
        seconds = perf_counter() - began
        nuclei = int(np.count_nonzero(np.bincount(found.reshape(-1))[1:]))
        z, y, x = assumed or (1.0, 1.0, 1.0)
        space = Space((z, y, x), self.source.offset(), model.experiment.config.data.voxel_unit)
        # Never the old record beside the new labels.
        discard(self.record)
        write_labels(self.labels, found, space)
        made = {"made_from": made_from, "made_with": versions_of(*LIBRARIES), "sha256": file_digest(self.labels)}
        about = {
            "image": self.source.origin,
            "model": " + ".join(model.names),
            "checkpoint": model.checkpoint,
            **model.found(),
        }
        table = {**about, "nuclei": nuclei, "shape": found.shape, "seconds": round(seconds, 2), **made}
        write_text(self.record, json.dumps(table, indent=1) + "\n")
        # Only a size that is known is compared with that of the training.
        remark = model.remark_on(size) if size else ""
        details = "".join(f", {key} {value:.1f}" for key, value in model.found().items())
        return f"{nuclei} nuclei{details}, {seconds:.1f} s: {self.labels}{remark and f'; warning: {remark}'}"

    def _made_from(self, model: Model, voxel_size: Sequence[float] | None) -> dict[str, Any]:
        augment = model.experiment.config.prediction.augment
        table = {
            "versions": {each.NAME: each.VERSION for each in (prediction, instances)},
            "image": self.source.checksum(),
            "read as": self.read_as,
            "checkpoint": checkpoint_digest(model.experiment, model.checkpoint),
            "parameters": model.params.with_effect(),
            "voxel_size": voxel_size,
            **({} if augment == "none" else {"prediction.augment": augment}),
            **model.settings,
        }
        plain: dict[str, Any] = json.loads(json.dumps(table))
        return plain

    def _earlier(self, made_from: Mapping[str, Any]) -> str:
        """Say that labels are whole, made from the same image with the same network."""
        try:
            table = json.loads(self.record.read_text(encoding="utf-8"))
            is_same = table["made_from"] == made_from and table["sha256"] == file_digest(self.labels)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            is_same = False
        if not is_same:
            raise InputError(f"{self.labels}: exists, but is not what would be made now; --overwrite replaces it")
        return f"whole already: {self.labels}"


def _vector(size: Sequence[float]) -> Vector | None:
    return (size[0], size[1], size[2]) if size else None


def tasks(images: Mapping[Path, Image], out: Path, data: Data) -> list[Task]:
    """Say where the labels of images are written.

    Raises
    ------
    InputError
        Two images have the same name.
    """
    found: dict[str, Task] = {}
    keys = {"raw_key", "axes", "channel", "padding", "target_voxel_size"}
    read_as = data.model_dump(mode="json", include=keys)
    for path, image in images.items():
        name = path.stem
        if name in found:
            raise InputError(
                f"{found[name].source.origin} and {path}: two images with the same name; segment them one "
                "after the other, into two folders (-o)"
            )
        source = Source(name, str(path.resolve()), image)
        found[name] = Task(source, out / f"{name}_labels.tif", read_as)
    return list(found.values())
