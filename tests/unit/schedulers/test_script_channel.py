"""Submissions that share one command, by real shells and a program that stands for sbatch."""

import re
from pathlib import Path

import pytest

from gateway.command_runners.here import HereRunner
from gateway.errors import Invalid, SchedulerError, SchedulerUnavailable
from gateway.schedulers.clean_environment import in_clean_environment
from gateway.schedulers.script_channel import (
    Answer,
    JobSubmission,
    decode,
    encode,
    read_id,
    results,
    submission_argv,
)

ID = re.compile(r"(\d+)")
PROGRAM = """\
#!/bin/sh
printf '%s|' "$@" >>"$0.args"
echo >>"$0.args"
cat >>"$0.scripts"
case $1 in
--fail=*) echo "sbatch: error: ${1#--fail=}" >&2; exit 1 ;;
esac
echo "warning 1 2 3" >&2
wc -l <"$0.args" | tr -d ' '
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "sbatch"
    path.write_text(PROGRAM)
    path.chmod(0o755)
    return path


def submit(program: Path, jobs: list[JobSubmission]) -> list[str | SchedulerError]:
    done = HereRunner().run(submission_argv(str(program), "/usr/bin"), stdin=encode(jobs))

    def read(_place: int, answer: Answer) -> str | SchedulerError:
        away = "contact" in answer.text
        refusal = SchedulerUnavailable(answer.text) if away else SchedulerError(answer.text)
        return answer.find(ID) or refusal

    return list(results(decode(done.stdout, len(jobs)), read))  # type: ignore[arg-type]


AWKWARD = [
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    '"',
    "a b  c",
    "\\",
    "*",
    "ü",
    "0 0 0",
    "%s",
]
SCRIPT = "#!/bin/bash\n0 5 1\n--fail=x\necho 'a  b' \\\\ $x\n\n"


def test_options_and_scripts_arrive_untouched(program: Path) -> None:
    jobs = [JobSubmission(tuple(f"--x={word}" for word in AWKWARD), SCRIPT), JobSubmission(("--y",), "z\n")]
    assert submit(program, jobs) == ["1", "2"]
    first, second = (program.parent / "sbatch.args").read_text().splitlines()
    assert first.split("|")[:-1] == [f"--x={word}" for word in AWKWARD]
    assert second == "--y|"
    assert (program.parent / "sbatch.scripts").read_text() == SCRIPT.rstrip("\n") + "\nz\n"
    assert not list(program.parent.rglob("pwned"))


def test_a_program_that_reads_no_script_leaves_the_next_job_as_it_is(program: Path) -> None:
    program.write_text('#!/bin/sh\n[ "$1" = --fail ] && exit 3\nexec cat\n')
    big = "0 9 1\n" * 50_000
    found = submit(program, [JobSubmission(("--fail",), big), JobSubmission(("--x",), "7\n")])
    assert isinstance(found[0], SchedulerError)
    assert found[1] == "7"


def test_a_refusal_is_of_one_job_alone(program: Path) -> None:
    found = submit(program, [JobSubmission(("--fail=bad value",), "x"), JobSubmission(("--x",), "x")])
    assert isinstance(found[0], SchedulerError)
    assert "bad value" in found[0].detail
    assert found[1] == "2"


def test_the_first_job_that_finds_no_controller_is_the_last_one_that_is_tried(program: Path) -> None:
    jobs = [JobSubmission((f"--fail=Unable to contact slurm controller {n}",), "x") for n in range(5)]
    found = submit(program, jobs)
    assert (program.parent / "sbatch.args").read_text().count("\n") == 1
    assert {str(error) for error in found} == {str(found[0])}
    assert all(isinstance(error, SchedulerUnavailable) for error in found)


def test_a_missing_program_is_an_answer(tmp_path: Path) -> None:
    (found,) = submit(tmp_path / "none", [JobSubmission(("--x",), "x")])
    assert isinstance(found, SchedulerError)
    assert "No such file" in found.detail


@pytest.mark.parametrize("option", ["", "a\nb", "a\0b"])
def test_an_option_that_no_line_can_hold(option: str) -> None:
    with pytest.raises(Invalid, match="cannot be an option"):
        JobSubmission((option,), "x")


@pytest.mark.parametrize(
    "stdout", [b"", b"0 7\n", b"0 status x\n", b"x 7\nx status 0\n", b"9 7\n9 status 0\n", b"\xff\n", b"0 7"]
)
def test_an_answer_that_was_cut_is_none(stdout: bytes) -> None:
    assert decode(stdout, 1) == [None]


@pytest.mark.parametrize(
    ("answer", "transient"),
    [
        (Answer(0, ("Submitted batch job 7",)), True),
        (Answer(0, ()), True),
        (Answer(137, ("Killed",)), True),
        (Answer(139, ()), True),
        (Answer(1, ("sbatch: error: no",)), False),
        (Answer(153, ("qsub: Unknown Job Id",)), False),
    ],
    ids=["words", "nothing", "killed", "crashed", "refused", "number-of-pbs"],
)
def test_a_program_that_told_no_id_may_have_submitted(answer: Answer, *, transient: bool) -> None:
    found = read_id("sbatch", answer, ID, lambda: SchedulerError("refused"))
    assert isinstance(found, SchedulerError)
    assert found.transient is transient
    assert ("looked for by its name" if transient else "refused") in found.detail


def test_an_answer_is_the_last_line_of_its_form_and_none_of_a_failure() -> None:
    answer = Answer(0, ("5", "warning", "7"))
    assert answer.find(ID) == "7"
    assert Answer(1, ("5",)).find(ID) is None


def test_a_variable_of_the_account_changes_no_answer(tmp_path: Path) -> None:
    conf = tmp_path / "slurm.conf"
    conf.write_text("")
    runner = HereRunner({"SQUEUE_FORMAT": "x", "SBATCH_PARTITION": "x", "SLURM_CONF": "/theirs"})
    shown = runner.run(in_clean_environment(["env"], "/slurm/bin")).stdout.decode().splitlines()
    names = {line.partition("=")[0] for line in shown}
    assert names == {"PATH", "HOME", "LANG", "SLURM_CONF", "TZ", "SLURM_TIME_FORMAT"}
    assert "SLURM_CONF=/theirs" in shown
    assert next(line for line in shown if line.startswith("PATH")).startswith("PATH=/slurm/bin:")
    shown = runner.run(in_clean_environment(["env"], "", str(conf))).stdout.decode().splitlines()
    assert f"SLURM_CONF={conf}" in shown
