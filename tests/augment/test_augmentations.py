"""What every augmentation has to fulfil, and how they are combined."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.augment import AUGMENTATIONS, switched_off
from auxcpvloss.config import ConfigFile, defaults
from auxcpvloss.config.tables.augmentation import reduced
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
    assert augmentation.table.category
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
    '["gamma"]: a group needs at least two members': [["gamma"]],
    '["defect"]: a group needs at least two members': [["gamma", ["defect"]]],
    '[["gamma", "defect"]]: a group needs at least two members': [[["gamma", "defect"]]],
    "'contrast' is off; set training.augmentation.contrast.probability above 0": [["gamma", "contrast"]],
    "'gamma' is named more than once": [["gamma", "defect"], ["gamma", "defect"]],
    "'gamma' is named more than once.": [["gamma", ["gamma", "defect"]]],
    "'zoom' cannot be drawn from a group; these can: clahe, gaussian_blur,": [["gamma", "zoom"]],
    "must be a list, not 'gamma'": ["gamma"],
    "must be a list, not 7": 7,
    "a group holds names and lists of names, not 7": [["gamma", 7]],
    "a group holds names and lists of names, not (['gamma'],)": [["gamma", [["gamma"]]]],
}


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"gamma": {"exponent": [2, 1]}}, "gamma.exponent: the first number must not be above the second, not [2.0, 1.0]"),
        ({"gamma": {"exponent": [0, 1]}}, "gamma.exponent: input should be greater than or equal to 0.01, not 0"),
        ({"noise": {"probability": 1}}, "noise: unknown key; known: one_of, without, elastic, zoom,"),
        ({"zoom": 2}, "zoom: must be a table, not 2"),
        ({"zoom": {"factors": [1, 5]}}, "zoom.factors: input should be less than or equal to 4, not 5"),
        ({"median_blur": {"size": [3, 4]}}, "median_blur.size: must be odd numbers, not 4"),
        ({"without": ["noise", "blurr"]}, "without: 'blurr' is no category and no augmentation; categories: blur, contrast,"),
        ({"without": "blur"}, "without: must be a list, not 'blur'"),
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


CATEGORIES = {
    "elastic": ["elastic"],
    "scaling": ["zoom"],
    "flips": ["simple"],
    "contrast": ["intensity", "clahe", "contrast", "gamma"],
    "blur": ["gaussian_blur", "median_blur"],
    "noise": ["gaussian_noise", "poisson_noise", "impulse_noise", "dropout"],
    "defect": ["defect"],
    "zoom": ["zoom"],
    "median_blur": ["median_blur"],
}
OFF = {
    "elastic": {"jitter_sigma": [0, 0, 0], "rotation_min": 0, "rotation_max": 0},
    "simple": {"mirror": [], "transpose": []},
    "intensity": {"scale": [1, 1], "shift": [0, 0]},
}
ONE_OF = [["gaussian_blur", "dropout", ["gaussian_noise", "median_blur"]], ["gamma", "contrast"]]
LEFT = {
    "contrast": ONE_OF[:1],
    "blur": [["dropout", "gaussian_noise"], ONE_OF[1]],
    "noise": [["gaussian_blur", "median_blur"], ONE_OF[1]],
    "median_blur": [["gaussian_blur", "dropout", "gaussian_noise"], ONE_OF[1]],
}


def left_out(name):
    """A configuration with all augmentations but some, in two ways: by `without`, and by their own keys."""
    off = {each: {**ON[each], **OFF.get(each, {"probability": 0})} for each in CATEGORIES[name]}
    return config_of({**ON, "one_of": ONE_OF, "without": [name]}), config_of(
        {**ON, "one_of": LEFT.get(name, ONE_OF), **off}
    )


@pytest.mark.parametrize("name", CATEGORIES)
def test_without_is_the_same_as_switching_off_and_taking_out_of_groups(make, tmp_path, name):
    by_name, by_keys = left_out(name)
    assert all(same(make(by_name, number), make(by_keys, number)) for number in range(2))
    # So it is the same training.
    assert training_keys(Experiment(tmp_path, by_name)) == training_keys(Experiment(tmp_path, by_keys))
    assert not same(make(by_name), make(config_of({**ON, "one_of": ONE_OF})))


def test_every_augmentation_can_be_left_out_by_its_category_and_by_its_name(make):
    categories = {each.name: each.table.category for each in AUGMENTATIONS}
    assert categories == {name: kind for kind, names in CATEGORIES.items() for name in names if kind not in ("zoom", "median_blur")}  # fmt: skip
    for names in (categories, set(categories.values())):
        assert same(make(config_of({**ON, "without": list(names)})), make(switched_off(config_of(ON))))


def test_mirror_images_are_no_help_where_training_leaves_them_out():
    tables = {"prediction": {"augment": "flips"}, "training": {"augmentation": {"without": ["flips"]}}}
    with pytest.raises(InputError, match=r"prediction.augment: 'flips'.*training.augmentation.without = \['flips'\]"):
        load([ConfigFile("my.toml", tables)])


def test_a_training_recorded_before_the_key_factors_is_the_same(tmp_path):
    def recorded(**zoom):
        return training_keys(Experiment(tmp_path, config_of({"zoom": {"probability": 0.5, **zoom}})))

    assert recorded()["training"]["augmentation"]["zoom"] == {"probability": 0.5, "factor": [0.8, 1.25]}
    assert recorded(factors=[1, 2]) != recorded()


def shares(groups, gone=()):
    """How likely each name is to be drawn from its group: the definition."""
    found = {}
    for group in groups:
        members = [[name for name in ([each] if isinstance(each, str) else each) if name not in gone] for each in group]
        members = [names for names in members if names]
        found |= {name: Fraction(1, len(members) * len(names)) for names in members for name in names}
    return found


@given(st.permutations("abcdefgh"), st.data())
def test_a_group_less_some_draws_the_others_alike(names, data):
    names, groups = list(names), []
    while len(names) > 4:
        group = [tuple(names.pop() for _ in range(size)) for size in data.draw(st.lists(st.integers(1, 2), min_size=2, max_size=2))]  # fmt: skip
        groups.append(tuple(each if len(each) > 1 else each[0] for each in group))
    gone = data.draw(st.sets(st.sampled_from("abcdefgh")))
    left = reduced(groups, gone)
    # What is in no group any more is always drawn.
    assert {name: share for name, share in shares(groups, gone).items() if share != 1} == shares(left)
    assert reduced(groups, ()) == groups
    assert reduced(left, gone) == left
    assert all(len(each) > 1 for group in left for each in (group, *(e for e in group if not isinstance(e, str))))


def test_of_a_group_in_a_group_one_is_drawn_as_often_as_of_a_name(make):
    on = {
        "contrast": {"probability": 1.0, "factor": [0.01, 0.01]},
        "gaussian_noise": {"probability": 1.0, "sigma": [9, 9]},
        "impulse_noise": {"probability": 1.0, "fraction": [1, 1]},
        "elastic": OFF["elastic"],
        "one_of": [["contrast", ["gaussian_noise", "impulse_noise"]]],
    }
    raws = [make(config_of(on), number).raw for number in range(40)]
    drawn = ["contrast" if raw.std() < 0.1 else "noise" if raw.std() > 8 else "impulse" for raw in raws]
    assert 10 < drawn.count("contrast") < 30
    assert all(3 < drawn.count(name) < 17 for name in ("noise", "impulse"))


def test_intensities_are_changed_and_labels_stay(make):
    one, every = ({name: {**ON[name], "probability": 1.0} for name in names} for names in (CHANGING[:1], CHANGING))
    before, after = make(config_of(one)), make(config_of(every))
    assert not np.array_equal(before.raw, after.raw)
    assert np.array_equal(before.region, after.region)
    assert all(np.array_equal(before.targets[name], after.targets[name]) for name in before.targets)
