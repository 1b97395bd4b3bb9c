from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.typing import NDArray

from auxcpvloss.looking.figures.layout import save
from auxcpvloss.looking.figures.palette import PALETTES, Palette
from auxcpvloss.looking.figures.panels import distinct_colors, project_raw, show_instances
from auxcpvloss.looking.figures.segmentation import segmentation_figure, summary
from auxcpvloss.metrics import match, overlaps

Volume = NDArray[Any]
HERE = (slice(2, 6), slice(5, 20), slice(5, 20))
SHIFTED = (slice(2, 6), slice(5, 20), slice(8, 23))
THERE = (slice(2, 6), slice(25, 40), slice(25, 40))


def volume(*boxes: tuple[slice, ...], shape: tuple[int, ...] = (8, 45, 45), step: int = 1) -> Volume:
    labels = np.zeros(shape, np.uint32)
    for number, box in enumerate(boxes, start=1):
        labels[box] = number * step
    return labels


def noise(shape: tuple[int, ...] = (8, 45, 45)) -> Volume:
    return np.random.default_rng(0).integers(0, 300, shape).astype(np.uint16)


def picture(path: Path, *arguments: Any, **others: Any) -> None:
    save(path, segmentation_figure(*arguments, **others))


def colors_of(image: Volume, palette: Palette = PALETTES["paper"]) -> set[str]:
    """Name the colors that a good part of an image has; the gray below them is taken out."""
    lowest, highest = image.min(axis=-1), image.max(axis=-1)
    colored = highest - lowest > 0.4
    pure = (image[colored] - lowest[colored, None]) / (highest - lowest)[colored, None]
    enough = 0.01 * len(pure)
    wanted = {
        name: (np.array(color) - min(color)) / (max(color) - min(color)) for name, color in palette.agreement.items()
    }
    return {name for name, color in wanted.items() if (np.abs(pure - color).max(axis=-1) < 0.1).sum() > enough}


def agreement(path: Path, truth: Volume, result: Volume, **others: Any) -> set[str]:
    """Draw, read back, and name the colors of the two panels in the lower row."""
    picture(path, noise(truth.shape), result, truth, **others)
    image = imread(path)[..., :3]
    height, width = image.shape[:2]
    return colors_of(image[height // 2 :, : 2 * width // 3])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "picture.png"


def test_hits_are_cyan(path: Path) -> None:
    assert agreement(path, volume(HERE, THERE), volume(THERE, HERE)) == {"TP: both"}


def test_where_a_hit_is_off_the_truth_is_blue_and_the_result_green(path: Path) -> None:
    found = agreement(path, volume(HERE), volume(SHIFTED))
    assert found == {"TP: ground truth only", "TP: result only", "TP: both"}


def test_a_false_positive_is_red(path: Path) -> None:
    assert agreement(path, volume(), volume(HERE)) == {"FP"}


def test_a_false_negative_is_yellow(path: Path) -> None:
    assert agreement(path, volume(HERE), volume()) == {"FN"}


def test_a_false_positive_upon_a_false_negative_is_orange(path: Path) -> None:
    split = volume(*((*HERE[:2], slice(x, x + 5)) for x in (5, 10, 15)))
    assert agreement(path, volume(HERE), split) == {"FP upon FN"}


def test_hits_and_errors_together(path: Path) -> None:
    assert agreement(path, volume(HERE, THERE), volume(HERE)) == {"TP: both", "FN"}


def test_a_given_matching_decides(path: Path) -> None:
    truth = volume(HERE)
    none = match(overlaps(truth, truth), 1.0)
    assert agreement(path, truth, truth, matched=none) == {"FP upon FN"}


def test_labels_may_be_large_and_far_apart(path: Path) -> None:
    truth = volume(HERE, THERE, step=3).astype(np.uint64) << np.uint64(61)
    assert agreement(path, truth, volume(HERE, THERE, step=1000)) == {"TP: both"}


def test_a_volume_without_instances_and_one_of_a_single_plane(path: Path) -> None:
    assert agreement(path, volume(), volume()) == set()
    plane = (slice(0, 1), *HERE[1:])
    flat = volume(plane, shape=(1, 45, 45))
    assert agreement(path, flat, flat, title="one plane") == {"TP: both"}


def test_without_the_truth_there_is_no_agreement(path: Path) -> None:
    picture(path, noise(), volume(HERE, THERE))
    image = imread(path)[..., :3]
    assert image.shape[1] > 1.6 * image.shape[0]
    left, right = np.array_split(image, 2, axis=1)
    assert np.ptp(left, axis=-1).max() == 0
    assert np.ptp(right, axis=-1).max() > 0.4
    assert not {"TP: both", "FP", "FN"} & colors_of(right)


def test_long_volumes_are_stacked_and_tall_ones_stand_side_by_side(path: Path) -> None:
    shapes = {}
    for name, shape in {"long": (2, 20, 160), "tall": (2, 160, 20), "line": (1, 1, 300), "column": (1, 300, 1)}.items():
        labels = volume((slice(0, 1), slice(0, 9), slice(0, 9)), shape=shape)
        picture(path, noise(shape), labels, labels, title=name)
        shapes[name] = imread(path).shape
    # Five strips of 1 to 8 and their headings; five columns of 8 to 1.
    assert 0.6 < shapes["long"][0] / shapes["long"][1] < 1
    assert 1.5 < shapes["tall"][0] / shapes["tall"][1] < 2
    assert all(max(shape) <= 1600 for shape in shapes.values())


def test_the_size_of_a_voxel_gives_the_aspect(path: Path) -> None:
    def height(voxel_size: tuple[float, float, float]) -> int:
        picture(path, noise(), volume(HERE), voxel_size=voxel_size)
        return imread(path).shape[0]

    assert height((1, 1, 1)) == height((5, 2, 2))
    assert height((1, 0.6, 1)) < 0.75 * height((1, 1, 1))


def test_a_square_stays_square_where_a_panel_is_wider_than_its_image(path: Path) -> None:
    labels = volume((slice(0, 1), slice(50, 60), slice(0, 10)), shape=(1, 300, 10))
    picture(path, noise(labels.shape), labels)
    rows, columns = np.nonzero(np.ptp(imread(path)[..., :3], axis=-1) > 0.4)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=2)


def test_counts_are_told() -> None:
    truth, result = volume(HERE, THERE), volume(HERE, (slice(0, 1),), (slice(1, 2),))
    table = overlaps(truth, result)
    assert summary(table, match(table, 0.5)) == "IoU > 0.5: TP 1, FP 2, FN 1, AP 0.250"
    assert show_instances("result", result, project_raw(noise())).heading == "result: 3"


def test_a_long_worm_makes_no_large_file(path: Path) -> None:
    noise = np.random.default_rng(0).gamma(2, 4, (20, 140, 1100))
    boxes = [(slice(0, 9), slice(y, y + 12), slice(x, x + 12)) for x in range(0, 1080, 20) for y in (30, 60)]
    worm = volume(*boxes, shape=noise.shape)
    picture(path, noise + 40 * (worm > 0), worm, np.roll(worm, 2, axis=2))
    assert path.stat().st_size < 2_000_000


def test_the_file_is_replaced_whole_and_nothing_else_is_left(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Path) -> None:
        raise OSError("disk full")

    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse)
        with pytest.raises(OSError, match="disk full"):
            picture(path, noise(), volume(HERE))
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]
    picture(path, noise(), volume(HERE))
    assert path.read_bytes()[1:4] == b"PNG"
    assert list(path.parent.iterdir()) == [path]


def test_volumes_of_different_shape_are_refused(path: Path) -> None:
    with pytest.raises(ValueError, match=r"different shape: \(8, 45, 45\) and \(1, 45, 45\)"):
        picture(path, noise(), volume(), volume(shape=(1, 45, 45)))


def test_contrast_leaves_out_the_extremes() -> None:
    raw = np.zeros((3, 100, 100))
    raw[1] = np.arange(10_000).reshape(100, 100)
    raw[0, 0, 0] = 1e9
    gray = project_raw(raw)
    assert gray.shape == (100, 100, 3)
    assert gray[0, 0, 0] == 1
    assert gray[0, 50, 0] == 0
    assert gray[50, 0, 0] == pytest.approx(0.5, abs=0.01)
    assert project_raw(np.full((2, 3, 4), 7)).max() == 0


def test_colors_of_instances_are_distinct_and_always_the_same() -> None:
    colors = distinct_colors(600)
    assert np.array_equal(colors[:50], distinct_colors(50))
    assert len(np.unique(np.round(colors, 3), axis=0)) == 600
    assert np.abs(np.diff(colors, axis=0)).max(axis=1).min() > 0.2
    assert colors.max(axis=1).min() > 0.7
