"""Small studies, made up."""

from study import plan
from study.plan import read_study
from study.scores import MEAN

HEAD = """title = "Letters"
data = "{data}"
group = "[A-Z]"
folds = [{{ test = ["A"], val = ["B"] }}, {{ test = ["B"], val = ["A"] }}]
base = {{}}
"""


def write_study(folder, monkeypatch, text):
    """Make `folder` the folder of studies, with the study s.toml of this text; volumes A... and B... in two folds."""
    (folder / "s.toml").write_text(HEAD.format(data=folder) + text, encoding="utf-8")
    monkeypatch.setattr(plan, "STUDIES", folder)
    return read_study("s")


def record(variant, fold, seed, minutes=1.0, **scores):
    """Make a record with the same value for all scores of a volume."""
    values = {name: dict.fromkeys(MEAN, score) for name, score in scores.items()}
    return {"variant": variant, "fold": fold, "seed": seed, "minutes": minutes, "scores": values}
