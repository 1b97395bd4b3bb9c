import numpy as np
import pandas as pd
import pytest

from auxcpvloss.looking.figures.training import POINTS, training_curves


def curves(number: int, *names: str) -> pd.DataFrame:
    rng = np.random.default_rng(number)
    return pd.DataFrame({name: rng.uniform(0.1, 2, number) for name in names}, 10 * np.arange(1, number + 1))


LOG = curves(30, "loss", "cpv_loss", "threeclass_loss")


def test_every_part_of_the_loss_is_shown() -> None:
    (ax,) = training_curves(LOG).axes
    assert [line.get_label() for line in ax.lines] == ["total", "cpv", "threeclass"]
    for line, name in zip(ax.lines, LOG, strict=True):
        assert np.array_equal(line.get_xdata(), LOG.index)
        assert np.array_equal(line.get_ydata(), LOG[name])
    assert (ax.get_yscale(), ax.get_xlabel()) == ("log", "iteration")


def test_long_curves_are_smoothed_upon_themselves() -> None:
    long = curves(10 * POINTS, "loss")
    (ax,) = training_curves(long).axes
    whole, smooth = ax.lines
    assert np.array_equal(whole.get_ydata(), long["loss"])
    assert np.allclose(smooth.get_ydata(), long["loss"].to_numpy().reshape(POINTS, 10).mean(axis=1))
    assert np.allclose(smooth.get_xdata(), long.index.to_numpy().reshape(POINTS, 10).mean(axis=1))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["total"]


def test_losses_on_the_validation_volumes_are_dashed_in_the_same_color() -> None:
    validation = curves(3, "val_loss", "val_cpv_loss", "val_threeclass_loss")
    (ax,) = training_curves(LOG, validation).axes
    for name, line, there in zip(LOG, ax.lines[::2], ax.lines[1::2], strict=True):
        assert np.array_equal(there.get_ydata(), validation[f"val_{name}"])
        assert np.array_equal(there.get_xdata(), validation.index)
        assert (there.get_color(), there.get_linestyle()) == (line.get_color(), "--")


def test_scores_stand_below_and_the_selected_checkpoint_is_marked() -> None:
    validation = pd.DataFrame({"score": [np.nan, 0.3]}, [100, 200])
    figure = training_curves(LOG, validation, {100: 0.5, 200: 0.7, 300: 0.6}, "confusion_matrix.th_0_5.AP", 200)
    above, below = figure.axes
    best, early, selected = below.lines
    assert (list(best.get_xdata()), list(best.get_ydata())) == ([100, 200, 300], [0.5, 0.7, 0.6])
    assert np.array_equal(early.get_ydata(), [np.nan, 0.3], equal_nan=True)
    assert (list(selected.get_xdata()), list(above.lines[-1].get_xdata())) == ([200, 200], [200, 200])
    assert (below.get_ylabel(), len(training_curves(LOG, validation).axes)) == ("AP at IoU > 0.5", 2)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_loss_of_nothing_is_no_reason_to_fail(value: float) -> None:
    training_curves(pd.DataFrame({"loss": [value] * 2}, [1, 2])).draw_without_rendering()
