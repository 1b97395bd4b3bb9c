"""Where configuration files are: in the checkout, or shipped inside the installed package."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import Path

from auxcpvloss.config.toml_files import ConfigFile, read_toml
from auxcpvloss.system.errors import InputError


def config_folder() -> Path:
    """Folder of ``default.toml`` and of the applications."""
    package = Path(__file__).parent
    checkout = package.parents[1] / "config"
    return checkout if (checkout / "default.toml").is_file() else package / "files"


def known() -> dict[str, list[str]]:
    """Give the applications that can be named with ``-a``, each with its setups for ``-s``.

    These are its files, and those of them that a file of auxiliary/ names, with that auxiliary task.
    """
    apps = sorted(folder for folder in config_folder().iterdir() if (folder / "data.toml").is_file())
    return {app.name: sorted(_files(app) | _combinations(app)) for app in apps}


def find_config(app: str) -> Path:
    """Return the file of an application's data; an `InputError` lists the applications if it is unknown."""
    apps = known()
    if app not in apps:
        raise InputError(f"-a {app}: unknown application{_suggest(app, apps)}; known: {', '.join(apps)}.")
    return config_folder() / app / "data.toml"


def find_setup(app: str, setup: str, tasks: Collection[str]) -> list[ConfigFile]:
    """Read a setup of an application, by name: ``sdt``, or ``sdt_cpv``, which is ``sdt`` with an auxiliary task.

    Setup and task are combined from these files, as far as they are there, the later over the earlier: ``sdt.toml``,
    ``auxiliary/cpv.toml`` if it names the setup, and ``sdt_cpv.toml`` with what differs where both come together.

    `tasks` are the names of all auxiliary tasks. An `InputError` lists the known applications or setups.
    """
    folder = find_config(app).parent
    base, added = _take_apart(setup, _files(folder), tasks)
    if not base:
        names = known()[app]
        raise InputError(f"-s {setup}: unknown setup of {app}{_suggest(setup, names)}; known: {', '.join(names)}.")
    alone = ConfigFile.read(folder / f"{base}.toml")
    model = alone.tables.get("model", {})
    with_tasks = {**model, "auxiliary": [*model.get("auxiliary", []), *added]} if added else model
    places = [ConfigFile(alone.name, {**alone.tables, "model": with_tasks})]
    for task in added:
        shared, own = folder / "auxiliary" / f"{task}.toml", folder / f"{base}_{task}.toml"
        if shared.is_file() and base in (tables := read_toml(shared)).pop("setups"):
            places.append(ConfigFile(str(shared), tables))
        if own.is_file():
            places.append(ConfigFile.read(own))
    return places


def _take_apart(setup: str, files: Collection[str], tasks: Collection[str]) -> tuple[str, list[str]]:
    """Give the shortest file that `setup` is made from, "" if there is none, and the tasks that are added to it."""
    parts = setup.split("_")
    for count in range(1, len(parts) + 1):
        base, added = "_".join(parts[:count]), parts[count:]
        if base in files and all(task in tasks for task in added):
            return base, added
    return "", []


def _files(app: Path) -> set[str]:
    return {file.stem for file in app.glob("*.toml")} - {"data"}


def _combinations(app: Path) -> set[str]:
    shared = app.glob("auxiliary/*.toml")
    return {f"{setup}_{file.stem}" for file in shared for setup in read_toml(file)["setups"]}


def _suggest(name: str, names: Iterable[str]) -> str:
    close = get_close_matches(name, list(names), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
