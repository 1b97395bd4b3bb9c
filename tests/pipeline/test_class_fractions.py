import numpy as np
import pytest

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.methods import METHODS
from auxcpvloss.methods.method import UNKNOWN
from auxcpvloss.pipeline import class_fractions as module
from auxcpvloss.pipeline.class_fractions import class_fractions
from tests.conftest import blobs, make_sample


@pytest.mark.parametrize("method", ["threeclass_cpv", "affinities", "threeclass_outer"])
def test_classes_are_counted_over_whole_volumes(method, tmp_path, monkeypatch):
    """In blocks as in one piece, a large volume more than a small one, and not what nobody annotated."""
    monkeypatch.setattr(module, "BLOCK", 9)
    heads, samples, truths = METHODS[method].heads, [], []
    for name, size, number in (("a", 30, 12), ("b", 20, 3)):
        labels = blobs((size, 24, 20), number, seed=number)
        labels[:5, :3] = 99
        samples.append(make_sample(tmp_path / name, labels > 0, labels, ignore_label=99))
        truths.append(np.where(labels == 99, IGNORED, labels).astype(np.uint32))
    found = class_fractions(samples, heads)
    assert list(found) == [head.name for head in heads if head.name != "cpv"]
    for head in heads:
        targets = [head.target(truth)[:, truth != IGNORED] for truth in truths]
        together = np.concatenate(targets, axis=1)
        if head.name in ("threeclass", "outer"):
            assert found[head.name] == pytest.approx([(together == c).mean() for c in range(3)])
        elif head.name != "cpv":
            assert found[head.name] == pytest.approx([(c[c != UNKNOWN] == 1).mean() for c in together])
