from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from auxcpvloss.looking.figures.layout import encode, save
from auxcpvloss.looking.figures.scores import detection_boxes


@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_the_suffix_says_the_format_and_the_same_data_give_the_same_file(
    kind: str, start: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = {"sdt": np.array([[0.5, 0.6]])}
    save(tmp_path / f"figure.{kind}", detection_boxes(figure))
    # As on another day.
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    content = encode(detection_boxes(figure), kind)
    assert content.startswith(start)
    assert (tmp_path / f"figure.{kind}").read_bytes() == content


def test_figures_are_wide_enough_for_print_and_for_narrow_screens(tmp_path: Path) -> None:
    save(tmp_path / "figure.png", detection_boxes({"sdt": np.array([[0.5, 0.6]])}))
    assert imread(tmp_path / "figure.png").shape[1] >= 600
