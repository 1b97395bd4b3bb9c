"""Bad configurations and bad volumes, systematically: each runs, or ends with status 2 and one message.

All of them, with the counts printed::

    pytest -m fuzz -s tests/test_fuzz.py

A part, drawn with a seed, belongs to the default run. Which mutations there are follows from the tables of the
configuration and the formats (`tests.fuzz`): a new key is covered as soon as it exists.
"""

import os
import random
import re
import shutil
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from auxcpvloss.config import ConfigFile, defaults, dump
from auxcpvloss.experiment.configuration import load
from auxcpvloss.system.errors import InputError
from tests.conftest import merge
from tests.fuzz import configs, volumes
from tests.fuzz.run import Ending, attempt, complaint, report

TABLES = "|".join(defaults().tables)

CHAIN = ["prepare", "mknet", "train", "validate_checkpoints", "predict", "label", "evaluate", "report"]
"""What configurations that are taken have to get through."""


def place(folder: Path) -> dict[str, Any]:
    return merge(configs.base("threeclass_cpv"), {"data": {"path": str(folder), "input_format": "auto"}})


def config_ending(mutation: configs.Mutation, folder: Path, capture: Any, *stages: str) -> Ending:
    folder.mkdir()
    file = folder / "fuzz.toml"
    file.write_text(configs.as_text(mutation.tables), encoding="utf-8")
    return attempt(["-c", str(file), "-r", str(folder / "root"), "-d", *(stages or ("all", "--dry-run"))], folder, capture)  # fmt: skip


def volumes_ending(mutation: volumes.Mutation, folder: Path, capture: Any) -> Ending | None:
    """None where the format cannot hold such a thing."""
    folder.mkdir()
    made = volumes.Volumes(folder / "data", mutation.format, mutation.layout)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mutation.make(made)
        path = made.packed() if made.place.exists() else folder / "packed.zip"
    except Exception:
        return None
    (folder / "fuzz.toml").write_text(configs.as_text(place(path)), encoding="utf-8")
    return attempt(["-c", str(folder / "fuzz.toml"), "-r", str(folder / "root"), "-d", "prepare"], folder, capture)


def go_through(what: str, endings: Iterable[tuple[str, Ending | None, str]], capture: Any) -> None:
    """Count how commands ended, print it, and name those that ended badly."""
    counts: Counter[str] = Counter()
    bad = []
    for name, ending, named in endings:
        if ending is not None:
            counts[ending.kind] += 1
            if found := complaint(ending, named):
                bad.append(f"{name}: {found}")
    with capture.disabled():
        print(f"\n{report(what, counts)}")
    assert not bad, f"{len(bad)} of {counts.total()}:\n" + "\n".join(bad[:20])


def through_configs(mutations: Sequence[configs.Mutation], folder: Path, capture: Any) -> None:
    named = rf"fuzz\.toml|\b({TABLES})\.\w+"
    endings = ((m.name, config_ending(m, folder / str(n), capture), named) for n, m in enumerate(mutations))
    go_through("configurations", endings, capture)


def through_volumes(mutations: Sequence[volumes.Mutation], folder: Path, capture: Any) -> None:
    def endings() -> Iterable[tuple[str, Ending | None, str]]:
        for number, mutation in enumerate(mutations):
            own = folder / str(number)
            yield mutation.name, volumes_ending(mutation, own, capture), re.escape(str(own))
            shutil.rmtree(own)

    go_through("volumes", endings(), capture)


def test_every_key_gets_every_kind_of_mutation():
    done = Counter((".".join(mutation.key), mutation.kind) for mutation in configs.mutations())
    keys = [".".join(key) for key in configs.leaves(defaults().tables)]
    assert len(keys) > 80
    for key in keys:
        for kind in set(configs.KINDS) - {"range"}:
            assert done[key, kind], (key, kind)
        assert done[key, "type"] >= len(configs.SCALARS) + len(configs.COLLECTIONS)
    bounded = {".".join(key) for key, kind in configs.fields(type(load([ConfigFile("test", {})]))) if list(configs._beyond(kind))}  # fmt: skip
    assert len(bounded) > 60
    assert all(done[key, "range"] for key in bounded)
    assert done.total() + sum(1 for _ in volumes.mutations()) > 500


def test_a_part_of_the_configurations(tmp_path, capsys):
    through_configs(random.Random(5).sample(list(configs.mutations()), 60), tmp_path, capsys)


def test_a_part_of_the_volumes(tmp_path, capsys):
    through_volumes(random.Random(5).sample(list(volumes.mutations()), 30), tmp_path, capsys)


@pytest.mark.fuzz
def test_all_configurations(tmp_path, capsys):
    through_configs(list(configs.mutations()), tmp_path, capsys)


@pytest.mark.fuzz
def test_all_volumes(tmp_path, capsys):
    through_volumes(list(volumes.mutations()), tmp_path, capsys)


@pytest.mark.fuzz
def test_configurations_that_are_taken_run(tmp_path, capsys):
    """Of each key one that differs from the default, through all stages."""
    taken: dict[str, configs.Mutation] = {}
    mutations = list(configs.mutations())
    random.Random(7).shuffle(mutations)
    for mutation in mutations:
        key = ".".join(mutation.key)
        if key in taken or mutation.kind not in ("type", "range") or not differs(mutation):
            continue
        # Hundreds of processes, or a batch of thousands, would be right, but not on the machine of this test.
        if is_modest(changed(mutation), most=2 if key.endswith("num_workers") else 50):
            taken[key] = mutation
    named = rf"fuzz\.toml|\b({TABLES})\.\w+|GiB|GPU"
    endings = ((m.name, config_ending(m, tmp_path / f"{n}", capsys, *CHAIN), named) for n, m in enumerate(taken.values()))  # fmt: skip
    go_through("configurations through all stages", endings, capsys)


def changed(mutation: configs.Mutation) -> Any:
    value: Any = mutation.tables
    for part in mutation.key:
        value = value[part]
    return value


def is_modest(value: Any, most: float) -> bool:
    """Whether no number is one that takes minutes to compute with."""
    if isinstance(value, dict | list):
        return all(is_modest(entry, most) for entry in (value.values() if isinstance(value, dict) else value))
    return not isinstance(value, int | float) or abs(value) <= most


def differs(mutation: configs.Mutation) -> bool:
    """Whether a configuration is taken and not what it was before."""
    try:
        config = load([ConfigFile("fuzz.toml", mutation.tables)])
    except (InputError, TypeError):  # a date, which reading a file refuses
        return False
    return dump(config) != dump(load([ConfigFile("fuzz.toml", configs.base(mutation.method))]))


BROKEN: dict[str, Any] = {
    "empty": (b"", True),
    "cut off": (b"[training]\nmax_iterat", False),
    "an open text": (b'data.path = "', False),
    "binary": (bytes(range(256)) * 10, False),
    "a BOM": (b"\xef\xbb\xbf[general]\nseed = 3\n", True),
    "another encoding": ("[general]\nseed = 3\n".encode("utf-16"), True),
    "a key twice": (b"general.seed = 1\ngeneral.seed = 2\n", False),
    "a table twice": (b"[general]\nseed = 1\n[general]\nseed = 2\n", False),
    "a table and a key": (b"general = 1\n[general]\nseed = 2\n", False),
    "10,000 lists in each other": (b"data.path = " + b"[" * 10_000 + b"]" * 10_000, False),
    "10,000 tables in each other": (b"a" + b".a" * 10_000 + b" = 1", False),
    "1,500 tables in each other": (b"a" + b".a" * 1500 + b" = 1", False),
    "thirty lists in each other": (b"data.path = " + b"[" * 30 + b"]" * 30, False),
    "a number of 10,000 digits": (b"general.seed = " + b"1" * 10_000, False),
    "2,000 keys": (b"".join(b"key_%d = 1\n" % number for number in range(2_000)), False),
    "Windows line ends": (b"[general]\r\nseed = 3\r\n", True),
    "a null": (b'data.path = "a\\u0000b"', False),
    "a date": (b"data.path = 2024-02-29", False),
}


@pytest.mark.parametrize(("content", "taken"), BROKEN.values(), ids=BROKEN)
def test_files_that_are_no_configuration(tmp_path, capsys, content, taken):
    (tmp_path / "first.toml").write_text(configs.as_text(configs.base("threeclass")))
    (tmp_path / "fuzz.toml").write_bytes(content)
    files = ["-c", str(tmp_path / "first.toml"), "-c", str(tmp_path / "fuzz.toml")]
    ending = attempt([*files, "-r", str(tmp_path / "root"), "-d", "all", "--dry-run"], tmp_path, capsys)
    assert ending.kind == ("runs" if taken else "refused"), ending.error
    assert not complaint(ending, re.escape(str(tmp_path / "fuzz.toml")))


PLACES = {name: volumes.FILES[name] for name in ("a folder", "a link in a circle", "a link to nowhere", "gone")}
PLACES["100 MB"] = lambda path: os.truncate(path, 10**8)


@pytest.mark.parametrize("change", PLACES.values(), ids=PLACES)
def test_places_without_a_configuration(tmp_path, capsys, change):
    (tmp_path / "fuzz.toml").touch()
    change(tmp_path / "fuzz.toml")
    ending = attempt(["-c", str(tmp_path / "fuzz.toml"), "-r", str(tmp_path / "root"), "-d", "all"], tmp_path, capsys)
    assert ending.kind == "refused", ending.error
    assert not complaint(ending, re.escape(str(tmp_path / "fuzz.toml")))
