"""Hints at paths that repeat the data folder or leave it out, each with the path that was probably meant."""

import os.path

from gateway.clusters.paths import HOME

DATA = "serrano/data"
_INSIDE = ("Init_Data", "Output_Data")  # of the data folder
_WORKSPACE = "data"
_HOMES = ("~/", "$HOME/")  # of shells, which read no path here


def meant_place(text: str) -> str | None:
    """Return the place that a transfer probably meant, relative to the home; None where it is this one."""
    for home in _HOMES:
        if text.startswith(home):
            below = text.removeprefix(home)
            return meant_place(below) or below
    plain = _plain(text)
    rest, names = _without_data(plain)
    is_odd = names > 1 or (names == 0 and rest.partition("/")[0] in _INSIDE)
    return f"{DATA}/{rest}" if is_odd or (names and text.startswith("/")) else None


def meant_input(text: str) -> str | None:
    """Return the path below the data folder that a job probably meant; None where it is this one."""
    rest, names = _without_data(_plain(text))
    return f"/{rest}" if names else None


def _plain(text: str) -> str:
    plain = os.path.normpath(text.removeprefix(HOME).lstrip("/") or ".")
    return f"{plain}/" if text.endswith("/") else plain


def _without_data(plain: str) -> tuple[str, int]:
    """Return the path without the data folder at its beginning, and how often it was there."""
    names = 0
    while plain.startswith(f"{DATA}/"):
        plain, names = plain.removeprefix(f"{DATA}/"), names + 1
    below = plain.removeprefix(f"{_WORKSPACE}/")
    if below != plain and below.partition("/")[0] in _INSIDE:
        return below, names + 1
    return plain, names
