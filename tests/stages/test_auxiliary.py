"""An auxiliary task that nobody knew of, registered at run time, from training to the comparison."""

import csv
from collections.abc import Iterator

import numpy as np
import pytest
import toml
import zarr

from auxcpvloss.cli import main
from auxcpvloss.methods import AUXILIARY, Auxiliary, Head, Prediction, find_method
from auxcpvloss.methods.instance_geometry import instances
from auxcpvloss.methods.method import ALL, Part
from auxcpvloss.methods.seeds import Seeds
from auxcpvloss.segmentation.arrays import Mask
from tests.conftest import merge
from tests.looking.compare.experiments import write_runs
from tests.stages.conftest import EVERY_STAGE


class ToySeeds(Seeds):
    use_toy_for_seeds: bool = False

    def choose_seeds(self, prediction: Prediction, seeds: Mask) -> Mask:
        return prediction["toy"][0] > 0.5 if self.use_toy_for_seeds else super().choose_seeds(prediction, seeds)

    def auxiliary_heads(self) -> frozenset[str]:
        return super().auxiliary_heads() | ({"toy"} if self.use_toy_for_seeds else set())


def inside(labels: np.ndarray, part: Part = ALL) -> np.ndarray:
    return instances(labels[part]).astype(np.float32)[np.newaxis]


TOY = Auxiliary(Head("toy", channels=1, target=inside, loss="squared_difference"), ToySeeds)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(AUXILIARY, "toy", TOY)
        yield


def test_it_trains_validates_and_labels_beside_another_one(tmp_path, capsys):
    def run(*stages: str, status: int = 0, **model: object) -> str:
        tables = merge(EVERY_STAGE, {"model": model, "postprocessing": {"use_toy_for_seeds": True}})
        (tmp_path / "a.toml").write_text(toml.dumps(tables))
        assert main(["-c", str(tmp_path / "a.toml"), "-r", str(tmp_path), "-id", "a", "-d", *stages]) == status
        return "".join(capsys.readouterr())

    run("all", method="threeclass", auxiliary=["toy", "cpv"])
    frozen = toml.loads((tmp_path / "a" / "config.toml").read_text())["model"]
    assert (frozen["method"], frozen["auxiliary"], frozen["loss_toy_coeff"]) == ("threeclass", ["cpv", "toy"], 1)
    with (tmp_path / "a" / "train" / "log.csv").open(newline="") as file:
        assert {"threeclass_loss", "cpv_loss", "toy_loss"} <= set(next(csv.reader(file)))
    (prediction,) = (tmp_path / "a" / "test" / "processed").rglob("*.zarr")
    assert set(zarr.open_group(str(prediction), mode="r")["volumes"]) == {"pred_threeclass", "pred_toy"}
    assert list((tmp_path / "a" / "test" / "instanced").rglob("*.hdf"))
    for model in ({"method": "threeclass_cpv_toy"}, {"method": "threeclass_cpv", "auxiliary": ["toy"]}):
        assert "stale" not in run("status", **model)
    assert "model.method was 'threeclass_cpv_toy', is 'sdt_cpv_toy'" in run("predict", status=2, method="sdt_cpv_toy")


@pytest.mark.parametrize("base", ["affinities", "threeclass", "sdt", "nedt_border", "threeclass_outer", "gauss"])
def test_it_goes_with_every_method(base, balls):
    method = find_method(f"{base}_toy", ["edt", "cpv"])
    assert (method.name, method.auxiliary) == (f"{base}_cpv_edt_toy", ("cpv", "edt", "toy"))
    assert method.heads[: -len(method.auxiliary)] == find_method(base).heads
    prediction = {head.name: head.perfect(head.target(balls())) for head in method.heads}
    for name in ("use_cpv_for_seeds", "use_toy_for_seeds") if issubclass(method.params, Seeds) else ():
        params = method.params(**{name: True})
        assert {head.name for head in method.predicted_heads(params)} & set(method.auxiliary) == {name[4:7]}
        assert params.decode(prediction).any()
        assert name in params.slug()
    assert method.learns_from_points is False
    assert find_method("gauss").learns_from_points


def test_what_each_pair_of_four_combinations_differs_in_is_said(tmp_path, capsys):
    for number, name in enumerate(("threeclass", "threeclass_cpv", "threeclass_toy", "threeclass_cpv_toy")):
        write_runs(tmp_path, name, difference=0.04 * number)
    folders = sorted(str(folder) for folder in tmp_path.iterdir())
    assert main(["compare", *folders, "-o", str(tmp_path / "out")]) == 0
    assert "+toy: threeclass_cpv_toy is better than threeclass_cpv by avAP" in capsys.readouterr().out
    with (tmp_path / "out" / "verdicts.csv").open(newline="") as file:
        pairs = [(row["baseline"], row["other"], row["adds"]) for row in csv.DictReader(file) if row["metric"] == "avAP"]  # fmt: skip
    assert sorted(pairs) == [
        ("threeclass", "threeclass_cpv", "cpv"),
        ("threeclass", "threeclass_toy", "toy"),
        ("threeclass_cpv", "threeclass_cpv_toy", "toy"),
        ("threeclass_toy", "threeclass_cpv_toy", "cpv"),
    ]
