import numpy as np
import pytest

from auxcpvloss.methods import method_of
from auxcpvloss.network.checkpoint import DamagedCheckpointError, load_checkpoint, read_notes
from auxcpvloss.network.compiled import build_network
from auxcpvloss.network.mean import write_mean
from auxcpvloss.system.errors import InputError
from tests.network.small import small, trainer

CONFIG = small(model={"normalization": "batch"}, optimizer={"average": 0.9})


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Checkpoints 1 to 3 of a training, and their weights; moving variances are among them."""
    folder, rng = tmp_path_factory.mktemp("saved"), np.random.default_rng(0)
    training = trainer(CONFIG)
    paths, weights = [], []
    for number in (1, 2, 3):
        weights.append([rng.random(each.shape).astype(np.float32) for each in training.network.get_weights()])
        training.network.set_weights(weights[-1])
        for average in training.network.optimizer.variables:
            if "average_" in average.path:
                average.assign(weights[-1][int(average.path.rpartition("average_")[2])])
        paths.append(folder / f"{number}.keras")
        training.save(paths[-1], {"log": number})
    return paths, weights


def test_the_mean_of_weights_predicts_but_is_nothing_to_train_on_from(saved, tmp_path):
    paths, weights = saved
    write_mean(tmp_path / "mean.keras", paths, {"mean_of": 3})
    network = build_network(CONFIG, method_of(CONFIG), CONFIG.model.train_input_shape)
    assert load_checkpoint(network, tmp_path / "mean.keras") == {"mean_of": 3} == read_notes(tmp_path / "mean.keras")
    for mean, *each in zip(network.get_weights(), *weights, strict=True):
        np.testing.assert_array_equal(mean, np.mean(np.array(each, float), axis=0).astype(np.float32))
    assert (tmp_path / "mean.keras").stat().st_size < paths[0].stat().st_size
    write_mean(tmp_path / "again.keras", paths, {"mean_of": 3})
    assert (tmp_path / "again.keras").read_bytes() == (tmp_path / "mean.keras").read_bytes()
    training = trainer(CONFIG, initial=tmp_path / "mean.keras")
    assert (training.loaded.left, len(training.loaded.layers)) == (
        {},
        sum(bool(each.weights) for each in network.layers),
    )
    with pytest.raises(InputError, match=r"mean\.keras: does not fit the network"):
        training.load(tmp_path / "mean.keras")


def test_no_mean_is_made_of_a_damaged_checkpoint(saved, tmp_path):
    (one, other, _), _ = saved
    damaged = tmp_path / "2.keras"
    damaged.write_bytes(other.read_bytes()[:-100])
    with pytest.raises(DamagedCheckpointError, match=r"2\.keras: damaged"):
        write_mean(tmp_path / "mean.keras", [one, damaged], {})
    assert not (tmp_path / "mean.keras").exists()
