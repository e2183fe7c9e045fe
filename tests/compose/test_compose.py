"""The production shape really run: compose.yaml's containers, a user's three steps, a series of deaths."""

import io
import json
import os
from collections.abc import Iterator
from importlib import resources

import httpx
import numpy as np
import pytest

from tests.compose.deployment import (
    API_PORT,
    BUCKET,
    CLUSTER,
    FLOWER_PORT,
    PROJECT,
    STORE_PORT,
    Container,
    Gateway,
    compose,
    podman,
    secret,
    store,
)
from tests.polling import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]

API, FLOWER = f"http://127.0.0.1:{API_PORT}", f"http://127.0.0.1:{FLOWER_PORT}"
SERVICES = (
    *("api", "flower", "beat", "worker-housekeeping", "worker-excess"),
    *("postgres", "valkey", "s3", "slurmctld", "node1", "node2"),
)


@pytest.fixture(scope="module", autouse=True)
def deployed() -> Iterator[None]:
    if "GATEWAY_TEST_COMPOSE" not in os.environ:
        pytest.skip("no images: tests/compose/run.sh builds them and runs these tests")
    try:
        compose("up", "--detach")
        yield
    finally:
        compose("down", "--volumes", "--timeout", "10")
    for kind in ("ps --all", "volume ls", "network ls"):
        left = podman(*kind.split(), "--format", "{{.Name}}" if kind != "ps --all" else "{{.Names}}").decode()
        assert PROJECT not in left, left


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    made = ("exec", Container("api").name, "hpc-gateway", "keys", "create", "ada", "--expires", "1h")
    key = podman(*made).decode().strip()
    with httpx.Client(base_url=API, headers={"Authorization": f"Bearer {key}"}, timeout=30) as http:
        found = Gateway(http)
        until("the cluster is served", lambda: _served(http), 120)
        store("bucket", BUCKET)
        yield found


def _served(http: httpx.Client) -> bool:
    clusters = http.get("/health/ready").json().get("clusters", {})
    return set(clusters.get(CLUSTER, {"": "?"}).values()) == {"ok"}


def _recording() -> bytes:
    return resources.files("hpc_gateway_commands.demo").joinpath("acceleration_12.csv").read_bytes()


def _table(data: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    lines = data.decode().rstrip("\n").split("\n")
    columns = len([name for name in lines[0].split(";") if name])
    return np.loadtxt(io.StringIO("\n".join(lines[1:])), delimiter=";", usecols=range(columns), ndmin=2)


def _assert_is_spectrum(result: bytes) -> None:
    expected = np.abs(np.fft.fft(_table(_recording()), axis=0))
    found = _table(result)
    assert found.shape == expected.shape
    assert np.max(np.abs(found - expected) / expected.max(axis=0)) < 1e-9


def _three_steps(gateway: Gateway, name: str, meanwhile: Container | None = None) -> None:
    """Take the recording through the three steps; what is named dies while the first two are on their way."""
    store("put", f"{BUCKET}/{name}.csv", _recording())
    moved = gateway.stage_in(f"{name}.csv", f"serrano/data/Init_Data/{name}.csv")
    if meanwhile:
        meanwhile.crash()
    staged = gateway.ended("/s3_data", moved)
    assert (staged["state"], staged["reason"]) == ("completed", "")
    asked = gateway.compute(f"/Init_Data/{name}.csv")
    if meanwhile:
        meanwhile.crash()
    job = gateway.ended("/job", asked)
    assert (job["state"], job["reason"]) == ("succeeded", "")
    sent = gateway.stage_out(job["outputs"][0]["path"], f"{name}.out.csv")
    assert gateway.ended("/s3_result", sent)["state"] == "completed"
    _assert_is_spectrum(store("get", f"{BUCKET}/{name}.out.csv"))


def test_the_three_steps(gateway: Gateway) -> None:
    _three_steps(gateway, "first")


def test_a_retry(gateway: Gateway) -> None:
    asked = gateway.stage_in("second.csv", "serrano/data/Init_Data/second.csv", bucket="elsewhere")
    failed = gateway.ended("/s3_data", asked)
    assert (failed["state"], failed["attempt"]) == ("failed", 1)
    assert "elsewhere" in failed["reason"]
    store("bucket", "elsewhere")
    store("put", "elsewhere/second.csv", _recording())
    gateway.post(f"/s3_data/{asked['id']}/retry", {"by": "ada", "reason": "made the bucket"})
    again = gateway.ended("/s3_data", asked)
    assert (again["state"], again["attempt"]) == ("completed", 2)


def test_flower_wants_its_password_and_shows_the_work(gateway: Gateway) -> None:
    with httpx.Client(base_url=FLOWER, timeout=30) as stranger:
        assert stranger.get("/api/tasks").status_code == 401
        assert stranger.get("/").status_code == 401
    user, _, password = secret("flower_basic_auth").partition(":")
    with httpx.Client(base_url=FLOWER, auth=(user, password), timeout=30) as operator:
        names = {task["name"] for task in operator.get("/api/tasks").json().values()}
    assert {"transfers.run", "jobs.submit", "jobs.finish"} <= names


def test_strangers_are_refused() -> None:
    assert httpx.get(f"{API}/job", timeout=30).status_code == 401


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_can_do_nothing_that_it_need_not(service: str) -> None:
    container = Container(service)
    seen = container.seen()
    assert container.shell("touch /usr/x").returncode != 0
    assert seen["HostConfig"]["ReadonlyRootfs"]
    status = dict(
        line.split(":\t", 1)
        for line in container.shell("cat /proc/1/status").stdout.splitlines()
        if ":\t" in line
    )
    assert status["NoNewPrivs"] == "1"
    if service != "s3":  # a stand-in for stores that are elsewhere: root, with one capability
        assert "0" not in status["Uid"].split()
        assert int(status["CapEff"], 16) == 0
    bound = seen["HostConfig"]["PortBindings"].values()
    published = {(each["HostIp"], each["HostPort"]) for bindings in bound for each in bindings or ()}
    port = {"api": API_PORT, "flower": FLOWER_PORT, "s3": STORE_PORT}.get(service)
    assert published == ({("127.0.0.1", port)} if port else set())


@pytest.mark.parametrize(
    ("service", "peer", "reached"),
    [
        ("api", "postgres", True),
        ("api", "slurmctld", False),
        ("api", "s3", False),
        ("worker-excess", "s3", True),
        ("worker-excess", "slurmctld", True),
        ("worker-housekeeping", "s3", True),
        ("node1", "postgres", False),
        ("node1", "s3", False),
    ],
)
def test_the_zones(service: str, peer: str, *, reached: bool) -> None:
    assert (Container(service).shell(f"getent hosts {peer}").returncode == 0) == reached


def test_no_secret_is_in_an_environment_or_a_command_line() -> None:
    secrets = [
        secret(name)
        for name in (
            "postgres_password",
            "valkey_password",
            "s3_secret_key",
            "store_secret_key",
            "credentials_key",
        )
    ]
    for service in SERVICES:
        seen = json.dumps(Container(service).seen())
        assert not [name for name in secrets if name in seen]


@pytest.mark.parametrize(
    "service",
    ["api", "worker-excess", "beat", "valkey", "postgres", "slurmctld"],
)
def test_work_ends_rightly_whatever_dies(gateway: Gateway, service: str) -> None:
    _three_steps(gateway, f"through-{service}", meanwhile=Container(service))


def test_nothing_was_done_twice(gateway: Gateway) -> None:
    listed = Container("slurmctld").shell('squeue -h -t all -o "%j %T"').stdout.splitlines()
    completed = [line.split()[0] for line in listed if line.endswith("COMPLETED")]
    assert len(completed) == len(set(completed))
