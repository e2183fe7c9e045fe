"""Paths from clients: normalised and confined."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clusters.paths import client_path, confine, join_below
from gateway.errors import Invalid

HOME = PurePosixPath("/home/user")
SCRATCH = PurePosixPath("/scratch")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("serrano/data/x.csv", "/home/user/serrano/data/x.csv"),
        ("./a//b/../c", "/home/user/a/c"),
        ("${HOME}/serrano", "/home/user/serrano"),
        ("${HOME}", "/home/user"),
        ("/scratch/x", "/scratch/x"),
        ("größe ünd +%/x", "/home/user/größe ünd +%/x"),
        ("${HOMER}/x", "/home/user/${HOMER}/x"),
        ("$(id)", "/home/user/$(id)"),
    ],
)
def test_a_path_inside_a_root_is_normalised(text: str, path: str) -> None:
    assert confine(text, HOME, [HOME, SCRATCH], "dst") == PurePosixPath(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "..",
        "../x",
        "a/../../x",
        "/etc/passwd",
        "/home/user2/x",
        "a\0b",
        "${HOME}/../x",
        "/scratch/../etc",
        "é/" * 1400,
        "\udc80" * 1400,
    ],
)
def test_a_path_that_leaves_or_is_none_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(Invalid, match="^dst: "):
        confine(text, HOME, [HOME, SCRATCH], "dst")


@given(st.text(alphabet="ab./~$\0{}HOME", max_size=40))
def test_no_text_leaves_the_roots(text: str) -> None:
    try:
        path = confine(text, HOME, [HOME], "dst")
    except Invalid:
        return
    assert path.is_relative_to(HOME)
    assert ".." not in path.parts


def test_joining_as_text_never_starts_at_the_filesystem_root() -> None:
    assert join_below(PurePosixPath("${HOME}/serrano"), "/data") == "${HOME}/serrano/data"


def test_a_path_is_shown_as_a_client_writes_it() -> None:
    assert client_path(HOME / "serrano/x", HOME) == "serrano/x"
    assert client_path(SCRATCH / "x", HOME) == "/scratch/x"
