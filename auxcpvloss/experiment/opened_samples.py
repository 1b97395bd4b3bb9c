"""Prepared volumes that an experiment has opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from auxcpvloss.data.open_samples import hold_sample, open_sample
from auxcpvloss.data.samples import Sample


@dataclass(frozen=True)
class OpenedSamples:
    """Prepared volumes by their paths, each opened once, until it is made anew."""

    _opened: dict[Path, Sample] = field(default_factory=dict)
    _held: set[Path] = field(default_factory=set)

    def open(self, path: Path) -> Sample | None:
        """Open a volume; None where it is not prepared."""
        if path not in self._opened and (sample := open_sample(path)) is not None:
            self._opened[path] = sample
        return self._opened.get(path)

    def hold(self, path: Path) -> Sample | None:
        """Open a volume, and keep other processes from replacing it."""
        if path not in self._held and (sample := hold_sample(path)) is not None:
            self._opened[path] = sample
            self._held.add(path)
        return self._opened.get(path)

    def forget(self, path: Path) -> None:
        """Open a volume again the next time, since it was made anew."""
        self._opened.pop(path, None)
        self._held.discard(path)
