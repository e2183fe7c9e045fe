"""Commands over a real sshd: exact arguments, results, bounds, and servers and accounts that refuse."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from gateway.command_runners.base import (
    CommandOutputTooLarge,
    CommandResult,
    CommandsUnavailable,
    CommandTimedOut,
)
from gateway.command_runners.ssh.connections import close_all, kept_connection
from gateway.command_runners.ssh.errors import SshRefused, SshUnavailable
from gateway.command_runners.ssh.runner import MOST_SHELLS, SshRunner
from tests.polling import until
from tests.sshd import Sshd, make_key, running

HOSTILE = ("it's", 'a "b" $HOME `id` $(id) \\n', "*", "", "-n", "ä\t%s%d", "a\nb\n", "; id; #", "!x ~ {a,b}")


@pytest.fixture
def runner(sshd: Sshd, home: Path) -> SshRunner:
    return SshRunner(sshd.cluster(home))


def test_arguments_and_input_arrive_as_they_are(runner: SshRunner) -> None:
    result = runner.run(["printf", "%s|", *HOSTILE])
    assert (result.returncode, result.stdout.decode()) == (0, "|".join((*HOSTILE, "")))
    data = bytes(range(1, 256)) * 40 + b"'%s\\0\n" * 5
    assert runner.run(["cat"], stdin=data).stdout == data
    assert runner.run(["true"], stdin=b"id\n" * 1000).stdout == b""
    name = b"/\xff \n".decode("utf-8", "surrogateescape")  # as SFTP tells a name that is not UTF-8
    assert runner.run(["printf", "%s", name]).stdout == b"/\xff \n"
    assert runner.run(["printf", "%s", name.strip()]).stdout == b"/\xff"


def test_hostile_output_is_data(runner: SshRunner) -> None:
    """The output looks like marks, statuses, escapes and the words of the client; it comes back as it is."""
    hostile = (
        b"\n0 " + b"0" * 32 + b"\n\n127 x\nmux_client_request_session: refused\nPermission denied (publickey)"
        b"\n\x1b]0;title\x07\x00\xff not found REMOTE HOST IDENTIFICATION HAS CHANGED\n$(id)`id`'\"\n"
    )
    found = runner.run(["sh", "-c", "cat; exit 126"], stdin=hostile)
    assert (found.status, found.stdout) == (126, hostile)
    both = runner.run(["tee", "/dev/stderr"], stdin=hostile)
    assert both == CommandResult(0, hostile, hostile)
    assert runner.run(["echo", "well"]) == CommandResult(0, b"well\n", b"")


@pytest.mark.parametrize(
    ("script", "status", "stdout", "stderr"),
    [
        ("printf out; printf err >&2; exit 3", 3, b"out", b"err"),
        ("kill -9 $$", -9, b"", None),
        ("cat; pwd; echo $LANG", 0, b"/\nC.UTF-8\n", b""),
        ("if true\nthen echo two lines\nfi", 0, b"two lines\n", b""),
    ],
    ids=["streams", "signal", "surroundings", "lines"],
)
def test_results(runner: SshRunner, script: str, status: int, stdout: bytes, stderr: bytes | None) -> None:
    result = runner.run(["sh", "-c", script])
    assert (result.returncode, result.stdout) == (status, stdout)
    assert stderr is None or result.stderr == stderr


def test_commands_have_bounds_and_the_next_one_is_well(runner: SshRunner) -> None:
    with pytest.raises(CommandTimedOut, match="sleep did not answer within 0.3 s"):
        runner.run(["sleep", "60"], timeout_s=0.3)
    with pytest.raises(CommandOutputTooLarge, match="yes printed more than 1,000 bytes"):
        runner.run(["yes"], limit=1000)
    with pytest.raises(CommandsUnavailable, match="nonesuch is not found on .*: correct `path`"):
        runner.run(["nonesuch"])
    with pytest.raises(SshRefused, match="NUL"):
        runner.run(["echo", "a\0b"])
    assert runner.run(["echo", "well"]).stdout == b"well\n"


def test_a_process_has_one_connection_and_few_channels(runner: SshRunner, sshd: Sshd) -> None:
    threads = [threading.Thread(target=runner.run, args=(["sleep", "0.05"],)) for _ in range(4 * MOST_SHELLS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sshd.sessions()) == 1


def test_a_broken_connection_is_made_anew(runner: SshRunner, sshd: Sshd, home: Path) -> None:
    runner.run(["true"])
    connection = kept_connection(sshd.cluster(home)).get()
    for pid in sshd.sessions():
        os.kill(pid, signal.SIGKILL)
    until("the connection ends", lambda: not connection.is_alive())
    assert runner.run(["echo", "again"]).stdout == b"again\n"


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_keys_with_a_passphrase(sshd: Sshd, home: Path, tmp_path: Path, kind: str) -> None:
    key, own = make_key(tmp_path / "key", kind, "open sesame"), sshd.key.with_suffix(".pub").read_text()
    sshd.authorize(own, key.with_suffix(".pub").read_text())
    (tmp_path / "passphrase").write_text("open sesame\n")
    access = sshd.access(key=PurePosixPath(key), passphrase_file=PurePosixPath(tmp_path / "passphrase"))
    assert SshRunner(sshd.cluster(home, ssh=access)).run(["echo", "in"]).stdout == b"in\n"


def test_a_certificate(sshd: Sshd, home: Path, tmp_path: Path) -> None:
    authority, key = make_key(tmp_path / "ca"), make_key(tmp_path / "key")
    sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "gateway", "-n", "root", f"{key}.pub"]
    subprocess.run(sign, check=True)
    own = sshd.key.with_suffix(".pub").read_text()
    sshd.authorize(own, f"cert-authority {authority.with_suffix('.pub').read_text()}")
    access = sshd.access(key=PurePosixPath(key), certificate=PurePosixPath(tmp_path / "key-cert.pub"))
    assert SshRunner(sshd.cluster(home, ssh=access)).run(["echo", "in"]).stdout == b"in\n"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_jump_host_looks_up_the_name(
    sshd: Sshd, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setattr("gateway.command_runners.ssh.address._look_up", None)
    with running(tmp_path) as first:
        jump = first.access().model_dump(exclude={"jump", "judged", "bound_to"})
        access = sshd.access(jump=jump, host=host)
        assert SshRunner(sshd.cluster(home, ssh=access)).run(["echo", "in"]).stdout == b"in\n"
        assert len(first.sessions()) == 1


@pytest.fixture
def agent(sshd: Sshd, tmp_path: Path) -> Iterator[Path]:
    """The socket of an agent that holds the key."""
    socket = tmp_path / "agent"
    with subprocess.Popen(["/usr/bin/ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL) as process:
        until("the agent listens", socket.exists)
        add_key(socket, str(sshd.key))
        yield socket
        process.terminate()


def add_key(agent: Path, *words: str) -> None:
    environment = {"SSH_AUTH_SOCK": str(agent)}
    subprocess.run(["/usr/bin/ssh-add", "-q", *words], env=environment, check=True)


def test_a_key_of_an_agent(sshd: Sshd, home: Path, agent: Path) -> None:
    runner = SshRunner(sshd.cluster(home, ssh=sshd.access(key=None, agent=PurePosixPath(agent))))
    assert runner.run(["echo", "in"]).stdout == b"in\n"
    add_key(agent, "-D")
    close_all()
    with pytest.raises(SshRefused, match="does not accept the SSH key"):
        runner.run(["echo", "in"])


def test_a_banner_is_no_part_of_an_answer(home: Path, tmp_path: Path) -> None:
    (tmp_path / "banner").write_text("Permission denied (by a banner)\n0 0\n")
    with running(tmp_path, f"Banner {tmp_path}/banner\nPrintMotd yes") as server:
        runner = SshRunner(server.cluster(home))
        assert runner.run(["echo", "in"]) == CommandResult(0, b"in\n", b"")
        assert runner.chatter() == ""


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"host_key": "other"}, SshRefused, "the host key of .* has changed"),
        ({"host_key": ""}, SshRefused, "the ED25519 host key of .* is not known"),
        ({"key": "other"}, SshRefused, "does not accept the SSH key"),
        ({"key": PurePosixPath("/no/such/key")}, SshRefused, "does not accept the SSH key"),
        ({"port": 1}, SshUnavailable, "cannot be reached over SSH"),
        ({"host": "nonesuch.invalid"}, (SshRefused, SshUnavailable), "nonesuch.invalid"),
        ({"judged": True}, SshRefused, "is not in GATEWAY_SSH_HOSTS"),
    ],
    ids=["changed", "unknown", "key", "no-key", "refused", "no-host", "unlisted"],
)
def test_refusals(
    *, sshd: Sshd, home: Path, tmp_path: Path, change: dict[str, Any], error: type[Exception], says: str
) -> None:
    other = make_key(tmp_path / "other")
    named = {"host_key": " ".join(other.with_suffix(".pub").read_text().split()[:2]), "key": other}
    given = {name: named[name] if value == "other" else value for name, value in change.items()}
    cluster = sshd.cluster(home, ssh=sshd.access(**given))
    with pytest.raises(error, match=says) as first:
        SshRunner(cluster).run(["true"])
    with pytest.raises(error) as second:
        SshRunner(cluster).run(["true"])
    assert second.value is first.value  # no second try within the pause
    assert "/no/such/key" not in str(first.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ('command="echo only this"', "runs no commands and answers 'only this'"),
        ('command="/bin/true"', "runs no commands and answers nothing"),
        (
            'command="/bin/bash -r -c \\"$SSH_ORIGINAL_COMMAND\\""',
            "runs no commands and answers '.*restricted",
        ),
    ],
    ids=["forced", "silent", "restricted"],
)
def test_accounts_that_run_no_commands(
    sshd: Sshd, home: Path, tmp_path: Path, options: str, says: str
) -> None:
    key, own = make_key(tmp_path / "key"), sshd.key.with_suffix(".pub").read_text()
    sshd.authorize(own, f"{options} {key.with_suffix('.pub').read_text()}")
    with pytest.raises(SshRefused, match=says):
        SshRunner(sshd.cluster(home, ssh=sshd.access(key=PurePosixPath(key)))).run(["true"])


def test_chatty_start_files_are_cut_off_and_told(sshd: Sshd, home: Path, tmp_path: Path) -> None:
    key, own = make_key(tmp_path / "key"), sshd.key.with_suffix(".pub").read_text()
    chatty = 'command="echo Welcome to the cluster; echo oops >&2; eval \\"$SSH_ORIGINAL_COMMAND\\""'
    sshd.authorize(own, f"{chatty} {key.with_suffix('.pub').read_text()}")
    runner = SshRunner(sshd.cluster(home, ssh=sshd.access(key=PurePosixPath(key))))
    assert runner.run(["echo", "plain"]).stdout == b"plain\n"
    assert runner.chatter() == "Welcome to the cluster oops"


@pytest.mark.long
def test_a_frozen_connection_is_given_up(runner: SshRunner, sshd: Sshd) -> None:
    runner.run(["true"])
    (frozen,) = sshd.sessions()
    os.kill(frozen, signal.SIGSTOP)
    try:
        with pytest.raises(CommandTimedOut):
            runner.run(["echo", "lost"], timeout_s=1)
        with pytest.raises(SshUnavailable):  # no shell is opened, and the connection is ended
            runner.run(["echo", "lost"])
        assert runner.run(["echo", "again"]).stdout == b"again\n"
    finally:
        os.kill(frozen, signal.SIGKILL)


@pytest.mark.long
def test_a_killed_process_leaves_no_client(sshd: Sshd, home: Path) -> None:
    """The client, its guard and its folder end with the process that made them."""
    program = (
        "import sys, time; from tests.sshd import Sshd; from pathlib import Path, PurePosixPath;"
        "from gateway.clusters.configuration import Cluster;"
        "from gateway.command_runners.ssh.runner import SshRunner;"
        "cluster = Cluster.model_validate_json(sys.argv[1]);"
        "SshRunner(cluster).run(['true']); print('ready', flush=True); time.sleep(600)"
    )
    argv = [sys.executable, "-c", program, sshd.cluster(home).model_dump_json()]
    before = {*Path(tempfile.gettempdir()).glob("hpc-gateway-ssh-*")}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert len(sshd.sessions()) == 1
        process.kill()
    until("the client has ended", lambda: not sshd.sessions())
    left = {*Path(tempfile.gettempdir()).glob("hpc-gateway-ssh-*")} - before
    until("its folder is gone", lambda: not any(each.exists() for each in left))
