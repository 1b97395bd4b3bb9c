import numpy as np

from auxcpvloss.stages.train.images import batch_images


def test_channels_lie_side_by_side_in_the_plane_in_the_middle_of_the_targets():
    raw = np.random.default_rng(0).random((2, 1, 10, 12, 14)).astype(np.float32)
    target = np.arange(1 * 3 * 6 * 8 * 10).reshape(1, 3, 6, 8, 10)
    images = batch_images(raw, {"cpv": target, "sdt": target[:, :1]}, {"cpv": 0.5 * target})
    assert list(images) == ["batch/raw", "batch/target/cpv", "batch/target/sdt", "batch/prediction/cpv"]
    plane = raw[0, 0, 2 + 3, 2:10, 2:12]
    assert (images["batch/raw"] == (255 * (plane - plane.min()) / (plane.max() - plane.min())).astype(np.uint8)).all()
    assert images["batch/target/cpv"].shape == (8, 3 * 10 + 2 * 2)
    assert (images["batch/target/cpv"] == images["batch/prediction/cpv"]).all()
    assert (images["batch/target/cpv"][:, 10:12] == 255).all()
    first = images["batch/target/cpv"][:, :10]
    assert (first[0, 0], first[-1, -1]) == (0, 255)


def test_what_is_the_same_everywhere_is_black():
    images = batch_images(np.ones((1, 1, 4, 4, 4)), {"sdt": np.ones((1, 1, 2, 2, 2))}, {})
    assert not any(image.any() for image in images.values())


def test_what_is_no_number_is_drawn_too():
    target = np.zeros((1, 1, 1, 1, 4), np.float32)
    output = np.array([np.nan, np.inf, -3e38, 3e38], np.float32).reshape(target.shape)
    assert batch_images(target, {"a": target}, {"a": output})["batch/prediction/a"].tolist() == [[127, 127, 0, 255]]
