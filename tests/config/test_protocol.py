import pytest

from auxcpvloss.config import ConfigFile
from auxcpvloss.experiment.configuration import load
from auxcpvloss.system.errors import InputError
from tests.conftest import configure


@pytest.mark.parametrize(
    ("number", "training", "fold", "expected"),
    [
        (1, [], 0, "my.toml: data.num_folds: must be 0 (no folds) or at least 2, not 1"),
        (0, [1], 0, "my.toml: training.folds: [1]: there are no folds; set data.num_folds"),
        (0, [], 2, "my.toml: validation.fold: 2: there are no folds"),
        (3, [1, 4], 2, "my.toml: training.folds: [1, 4]: the folds are 1 to 3 (data.num_folds)"),
        (
            3,
            [1, 1],
            2,
            "my.toml: training.folds: [1, 1]: the folds are 1 to 3 (data.num_folds); list each at most once",
        ),
        (3, [], 4, "my.toml: validation.fold: 4: the folds are 1 to 3"),
        (3, [1, 2], 2, "my.toml: validation.fold: 2: also in training.folds = [1, 2]"),
        (3, [], 0, "my.toml: data.num_folds: 3: select the validation fold"),
    ],
)
def test_nonsense_about_folds_is_refused(number, training, fold, expected):
    tables = {"data": {"num_folds": number}, "training": {"folds": training}, "validation": {"fold": fold}}
    with pytest.raises(InputError) as error:
        load([ConfigFile("my.toml", tables)])
    assert str(error.value).startswith(expected)


def test_a_checkpoint_is_chosen_by_other_runs_or_on_the_training_volumes():
    configure(data={"num_folds": 3}, validation={"trained_models": ["/runs/1"]})
    with pytest.raises(InputError, match=r"validation.on_train: cannot be combined with validation.trained_models"):
        configure(validation={"trained_models": ["/runs/1"], "on_train": True})
