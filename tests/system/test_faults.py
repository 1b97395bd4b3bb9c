"""Errors of the machine, in whatever form libraries raise them."""

import errno
import logging
import os
import sys

import gunpowder as gp
import h5py
import numpy as np
import pytest

from auxcpvloss.system.errors import InputError
from auxcpvloss.system.faults import FULL, disk_full, in_words, no_memory, out_of_memory, system_error, unwrapping
from auxcpvloss.system.terminal import logging_to


def wrapped(error: Exception) -> Exception:
    try:
        try:
            raise error
        except Exception:
            raise KeyError("while it was told") from None
    except KeyError as outer:
        return outer


@pytest.mark.parametrize("number", FULL)
def test_a_full_disk_is_known_in_any_form(number):
    told = OSError(f"Can't synchronously write data (file write failed: errno = {number}, error message = '...')")
    for error in (OSError(number, "any"), told, RuntimeError(f"Failed to flush: {os.strerror(number)}"), wrapped(told)):
        assert disk_full(error) == number
        assert not out_of_memory(error)
        said = in_words(system_error(error), "/root") if isinstance(error, OSError) and error.errno else None
        assert said is None or said.startswith(f"/root: {FULL[number]}. Finished results are kept")
    assert disk_full(OSError(errno.EACCES, "no")) is None
    assert system_error(KeyError("x")) is None


def test_what_h5py_says_of_a_full_disk_is_known():
    with pytest.raises(OSError) as told, h5py.File("/dev/full", "w") as file:  # noqa: PT011
        file.create_dataset("a", data=np.zeros(10))
    assert disk_full(told.value) == errno.ENOSPC or told.value.errno == errno.EINVAL


def test_lack_of_memory_is_known_in_any_form():
    import tensorflow as tf

    with pytest.raises(MemoryError) as told:
        np.zeros(2**55)
    graphics = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[1,2]")
    for error in (told.value, graphics, OSError(errno.ENOMEM, "any"), wrapped(told.value)):
        assert out_of_memory(error)
    assert not out_of_memory(tf.errors.ResourceExhaustedError(None, None, "events: No space left on device"))
    assert not out_of_memory(KeyError("x"))
    assert "lower model.train_input_shape" in no_memory("train")


class Failing(gp.BatchProvider):
    def __init__(self, key):
        self.key = key

    def setup(self):
        self.provides(self.key, gp.ArraySpec(roi=gp.Roi((0,), (9,)), voxel_size=(1,)))

    def provide(self, request):
        raise InputError("a.zarr: damaged")


def test_errors_come_out_of_gunpowder_as_they_went_in():
    key = gp.ArrayKey("A")
    request = gp.BatchRequest()
    request.add(key, (3,))
    pipeline = Failing(key) + gp.Pad(key, None)
    with pytest.raises(InputError, match=r"^a\.zarr: damaged$"), unwrapping(), gp.build(pipeline):
        pipeline.request_batch(request)


def test_a_log_on_a_full_disk_goes_silent(tmp_path, capfd):
    (tmp_path / "run.log").symlink_to("/dev/full")
    with logging_to(tmp_path / "run.log", "info"):
        logging.getLogger("auxcpvloss").info("something")
        print("an answer", file=sys.stderr)
    assert capfd.readouterr().err == "an answer\n"
