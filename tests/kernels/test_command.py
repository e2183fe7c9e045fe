"""The command line: refused arguments and their messages."""

import pytest

from hpc_kernels.__main__ import main
from hpc_kernels.jobs import judge

REFUSED = {
    "nothing": ([], "the following arguments are required"),
    "no such command": (["walk"], "invalid choice: 'walk'"),
    "no job": (["run"], "the following arguments are required: job"),
    "two jobs": (["run", "a.json", "b.json"], "unrecognized arguments: b.json"),
    "warm takes nothing": (["warm", "fft"], "unrecognized arguments: fft"),
    "info takes nothing": (["info", "-v"], "unrecognized arguments: -v"),
    "no signals": (["bench", "--signals", "0"], "must be a whole number of at least 1, not '0'"),
    "negative threads": (["bench", "--threads", "-1"], "must be a whole number of at least 1, not '-1'"),
    "text": (["bench", "--samples", "1e3"], "must be a whole number of at least 1, not '1e3'"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""


@pytest.mark.parametrize("name", ["-x.csv", "--help", "--", "-1"])
def test_the_name_of_a_table_is_no_option(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "judge_standard_input", lambda name: [name])
    assert main(["judge", "--", name]) == 0
    assert capsys.readouterr() == (f"{name}\n", "")


def test_a_job_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "/nowhere/job.json"]) == 2
    assert capsys.readouterr() == ("", "/nowhere/job.json: cannot be read: No such file or directory\n")
