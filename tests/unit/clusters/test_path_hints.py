"""Paths that repeat the data folder or leave it out, and the ones that were probably meant."""

import pytest

from gateway.clusters.path_hints import meant_input, meant_place


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("serrano/data/Init_Data/x.csv", None),
        ("${HOME}/serrano/data/x.csv", None),
        ("mine/x.csv", None),
        ("serrano/data", None),
        ("serrano/data/serrano/x.csv", None),
        ("data/x.csv", None),
        ("serrano/data/serrano/data/Init_Data/x.csv", "serrano/data/Init_Data/x.csv"),
        ("serrano/data/serrano/data/serrano/data/x.csv", "serrano/data/x.csv"),
        ("serrano//data/./serrano/data/x/", "serrano/data/x/"),
        ("/serrano/data/Output_Data/x.csv", "serrano/data/Output_Data/x.csv"),
        ("Output_Data/CSVFormate/x.csv", "serrano/data/Output_Data/CSVFormate/x.csv"),
        ("/Init_Data/x.csv", "serrano/data/Init_Data/x.csv"),
        ("serrano/data/data/Init_Data/x.csv", "serrano/data/Init_Data/x.csv"),
        ("~/serrano/data/x.csv", "serrano/data/x.csv"),
        ("$HOME/Init_Data/x.csv", "serrano/data/Init_Data/x.csv"),
        ("~x/y.csv", None),
    ],
)
def test_the_place_of_a_transfer(text: str, meant: str | None) -> None:
    assert meant_place(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("/Init_Data/x.csv", None),
        ("Init_Data/x.csv", None),
        ("/x.csv", None),
        ("/data/x.csv", None),
        ("serrano/data/Init_Data/x.csv", "/Init_Data/x.csv"),
        ("/serrano/data/serrano/data/x.csv", "/x.csv"),
        ("${HOME}/serrano/data/x.csv", "/x.csv"),
        ("/data/Init_Data/x.csv", "/Init_Data/x.csv"),
    ],
)
def test_the_input_of_a_job(text: str, meant: str | None) -> None:
    assert meant_input(text) == meant
