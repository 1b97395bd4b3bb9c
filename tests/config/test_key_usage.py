from __future__ import annotations

from pathlib import Path

import pytest

import auxcpvloss
from tests.config.key_usage import keys, unread

PACKAGE = Path(auxcpvloss.__file__).parent


def test_every_key_is_read():
    assert len(list(keys())) > 50
    assert unread(PACKAGE) == []


READING = {
    "annotated": ("def f(config: Config): config.general.seed", True),
    "by a name for the table": ("def f(config: Config):\n    table = config.general\n    table.seed", True),
    "in a tuple": ("def f(config: Config):\n    a, b = 1, config.general\n    b.seed", True),
    "of a table": ("def f(general: General | None): return general.seed", True),
    "of an attribute": ("class A:\n    config: Config\nclass B:\n    def f(self, a: A): a.config.general.seed", True),
    "of what __init__ keeps": ("class A:\n    def __init__(self, c: Config):\n        self.c = c\n    def f(self): self.c.general.seed", True),
    "of what is returned": ("def load() -> Config: ...\ndef f(): load().general.seed", True),
    "by pattern": ("def f(config: Config, x): getattr(config.general, f'{x}eed')", True),
    "by a property that is read": ("def f(general: General): general.twice", True),
    "by a property that is not read": ("def f(general: General): general", False),
    "by another name": ("def f(general: General): general.logging", False),
    "of another table": ("def f(config: Config): config.data.synthetic.seed", False),
    "of something else": ("def f(general): general.seed", False),
    "by a bare variable": ("def f(general: General, x): getattr(general, x)", False),
    "dumped": ("def f(general: General): general.model_dump()['seed']", False),
}  # fmt: skip


@pytest.mark.parametrize(("code", "is_read"), READING.values(), ids=READING)
def test_a_key_is_read_by_the_type_of_its_table(code, is_read, tmp_path):
    tables = "class General:\n    seed: int\n    @property\n    def twice(self) -> int: return 2 * self.seed\n"
    tables += "class Synthetic:\n    seed: int\nclass Data:\n    synthetic: Synthetic\n"
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "tables.py").write_text(tables + "class Config:\n    general: General\n    data: Data\n")
    (tmp_path / "code.py").write_text(code)
    assert ("general.seed" not in unread(tmp_path)) == is_read
