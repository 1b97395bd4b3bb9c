"""Checkpoints as files: the same bytes of the same weights, and none that is damaged is believed."""

import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auxcpvloss.network.checkpoint import DamagedCheckpointError, check_checkpoint, load_checkpoint
from auxcpvloss.system.errors import InputError
from tests.network.small import batch, small, state, train, trainer


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A trainer after two iterations, and what it saved."""
    path = tmp_path_factory.mktemp("checkpoint") / "2.keras"
    training = trainer(small())
    for iteration in (1, 2):
        train(training, iteration, batch(iteration))
    training.save(path, {"log": {"sums": {"loss": 0.1 + 0.2}, "count": 3}})
    return training, path


@pytest.mark.parametrize("architecture", ["unet", "residual_unet", "fpn"])
def test_no_address_in_memory_is_in_a_file(tmp_path, architecture):
    """Keras writes one of whatever layers share, such as an initializer: another one in every process."""
    model = {"architecture": architecture, "padding": "same", "train_input_shape": [16, 16, 16]}
    trainer(small(model=model)).save(tmp_path / "0.keras")
    with zipfile.ZipFile(tmp_path / "0.keras") as file:
        assert b"shared_object_id" not in file.read("config.json")


def test_equal_weights_make_equal_files(checkpoint, tmp_path):
    """Whatever was built before, and whenever."""
    training, path = checkpoint
    training.save(tmp_path / "again.keras", {"log": {"sums": {"loss": 0.1 + 0.2}, "count": 3}})
    assert (tmp_path / "again.keras").read_bytes() == path.read_bytes()
    other = trainer(small())
    notes = other.load(path)
    assert notes == {"log": {"sums": {"loss": 0.1 + 0.2}, "count": 3}}
    other.save(tmp_path / "other.keras", notes)
    assert (tmp_path / "other.keras").read_bytes() == path.read_bytes()
    train(other, 3, batch(3))
    other.save(tmp_path / "third.keras", notes)
    assert (tmp_path / "third.keras").read_bytes() != path.read_bytes()


def test_one_from_before_there_were_notes_is_loaded(checkpoint, tmp_path):
    training, _ = checkpoint
    training.network.save(tmp_path / "old.keras")
    other = trainer(small())
    assert other.load(tmp_path / "old.keras") == {}
    for one, another in zip(state(training), state(other), strict=True):
        np.testing.assert_array_equal(one, another)


@given(data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_flipped_bit_changes_what_is_loaded(checkpoint, tmp_path, data):
    """It is found, or it is where it does no harm (dates, say)."""
    _, path = checkpoint
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1) | st.integers(len(whole) - 600, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    damaged = tmp_path / "damaged.keras"
    damaged.write_bytes(changed)
    try:
        check_checkpoint(damaged)
    except DamagedCheckpointError:
        return
    with zipfile.ZipFile(damaged) as one, zipfile.ZipFile(path) as other:
        assert one.namelist() == other.namelist()
        assert all(one.read(name) == other.read(name) for name in other.namelist())


def test_a_member_that_a_flipped_bit_hides_is_missed(checkpoint, tmp_path):
    _, path = checkpoint
    changed = bytearray(path.read_bytes())
    last = changed.rfind(b"PK\1\2")
    # The length of the comment of the member before: it swallows the last one.
    changed[changed.rfind(b"PK\1\2", 0, last) + 32] ^= 64
    damaged = tmp_path / "damaged.keras"
    damaged.write_bytes(changed)
    with zipfile.ZipFile(damaged) as archive:
        assert len(archive.namelist()) == 3
    with pytest.raises(DamagedCheckpointError, match="it lists 4 members but contains 3"):
        check_checkpoint(damaged)


@pytest.mark.parametrize("length", [0, 10, 0.5, 0.999])
def test_a_file_that_was_cut_is_damaged(checkpoint, tmp_path, length):
    _, path = checkpoint
    whole = path.read_bytes()
    cut = tmp_path / "cut.keras"
    cut.write_bytes(whole[: length if isinstance(length, int) else int(len(whole) * length)])
    with pytest.raises(DamagedCheckpointError, match=r"cut\.keras: damaged: "):
        check_checkpoint(cut)


@pytest.mark.parametrize("change", [{"model": {"num_fmaps": 3}}, {"optimizer": {"optimizer": "SGD"}}], ids=["network", "optimizer"])  # fmt: skip
def test_a_whole_one_of_something_else_is_refused(checkpoint, change):
    """Also where Keras would only warn, and begin with a new optimizer."""
    _, path = checkpoint
    with pytest.raises(InputError, match=r"2\.keras: does not fit the network of this experiment: "):
        load_checkpoint(trainer(small(**change)).network, path)


def test_one_that_is_not_there_is_not_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        check_checkpoint(tmp_path / "none.keras")
