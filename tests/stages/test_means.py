"""The mean of the last checkpoints, as one more that validation chooses from."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import toml

from auxcpvloss import InputError, load_model
from auxcpvloss.apply.loading import choice
from auxcpvloss.cli import main
from auxcpvloss.config import ConfigFile
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.means import checkpoint_from, iteration_of
from auxcpvloss.stages.run import Choice, Run
from auxcpvloss.stages.status import rows
from tests.conftest import merge
from tests.stages.conftest import EVERY_STAGE

NAME = "mean_1-2"
USING = ("predict", "label", "evaluate", "export")


@pytest.fixture(scope="module")
def averaged(every_stage, tmp_path_factory) -> Path:
    """Root of the experiment ``e``, validated with the mean of both checkpoints as well, which is used for the rest."""
    root = shutil.copytree(every_stage / "root", tmp_path_factory.mktemp("means") / "root")
    (root / "e.toml").write_text(toml.dumps(merge(EVERY_STAGE, {"validation": {"average_last": 5}})))
    assert main(["-c", str(root / "e.toml"), "-r", str(root), "-d", "validate_checkpoints"]) == 0
    assert run(root, "-d", "validate", "--checkpoint", NAME) == 0
    assert run(root, "-d", *USING) == 0
    return root


@pytest.fixture
def copy(averaged, tmp_path) -> Path:
    return shutil.copytree(averaged, tmp_path / "root")


def run(root: Path, *arguments: str) -> int:
    return main(["-r", str(root), "-id", "e", *arguments])


def stale(root: Path) -> set[str]:
    """Those of the stages run last with results that are not whole."""
    # By name, since validate_checkpoints would select among others.
    found = rows(Run(opened(root), choice=Choice(checkpoint=NAME), planning=True))
    return {row.stage for row in found if row.state.kind != "whole"} & {"validate", *USING}


def opened(root: Path) -> Experiment:
    return Experiment(root / "e", load([ConfigFile.read(root / "e" / "config.toml")]))


def test_it_is_validated_like_a_checkpoint(averaged):
    with (averaged / "e/val/scores.csv").open() as file:
        assert [row["checkpoint"] for row in csv.DictReader(file)] == [each for each in ("1", "2", NAME) for _ in "ab"]
    for place in ("val/processed", "test/processed", "test/instanced", "test/evaluated", "test/exported"):  # fmt: skip
        assert list((averaged / "e" / place / NAME).iterdir()), place
    model, raw = load_model(averaged / "e", NAME), np.random.default_rng(0).random((24, 24, 24)).astype(np.float32)
    each = [load_model(averaged / "e", checkpoint).predict(raw)["threeclass"] for checkpoint in (1, 2)]
    assert model.checkpoint == NAME
    assert not any(np.array_equal(model.predict(raw)["threeclass"], one) for one in each)
    # Selected, it is used wherever nothing else is asked for.
    assert load_model(averaged / "e").checkpoint == NAME
    assert stale(averaged) == set()


def test_its_file_is_made_when_it_is_needed(copy):
    experiment = opened(copy)
    path = experiment.checkpoints.path(NAME)
    content = path.read_bytes()
    path.unlink()
    # Results are known by what it is made of.
    assert stale(copy) == set()
    assert not path.exists()
    assert experiment.checkpoints.need(NAME).read_bytes() == content
    # Handed on by itself it is enough.
    digest = experiment.checkpoints.digest(NAME)
    shutil.rmtree(path.parents[1] / "checkpoints")
    alone = opened(copy)
    assert (alone.checkpoints.digest(NAME), alone.checkpoints.need(NAME)) == (digest, path)
    assert load_model(copy / "e", NAME).checkpoint == NAME
    path.write_bytes(content[:-50])
    with pytest.raises(InputError, match=r"mean_1-2\.keras: missing or damaged, and so are checkpoints"):
        opened(copy).checkpoints.need(NAME)


def test_another_checkpoint_in_it_makes_it_another(copy):
    experiment = opened(copy)
    before = experiment.checkpoints.digest(NAME), experiment.checkpoints.need(NAME).read_bytes()
    shutil.copy(experiment.checkpoints.path(2), experiment.checkpoints.path(1))
    changed = opened(copy)
    assert changed.checkpoints.digest(NAME) != before[0]
    assert changed.checkpoints.need(NAME).read_bytes() != before[1]
    assert stale(copy) == {"validate", *USING}


@pytest.mark.parametrize("name", ["mean_2-1", "mean_1", "mean_01-2", "mean_1-2.keras", "-1", "١"])
def test_names_that_are_none(name, tmp_path):
    with pytest.raises(ValueError, match="expected the iteration of a checkpoint"):
        checkpoint_from(name)
    with pytest.raises(SystemExit):
        run(tmp_path, "-d", "predict", f"--checkpoint={name}")
    with pytest.raises(InputError, match="expected 'best', 'last', a number of iterations or a mean"):
        choice(name)


def test_a_name_says_its_iterations():
    assert [iteration_of(checkpoint_from(text)) for text in ("40", "mean_5-40")] == [40, 40]


def test_a_mean_of_checkpoints_that_are_missing_is_refused(averaged, capfd):
    assert run(averaged, "-d", "predict", "--checkpoint", "mean_1-3") == 2
    assert "mean_1-3.keras: missing or damaged, and so are checkpoints" in capfd.readouterr().err
