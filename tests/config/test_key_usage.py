import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

import auxcpvloss
from auxcpvloss.config import Config

PACKAGE = Path(auxcpvloss.__file__).parent


def keys(table: type[BaseModel] = Config, at: str = "") -> Iterator[str]:
    for name, field in table.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, f"{at}{name}.")
        else:
            yield f"{at}{name}"


def is_read(key: str, code: str) -> bool:
    """As an attribute, or by its name in quotes. Keys of two tables with one name are not told apart."""
    name = key.rpartition(".")[2]
    return re.search(rf"""\.{name}\b(?!\()|["']{name}["']""", code) is not None


def test_every_key_is_read():
    sources = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] != "config"]
    code = "\n".join(path.read_text() for path in sources)
    assert len(list(keys())) > 50
    assert [key for key in keys() if not is_read(key, code)] == []


READING = {"table.lr": True, 'getattr(table, "lr")': True, "lr = table.lr_schedule": False, "logger.lr(1)": False}


@pytest.mark.parametrize(("code", "expected"), READING.items(), ids=READING)
def test_a_key_is_read_by_its_name(code, expected):
    assert is_read("optimizer.lr", code) == expected
