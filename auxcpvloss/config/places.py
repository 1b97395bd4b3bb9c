"""Where configuration files are: in the checkout, or shipped inside the installed package."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from auxcpvloss.system.errors import InputError


def config_folder() -> Path:
    """Folder of ``default.toml`` and of the applications."""
    package = Path(__file__).parent
    checkout = package.parents[1] / "config"
    return checkout if (checkout / "default.toml").is_file() else package / "files"


def known() -> dict[str, list[str]]:
    """Give the applications that can be named with ``-a``, each with its setups for ``-s``."""
    apps = sorted(folder for folder in config_folder().iterdir() if (folder / "data.toml").is_file())
    return {app.name: sorted(f.stem for f in app.glob("*.toml") if f.name != "data.toml") for app in apps}


def find_config(app: str, setup: str | None = None) -> Path:
    """File of an application's data, or of one of its setups, by name.

    Raises
    ------
    InputError
        Unknown application or setup; the message lists the known ones.
    """
    apps = known()
    if app not in apps:
        raise InputError(f"-a {app}: unknown application{_suggest(app, apps)}; known: {', '.join(apps)}.")
    if setup is None:
        return config_folder() / app / "data.toml"
    if setup not in apps[app]:
        listing = ", ".join(apps[app])
        raise InputError(f"-s {setup}: unknown setup of {app}{_suggest(setup, apps[app])}; known: {listing}.")
    return config_folder() / app / f"{setup}.toml"


def _suggest(name: str, names: object) -> str:
    close = get_close_matches(name, list(names), n=1)  # type: ignore[call-overload]
    return f"; did you mean '{close[0]}'?" if close else ""
