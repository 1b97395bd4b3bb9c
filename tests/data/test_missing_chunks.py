"""What is lost from a prepared volume is told, and never taken for zeros."""

import time
from collections import deque
from pathlib import Path

import numpy as np
import pytest
import zarr

from auxcpvloss.data.missing_chunks import lacking_chunks, open_whole, read
from auxcpvloss.data.open_samples import open_sample
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.methods import method_of
from auxcpvloss.network.architectures import geometry
from auxcpvloss.network.tiling import tile_volume
from auxcpvloss.pipeline.batch_maker import BatchMaker
from auxcpvloss.pipeline.batches import batches
from auxcpvloss.pipeline.scan import scan_volume
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume.prediction import prediction_keys
from auxcpvloss.system.errors import InputError
from tests.conftest import configure
from tests.stages.running import perform


def remove(chunk: Path) -> None:
    chunk.unlink()


def cut(chunk: Path) -> None:
    chunk.write_bytes(chunk.read_bytes()[:-50])


def garble(chunk: Path) -> None:
    chunk.write_bytes(b"\xff" * chunk.stat().st_size)


DAMAGES = pytest.mark.parametrize(("damage", "said"), [(remove, "is missing"), (cut, "cannot be read"), (garble, "cannot be read")])  # fmt: skip
CHUNK = "volumes/raw/0.0.0"


@DAMAGES
def test_damage_is_told_when_it_is_read(sample, damage, said):
    assert read(sample.raw).shape == sample.shape
    damage(sample.path / CHUNK)
    with pytest.raises(InputError, match=f"{sample.path}.*{said}.*Remove .* and repeat the command to create it again."):  # fmt: skip
        read(sample.raw)
    # Each reader of libraries has its own way.
    with pytest.raises(InputError, match=f"{said}.*Remove "):
        scan_volume(sample.raw, lambda raw: pytest.fail("predicted"), tiling(sample), {})


def tiling(sample):
    model = configure().model
    return tile_volume(geometry(model), model.test_input_shape, sample.shape)


@DAMAGES
def test_training_on_a_damaged_volume_ends_with_the_error(sample, damage, said):
    config = configure()
    maker = BatchMaker([sample], method_of(config), config)
    damage(sample.path / CHUNK)
    with pytest.raises(InputError, match=f"{sample.path}.*{said}") as told:
        deque(map(maker.make, range(1000)), maxlen=0)
    assert len(str(told.value).splitlines()) == 1


def test_a_process_that_finds_a_volume_damaged_ends_with_the_error(sample):
    remove(sample.path / CHUNK)
    with (
        batches([sample.path], configure(training={"num_workers": 1}), 0, 10_000) as stream,
        pytest.raises(InputError, match=f"no longer whole: {sample.path}"),
    ):
        next(stream)


def test_a_volume_of_which_a_chunk_is_gone_is_prepared_again(sample):
    assert open_sample(sample.path) is not None
    (sample.path / "volumes/gt_labels/0.0.0").unlink()
    assert open_sample(sample.path) is None


def test_chunks_of_zeros_are_written(tmp_path):
    root = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    root.create_dataset("volumes/raw", data=np.zeros((90, 90, 90)), chunks=(16, 16, 16), write_empty_chunks=True)
    root.create_dataset("other", data=np.zeros((3, 3)), chunks=(2, 2), write_empty_chunks=True)
    root = open_whole(tmp_path / "a.zarr")
    began = time.perf_counter()
    assert not lacking_chunks(root)
    assert time.perf_counter() - began < 0.5
    (tmp_path / "a.zarr/other/1.0").unlink()
    assert lacking_chunks(root) == "1 of 4 chunks of other are missing"


def test_a_prediction_of_which_a_tile_is_gone_is_none(prepared, tmp_path):
    """Told by the stages that need it, not labelled as if the network had found nothing there."""
    experiment = Experiment(tmp_path / "tiny", prepared.config)
    (sample,) = prepared.samples("test")
    path = experiment.processed("test", 4, sample.name)
    root = zarr.open_group(str(path), mode="w")
    for head in experiment.method.heads:
        shape = (head.channels, *sample.shape)
        root.zeros(f"volumes/pred_{head.name}", shape=shape, chunks=(1, 20, 40, 60), write_empty_chunks=True)[:] = 0
    heads = [head.name for head in experiment.method.heads]
    keys = {"checkpoint": "", "heads": heads, **prediction_keys(experiment, sample)}
    root.attrs["made_from"] = Run(experiment).records.flat(keys)
    perform(experiment, "label", checkpoint=4)
    instances = experiment.instanced("test", 4, experiment.params, sample.name)
    before = instances.stat().st_mtime_ns
    (path / "volumes/pred_threeclass/0.1.0.0").unlink()
    with pytest.raises(InputError, match=r"Run the stage predict\."):
        perform(experiment, "label", checkpoint=4)
    assert instances.stat().st_mtime_ns == before
