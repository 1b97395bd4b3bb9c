"""An experiment: one folder, its configuration, and where everything in it is."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field, fields
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from auxcpvloss.config import Config
from auxcpvloss.data.degrade import of_split, record_of
from auxcpvloss.data.denoised import DENOISED
from auxcpvloss.data.open_samples import open_sample
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.sources.find import Catalogue
from auxcpvloss.data.verify import check_planes
from auxcpvloss.experiment.checkpoints import Checkpoints
from auxcpvloss.experiment.configuration import YOUNGER
from auxcpvloss.experiment.fingerprint import Records
from auxcpvloss.experiment.means import Checkpoint
from auxcpvloss.experiment.opened_samples import OpenedSamples
from auxcpvloss.experiment.record_keys import relevant
from auxcpvloss.experiment.splits import Volume, candidates, is_drawn, serving
from auxcpvloss.methods import Method, Params, method_of
from auxcpvloss.methods.external import Given
from auxcpvloss.system.errors import InputError

TEST = "test"
"""Folder of the results of the test volumes."""

RECORDS = "records.json"
"""File of what results were made from."""


@dataclass(frozen=True)
class Experiment:
    """The folder of an experiment and its effective configuration.

    Attributes
    ----------
    folder : Path
    config : Config
    other_test : str
        Folder, in `TEST`, of the results of other test volumes than those of the experiment itself; "" for its own.
    """

    folder: Path
    config: Config
    other_test: str = ""
    _listed: dict[str, dict[str, str]] = field(default_factory=dict, init=False, compare=False, repr=False)
    _samples: OpenedSamples = field(default_factory=OpenedSamples, init=False, compare=False, repr=False)

    @cached_property
    def records(self) -> Records:
        """What its results were made from."""
        return Records(self.folder / RECORDS)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The volumes of its data, each place listed once."""
        return Catalogue(self.config.data)

    @cached_property
    def method(self) -> Method:
        """The method, with its auxiliary tasks."""
        return method_of(self.config)

    @property
    def model_name(self) -> str:
        """What made the instances, for people: the method, or the name of another program."""
        return self.method.name if self.method.has_network else Given.by(self.config).name

    @property
    def params(self) -> Params:
        """The parameters of [postprocessing]."""
        return self.config.params(self.method.params)

    @property
    def is_detection(self) -> bool:
        """Whether the task is to find nuclei, rather than to outline them."""
        return self.config.evaluation.do_detection or self.method.task == "detection"

    @property
    def metric(self) -> str:
        """Path of the number in a sample's evaluation that decides in validation."""
        table = self.config.evaluation
        if table.metric != "auto":
            return table.metric
        return f"confusion_matrix.{table.detection}.AP" if self.is_detection else "confusion_matrix.th_0_5.AP"

    # Data: prepared once for all experiments on it, in a folder named by what it is made from.

    def data_folder(self, split: str) -> Path:
        """Folder of the prepared volumes of a split, shared by the experiments under the same root."""
        # Folds choose among prepared volumes; the unit is for what is made of results; a format that is named or
        # detected is the same; and what is permitted changes nothing.
        alike = {"num_folds", "use", "use_val", "use_seed", "allow_repeats", "fill_chunks", "voxel_unit", "test_format"}
        alike |= {"degrade"}
        alike |= set() if split == TEST else {"test_voxel_size"}
        # They tell which volumes of a flat folder the split has.
        alike |= {"groups"} if getattr(self.config.data, f"{split}_data") else set()
        data = self.config.data.model_dump(mode="json", exclude=alike)
        # Made worse are the volumes of some splits alone.
        data = _without_younger(data, "data") | record_of(of_split(self.config.data.degrade, split))
        keys = ("path", "train_data", "val_data", "test_data", "unlabelled_data", "available_at")
        places = {key: data.pop(key, "") for key in keys}
        place = str(places[f"{split}_data"] or places["path"])
        text = json.dumps([place, data, relevant(self.config.preprocessing.model_dump(mode="json"))], sort_keys=True)
        # So short that with the rest it is the name of a folder, whatever its letters.
        name = Path(place).stem[:50] or self.config.data.input_format
        return self.folder.parent / "data" / f"{name}-{sha256(text.encode()).hexdigest()[:8]}" / split

    def sample_path(self, volume: Volume) -> Path:
        """Where a volume is prepared: beside those of the split that its source lies in."""
        return self.data_folder(volume.split) / f"{volume.name}.zarr"

    def denoised_path(self, volume: Volume) -> Path:
        """Where the stage denoise writes a volume."""
        folder = self.folder / DENOISED / volume.split / (self.other_test if volume.split == TEST else "")
        return folder / f"{volume.name}.zarr"

    def used_path(self, volume: Volume) -> Path:
        """Where a volume lies as the stages after denoise take it: denoised, if the scheme asks for that."""
        return self.denoised_path(volume) if self.config.scheme.denoises else self.sample_path(volume)

    def samples(self, split: str) -> list[Sample]:
        """Give the volumes that serve for training, validation or test: prepared, and denoised if the scheme says so.

        An `InputError` says if one is not prepared, or no image where ``model.ndim`` = 2 asks for images.
        """
        volumes = self.volumes(split)
        if missing := [volume for volume in volumes if self._samples.hold(self.used_path(volume)) is None]:
            raise self._not_prepared(missing)
        return [self.sample(volume) for volume in volumes]

    def sample(self, volume: Volume) -> Sample:
        """Give a volume as `samples` does; errors are those of it."""
        return self._held(volume, self.used_path(volume))

    def volume_record(self, sample: Sample, recorded: Any = None) -> dict[str, Any]:
        """Give what the weights depend on of a training volume; `recorded` is what their record has of it, if any."""
        return sample.made_from

    def noisy(self, volume: Volume) -> Sample:
        """Give a prepared volume as it is before the stage denoise; errors are those of `samples`."""
        return self._held(volume, self.sample_path(volume))

    def _held(self, volume: Volume, path: Path) -> Sample:
        if (sample := self._samples.hold(path)) is None:
            raise self._not_prepared([volume])
        # Another experiment, of volumes, may have prepared it.
        check_planes(str(sample.path), sample.shape[0], self.config.model.ndim)
        return sample

    def _not_prepared(self, missing: list[Volume]) -> InputError:
        names = ", ".join(volume.name for volume in missing)
        if self.config.scheme.denoises and all(self.prepared(volume) for volume in missing):
            return InputError(f"{self.folder / DENOISED}: not denoised: {names}. Run the stage denoise.")
        return InputError(f"{self.data_folder(missing[0].split)}: not prepared: {names}. Run the stage prepare.")

    def prepared(self, volume: Volume) -> Sample | None:
        """Open a prepared volume, once; None where it is not prepared."""
        return self._samples.open(self.sample_path(volume))

    def denoised(self, volume: Volume) -> Sample | None:
        """Open a denoised volume, once; None where it is not denoised."""
        return self._samples.open(self.denoised_path(volume))

    def forget(self, path: Path) -> None:
        """Open a prepared volume again, since it was made anew."""
        self._samples.forget(path)

    def names(self, split: str) -> list[str]:
        """Names of the volumes that serve for training, validation or test, prepared or not."""
        return [volume.name for volume in self.volumes(split)]

    def volumes(self, split: str) -> list[Volume]:
        """Give the volumes that serve for training, validation or test, prepared or not; see `splits.serving`."""
        return serving(split, self.config, self._listing)

    def candidates(self, split: str) -> list[Volume]:
        """Give the volumes of which those that serve were drawn (data.use); all of them, where they were not."""
        return candidates(split, self.config, self._listing)

    def _listing(self, split: str) -> dict[str, str]:
        """Give the names and origins of the volumes of a split of the data, listed once."""
        if split not in self._listed:
            try:
                found = {source.name: source.origin for source in self.catalogue.sources(split)}
            except InputError:
                if split != TEST and is_drawn(self.config.data):
                    # Of all that there are; of these the prepared ones may be a part.
                    raise
                # If the volumes were prepared on another machine, their sources need not be on this one.
                samples = [open_sample(path) for path in self.data_folder(split).glob("[!.]*.zarr")]
                if not (found := {sample.name: sample.origin for sample in samples if sample is not None}):
                    raise
            self._listed[split] = found
        return self._listed[split]

    # Training.

    @property
    def is_ensemble(self) -> bool:
        """Whether it averages the predictions of others (``prediction.ensemble``), and is not trained."""
        return bool(self.config.prediction.ensemble)

    @property
    def train_folder(self) -> Path:
        """Checkpoints, logs, snapshots and the description of the networks."""
        return self.folder / "train"

    @property
    def checkpoints(self) -> Checkpoints:
        """The weights that its training wrote."""
        return Checkpoints(self.train_folder, self.is_ensemble)

    @property
    def is_trained(self) -> bool:
        """Whether there are weights: of an iteration that checkpoints are asked for, or of a training cut short."""
        return any(path for kind in ("checkpoints", "resume") for path in self.train_folder.glob(f"{kind}/[!.]*.keras"))

    @property
    def newest_snapshot(self) -> Path | None:
        """File of the newest batch that the training kept."""
        return max((self.train_folder / "snapshots").glob("batch_*.hdf"), default=None)

    def __getstate__(self) -> dict[str, Any]:
        # Another process works on the volumes that this one has opened.
        return {field.name: getattr(self, field.name) for field in fields(self)}

    # Results.

    @property
    def validation_split(self) -> str:
        """Folder of the results of validation; apart where the volumes are those that the network was trained on."""
        return "val_on_train" if self.config.validation.on_train else "val"

    def results(self, split: str) -> Path:
        """Folder of the results of a split."""
        return self.folder / split / (self.other_test if split == TEST else "")

    def predicted(self, split: str) -> list[int]:
        """Iterations of checkpoints that predictions of a split were made with, in order."""
        # Not those that are being written.
        found = (self.results(split) / "processed").glob("*/[!.]*.zarr")
        return sorted({int(path.parent.name) for path in found if path.parent.name.isdecimal()})

    @property
    def is_predicted(self) -> bool:
        """Whether there are predictions, for which no weights are needed."""
        return any(self.predicted(split) for split in (TEST, self.validation_split))

    def usable_checkpoints(self, split: str) -> list[int]:
        """Iterations to go on from: checkpoints, or where they were not brought along, what was predicted with them."""
        return self.checkpoints.iterations() or self.predicted(split)

    def need_usable(self, split: str, checkpoint: Checkpoint) -> None:
        """Refuse a checkpoint that does not exist (see `Checkpoints.need`) and has left no predictions of a split."""
        if not any(self.processed(split, checkpoint, "any").parent.glob("[!.]*.zarr")):
            self.checkpoints.need(checkpoint)

    def processed(self, split: str, checkpoint: Checkpoint, sample: str) -> Path:
        """Prediction of a sample."""
        return self.results(split) / "processed" / str(checkpoint) / f"{sample}.zarr"

    def instanced(self, split: str, checkpoint: Checkpoint, params: Params, sample: str) -> Path:
        """Instances of a sample."""
        suffix = "hdf" if self.config.postprocessing.output_format == "hdf" else "zarr"
        return self.results(split) / "instanced" / str(checkpoint) / params.slug() / f"{sample}.{suffix}"

    def evaluated(self, split: str, checkpoint: Checkpoint, params: Params) -> Path:
        """Folder of the scores of a split."""
        return self.results(split) / "evaluated" / str(checkpoint) / params.slug()

    def visualized(self, split: str, checkpoint: Checkpoint, params: Params) -> Path:
        """Folder of the pictures of predictions of a split."""
        return self.results(split) / "visualized" / str(checkpoint) / params.slug()

    def exported(self, split: str, checkpoint: Checkpoint, params: Params) -> Path:
        """Folder of the results of a split in the formats of other programs."""
        return self.results(split) / "exported" / str(checkpoint) / params.slug()

    @cached_property
    def was_validated_plainly(self) -> bool:
        """Whether a selection is there that no values were tried for: made before validation tried some by itself.

        Looked at once, since a command that makes it again moves it away.
        """
        try:
            table = tomllib.loads(self.selection_path.read_text(encoding="utf-8"))
            return table["made_from"].get("validation") == {}
        # What is damaged is told where it is read.
        except (OSError, ValueError, LookupError, AttributeError, TypeError):
            return False

    @property
    def report_path(self) -> Path:
        """The page that says how the experiment came out."""
        return (self.results(TEST) if self.other_test else self.folder) / "report.html"

    @property
    def selection_path(self) -> Path:
        """Where validate_checkpoints writes what won."""
        return self.folder / self.validation_split / "selection.toml"


def _without_younger(table: dict[str, Any], name: str) -> dict[str, Any]:
    """Give a table without keys that are younger than the first experiments, at the value implied before."""
    kept = {key: value for key, value in table.items() if YOUNGER.get(f"{name}.{key}", ...) != value}
    inner = {key: _without_younger(each, f"{name}.{key}") for key, each in kept.items() if isinstance(each, dict)}
    return {**kept, **inner}
