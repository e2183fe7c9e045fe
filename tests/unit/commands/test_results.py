"""Files of results: none takes the place of an input, or of another input's result."""

from pathlib import Path

import pytest
import typer

from hpc_gateway_client import GatewayClientError
from hpc_gateway_client.commands.results import check_inputs, check_output, parse_place
from hpc_gateway_client.result_files import check_place


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a/data.csv", "b/data.csv", "a/data.npy", "a/data_fft.csv", "a/other.csv", "out/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "link.csv").symlink_to("a/data.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("data", "output", "words"),
    [
        (["a/data.csv", "b/data.csv"], "out", "same names"),
        (["a/data.csv", "a/data.npy"], None, "same names"),
        (["a/data.csv", "a/data.csv"], None, "same names"),
        (["a/data.csv", "b/../a/data.csv"], "out", "same names"),
        (["a/data.csv", "a/data_fft.csv"], None, "place of the input a/data_fft.csv"),
        (["b/data.csv", "a/data_fft.csv"], "a", "place of the input a/data_fft.csv"),
    ],
)
def test_a_result_that_would_take_the_place_of_another_file_is_refused(
    data: list[str], output: str | None, words: str
) -> None:
    with pytest.raises(typer.BadParameter, match=words):
        check_inputs([Path(file) for file in data], ["fft"], Path(output) if output else None)


@pytest.mark.parametrize(
    ("data", "output"),
    [
        (["a/data.csv", "b/data.csv"], None),
        (["a/data.csv", "a/other.csv"], "out"),
        (["a/data.csv", "a/data_fft.csv"], "out"),
        (["a/data_fft.csv"], None),
        (["a/data.csv"], "out/x"),
    ],
)
def test_results_in_places_of_their_own_are_saved(data: list[str], output: str | None) -> None:
    check_inputs([Path(file) for file in data], ["fft", "min_max"], Path(output) if output else None)


@pytest.mark.parametrize(
    ("output", "results", "words"),
    [
        ("a/data.csv", 1, "is the input"),
        ("link.csv", 1, "is the input"),
        ("a/other.csv", 2, "is a file, and there are 2 results"),
        ("a/other.csv/below", 2, "cannot be made: Not a directory"),
        ("nowhere/x.csv", 1, "there is no folder nowhere"),
    ],
)
def test_a_place_that_cannot_hold_the_results_is_refused(output: str, results: int, words: str) -> None:
    with pytest.raises(typer.BadParameter, match=words):
        check_output(Path(output), results, [Path("a/data.csv")])


@pytest.mark.parametrize("output", [None, "a/result.csv", "a"])
def test_a_folder_that_cannot_be_written_to_is_refused(
    output: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, _mode: Path(path).name != "a")
    with pytest.raises(typer.BadParameter, match="no result can be written to the folder a:"):
        check_output(Path(output) if output else None, 1, [Path("a/data.csv")])


def test_the_folder_of_several_results_is_made() -> None:
    check_output(Path("new/results"), 2, [Path("a/data.csv")])
    assert Path("new/results").is_dir()


def test_a_name_that_ends_in_a_slash_is_a_folder() -> None:
    assert parse_place("later/").is_dir()
    assert not parse_place("later.csv").exists()
    with pytest.raises(typer.BadParameter, match="cannot be made"):
        parse_place("a/other.csv/")
    check_place("of python/", 1, [Path("a/data.csv")])
    assert Path("of python").is_dir()
    with pytest.raises(GatewayClientError, match="is a file: name a folder"):
        check_place("a/other.csv/", 1, [])
