"""The volumes of an experiment: which they are, where they lie, and each opened once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auxcpvloss.data.denoised import DENOISED
from auxcpvloss.data.open_samples import open_sample
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.verify import check_planes
from auxcpvloss.experiment.configured import TEST, Configured
from auxcpvloss.experiment.data_folder import data_folder
from auxcpvloss.experiment.opened_samples import OpenedSamples
from auxcpvloss.experiment.splits import Volume, candidates, is_drawn, serving
from auxcpvloss.system.errors import InputError


@dataclass(frozen=True)
class WithVolumes(Configured):
    """The folder of an experiment, with the volumes that it is about."""

    _listed: dict[str, dict[str, str]] = field(default_factory=dict, init=False, compare=False, repr=False)
    _samples: OpenedSamples = field(default_factory=OpenedSamples, init=False, compare=False, repr=False)

    def data_folder(self, split: str) -> Path:
        """Folder of the prepared volumes of a split, shared by the experiments under the same root."""
        return data_folder(self.folder.parent, self.config, split)

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
