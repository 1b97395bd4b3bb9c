import numpy as np
import pytest

from auxcpvloss.methods import METHODS, threeclass
from auxcpvloss.methods.instance_geometry import find_centers
from auxcpvloss.metrics import score


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_perfect_prediction_gives_back_every_nucleus(method, balls):
    labels = balls(radius=5)
    for found in perfect_results(method, labels):
        assert sorted(labels[tuple(find_centers(found).found.round().astype(int).T)]) == [1, 2, 3]
        if method.task == "segmentation":
            assert score(labels, found)["confusion_matrix.th_0_5.AP"] == 1


def perfect_results(method, labels):
    """What a network that is always right gives, with each kind of seeds that the method knows."""
    prediction = {head.name: head.perfect(head.target(labels)) for head in method.heads}
    yield method.params().decode(prediction)
    if "use_cpv_for_seeds" in method.params.model_fields:
        yield method.params(use_cpv_for_seeds=True).decode(prediction)
        for seeds in ("interior", "votes", "both"):
            for assign in ("watershed", "vectors", "both"):
                yield method.params(seeds=seeds, assign=assign).decode(prediction)


@pytest.mark.parametrize("name", ["threeclass", "threeclass_cpv"])
def test_a_perfect_3_label_prediction_loses_no_voxel(name, balls):
    # The boundary of a perfect prediction belongs to the foreground.
    labels = balls(radius=5)
    for found in perfect_results(METHODS[name], labels):
        assert score(labels, found)["general.avAP"] == 1


def test_the_folder_of_parameters_names_what_differs():
    params = threeclass.ThreeclassParams
    assert params().slug() == "fg_thresh_0.95_seed_thresh_0.7"
    slug = params(fg_thresh=0.9, num_dilations=2, flood="volume").slug()
    assert slug == "fg_thresh_0.9_seed_thresh_0.7_flood_volume_num_dilations_2"


def test_the_folder_of_parameters_leaves_out_what_has_no_effect():
    params = METHODS["sdt_cpv"].params
    assert params().slug() == "fg_thresh_0.0_seed_thresh_-0.13"
    assert params(use_cpv_for_seeds=True).slug() == "fg_thresh_0.0_cpv_thresh_70.0_use_cpv_for_seeds_True"
    # Written before there were the others: the same folder, and the same record.
    old = {"fg_thresh", "seed_thresh", "flood", "num_dilations", "min_size", "use_cpv_for_seeds"}
    assert params(vote_width=0.4, assign_distance=2.0).with_effect().keys() == old
    votes = params(seeds="votes", assign="both", vote_fraction=0.3)
    assert votes.slug() == "fg_thresh_0.0_seeds_votes_vote_fraction_0.3_assign_both"
    assert {"seed_thresh", "cpv_thresh"} <= votes.without_effect()
    assert {"seed_thresh", "min_affinities"} <= METHODS["affinities_cpv"].params(
        use_cpv_for_seeds=True
    ).without_effect()


def test_thresholds_reach_the_decoder():
    # Two sure places, P(interior) 0.95, joined by a bridge of 0.7: one or two instances, by the seed threshold.
    interior = np.array([0.005, 0.95, 0.95, 0.7, 0.7, 0.7, 0.95, 0.95, 0.005])
    background = np.where(interior > 0.5, 0.01, 0.99)
    logits = np.log([background, interior, 1 - background - interior]).reshape(3, 1, 1, 9).astype(np.float32)

    def decode(**params):
        return threeclass.ThreeclassParams(fg_thresh=0.5, **params).decode({"threeclass": logits}).ravel()

    found = decode(seed_thresh=0.9)
    assert found[[0, 1, 2, 6, 7, 8]].tolist() == [0, 1, 1, 2, 2, 0]
    assert (found[3:6] > 0).all()
    assert decode(seed_thresh=0.6).tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 0]
    assert not decode(seed_thresh=0.99).any()
    assert (decode(num_dilations=1, seed_thresh=0.6) == 1).all()


def logits(background, interior):
    boundary = [1 - b - i for b, i in zip(background, interior, strict=True)]
    return {"threeclass": np.log(np.array([background, interior, boundary], np.float32)).reshape(3, 1, 1, -1)}


def test_options_of_the_decoder():
    background = [0.01, 0.01, 0.01, 0.98, 0.01, 0.01, 0.98, 0.01]
    prediction = logits(background, [0.97, 0.97, 0.97, 0.01, 0.1, 0.1, 0.01, 0.97])
    params = threeclass.ThreeclassParams
    assert params(fg_thresh=0.9).decode(prediction).ravel().tolist() == [1, 1, 1, 0, 0, 0, 0, 2]
    assert params(fg_thresh=0.9, flood="volume").decode(prediction).ravel()[4] > 0
    assert params(fg_thresh=0.9, min_size=2).decode(prediction).ravel().tolist() == [1, 1, 1, 0, 0, 0, 0, 0]


def test_the_water_follows_the_interior_not_the_background():
    prediction = logits([0.01, 0.05, 0.01, 0.01, 0.01], [0.97, 0.8, 0.7, 0.2, 0.97])
    found = threeclass.ThreeclassParams(seed_thresh=0.9, fg_thresh=0.9).decode(prediction)
    assert found.ravel()[:3].tolist() == [1, 1, 1]
