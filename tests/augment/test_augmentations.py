"""What every augmentation has to fulfil, and how they are combined."""

import numpy as np
import pytest

from auxcpvloss.augment import AUGMENTATIONS, switched_off
from auxcpvloss.config import ConfigFile, defaults
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.training_record import training_keys
from auxcpvloss.methods import METHODS
from auxcpvloss.pipeline.batch_maker import BatchMaker
from auxcpvloss.system.errors import InputError
from tests.conftest import blobs, configure, make_sample
from tests.pipeline.test_batch_maker import SMALL

ON = {each.name: {key: field.examples[0] for key, field in each.table.model_fields.items()} for each in AUGMENTATIONS}
CHANGING = [each.name for each in AUGMENTATIONS if each.change is not None]


def config_of(augmentation, model=SMALL):
    return configure(model=model, training={"augmentation": augmentation})


def same(one, other):
    arrays = [(one.raw, other.raw), (one.region, other.region), *((one.targets[k], other.targets[k]) for k in one.targets)]  # fmt: skip
    return all(np.array_equal(a, b) for a, b in arrays)


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    labels = blobs((40, 44, 48), 30, seed=1)
    raw = np.random.default_rng(0).random(labels.shape).astype(np.float32)
    sample = make_sample(tmp_path_factory.mktemp("sample"), raw, labels)

    def make(config, number=3):
        return BatchMaker([sample], METHODS["threeclass_cpv"], config).make(number)

    make.raw = raw
    return make


@pytest.mark.parametrize("augmentation", AUGMENTATIONS, ids=ON)
def test_every_key_has_a_default_a_description_and_an_example(augmentation):
    shipped = defaults().tables["training"]["augmentation"].get(augmentation.name, {})
    assert augmentation.table.model_validate(shipped) == augmentation.table()
    for field in augmentation.table.model_fields.values():
        assert field.description
        assert not field.is_required()
        assert field.examples[0] != field.get_default(call_default_factory=True)
    assert augmentation.is_on(config_of(ON))
    assert not augmentation.is_on(switched_off(config_of(ON)))


def test_switched_off_patches_are_cut_out_of_the_volume(make):
    config = switched_off(config_of({**ON, "one_of": [CHANGING] if len(CHANGING) > 1 else []}))
    assert config.training.augmentation.one_of == []
    patch = make(config).raw[0, 0, 9:-9, 9:-9, 9:-9]
    windows = np.lib.stride_tricks.sliding_window_view(make.raw, patch.shape)
    assert np.isclose(windows, patch, atol=1e-6).all(axis=(3, 4, 5)).sum() == 1


def test_those_that_are_off_take_no_part(make):
    """Whatever their other keys are: no bit of a batch changes, and no random number is drawn."""
    off = {name: {**table, "probability": 0.0} for name, table in ON.items() if "probability" in table}
    assert same(make(config_of(off)), make(config_of({})))


@pytest.mark.parametrize("name", ON)
def test_each_changes_patches_repeatably(make, name):
    config = config_of({name: {**ON[name], **({"probability": 1.0} if "probability" in ON[name] else {})}})
    batch = make(config)
    np.random.seed(1)  # noqa: NPY002
    assert same(batch, make(config))
    assert not np.array_equal(batch.raw, make(config_of({})).raw)
    assert batch.raw.dtype == np.float32


def test_all_of_them_go_together_and_images_can_be_augmented(make, tmp_path):
    assert np.isfinite(make(config_of(ON)).raw).all()
    labels = blobs((1, 60, 70), 25, seed=0)
    sample = make_sample(tmp_path, labels > 0, labels)
    images = {"ndim": 2, **{key: value[-2:] if "shape" in key else value for key, value in SMALL.items()}}
    images["downsample_factors"] = [[2, 2]]
    maker = BatchMaker([sample], METHODS["threeclass_cpv"], config_of(ON, images))
    for number in range(5):
        batch = maker.make(number)
        assert batch.raw.shape == (1, 1, 1, 28, 28)
        assert np.isfinite(batch.raw).all()
        assert batch.raw.std() > 0


def test_of_a_group_one_is_drawn(make):
    """A missing plane and a constant added to all voxels tell which."""
    on = {
        "contrast": {"probability": 1.0, "factor": [0.01, 0.01]},
        "gaussian_noise": {"probability": 1.0, "sigma": [9, 9]},
        "elastic": {"jitter_sigma": [0, 0, 0], "rotation_min": 0, "rotation_max": 0},
    }
    assert np.allclose([make(config_of(on), number).raw.std() for number in range(3)], 9, rtol=0.05)
    alone = np.array([make(config_of({**on, "one_of": [["contrast", "gaussian_noise"]]}), n).raw.std() for n in range(20)])  # fmt: skip
    assert 4 < (alone < 0.1).sum() < 16
    assert (np.abs(alone - 9) < 0.5).sum() == 20 - (alone < 0.1).sum()


GROUPS = {
    "['gamma']: a group needs at least two augmentations": [["gamma"]],
    "'contrast' is off; set training.augmentation.contrast.probability above 0": [["gamma", "contrast"]],
    "'gamma' is named more than once": [["gamma", "defect"], ["gamma", "defect"]],
    "'zoom' cannot be drawn from a group; these can: gaussian_blur, contrast,": [["gamma", "zoom"]],
    "must be a list, not 'gamma'": ["gamma"],
}


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"gamma": {"exponent": [2, 1]}}, "gamma.exponent: the first number must not be above the second, not [2.0, 1.0]"),
        ({"gamma": {"exponent": [0, 1]}}, "gamma.exponent: input should be greater than or equal to 0.01, not 0"),
        ({"noise": {"probability": 1}}, "noise: unknown key; known: one_of, elastic, zoom,"),
        ({"zoom": 2}, "zoom: must be a table, not 2"),
        *(({"one_of": groups}, f"one_of: {expected}") for expected, groups in GROUPS.items()),
    ],
)  # fmt: skip
def test_wrong_keys_are_refused(table, expected):
    on = {"gamma": {"probability": 0.5}, "defect": {"probability": 0.5}}
    with pytest.raises(InputError) as error:
        load([ConfigFile("my.toml", {"training": {"augmentation": on | table}})])
    assert f"my.toml: training.augmentation.{expected}" in str(error.value)


def test_other_keys_of_an_augmentation_that_is_off_are_not_recorded(tmp_path):
    def recorded(**gamma):
        return training_keys(Experiment(tmp_path, config_of({"gamma": gamma})))

    assert recorded(exponent=[0.1, 9]) == recorded()
    assert recorded(exponent=[0.1, 9], probability=0.1) != recorded(probability=0.1) != recorded()
