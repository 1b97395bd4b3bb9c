"""Where batches and tiles are read from."""

from __future__ import annotations

from collections.abc import Mapping

import gunpowder as gp

from auxcpvloss.data.missing_chunks import intact
from auxcpvloss.data.samples import Sample
from auxcpvloss.data.whole_store import WholeStore


class SampleSource(gp.ZarrSource):
    """Read a prepared sample, of which nothing may be missing.

    Parameters
    ----------
    sample : Sample
    names : mapping of array key to name of the array
    specs : mapping of array key to ArraySpec
    """

    def __init__(
        self, sample: Sample, names: Mapping[gp.ArrayKey, str | None], specs: Mapping[gp.ArrayKey, gp.ArraySpec]
    ) -> None:
        super().__init__(WholeStore(str(sample.path)), names, specs)
        self.path = sample.path

    def provide(self, request: gp.BatchRequest) -> gp.Batch:
        """Read what is asked for; an `InputError` where it is missing or damaged."""
        with intact(self.path):
            return super().provide(request)
