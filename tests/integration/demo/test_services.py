"""The services that come as wheels: they work, keep their secrets, and leave nothing behind."""

import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from gateway.errors import Unavailable
from hpc_gateway_commands.demo import services as demo_services
from hpc_gateway_commands.demo.services import ObjectStore, Valkey, free_ports
from tests import services
from tests.filesystems import large_and_nearly_full


def test_valkey_keeps_its_data_over_a_restart(tmp_path: Path) -> None:
    service = Valkey(free_ports(1)[0], tmp_path)
    with services.running(service, tmp_path / "log"), redis.Redis.from_url(service.url) as client:
        client.set("key", "value")
    with services.running(service, tmp_path / "log"), redis.Redis.from_url(service.url) as client:
        assert client.get("key") == b"value"


def test_a_service_that_never_answers_is_told(tmp_path: Path) -> None:
    service = Valkey(free_ports(1)[0], tmp_path)
    with pytest.raises(Unavailable, match=rf"{service.url} after 0 s; \d+ MiB are free in {tmp_path}"):
        service.wait_ready(timeout_s=0.2)
    store = ObjectStore(free_ports(1)[0], tmp_path, "access", "geheim")
    assert not store.ready()


def test_the_object_stores_secret_is_neither_shown_nor_on_the_command_line(tmp_path: Path) -> None:
    store = ObjectStore(1234, tmp_path / "s3", "access", "geheim")
    store.prepare()
    accounts = tmp_path / "s3/accounts.json"
    assert stat.S_IMODE(accounts.stat().st_mode) == 0o600
    assert "geheim" in accounts.read_text()
    assert "geheim" not in f"{store!r} {store.argv} {store.env}"


def test_free_ports_differ_and_are_given_once() -> None:
    assert len({*free_ports(20), *free_ports(20), *free_ports(1)}) == 41


def test_a_free_port_is_one_that_nobody_listens_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((demo_services.LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(demo_services, "_PORTS", [*range(14_000, 14_010), *[port] * 90])
        assert port not in free_ports(3)


def test_another_server_at_its_port_is_not_taken_for_the_store(tmp_path: Path) -> None:
    with services.object_store(tmp_path) as other:
        same_account = ObjectStore(other.port, tmp_path / "ours", other.access_key, other.secret_key)
        assert other.ready()
        assert not same_account.ready()


@pytest.mark.parametrize("part", [0, 2, 4])  # its master, volume and filer, which answer in JSON
def test_another_part_of_the_store_at_its_port_is_not_taken_for_it(part: int, tmp_path: Path) -> None:
    with services.object_store(tmp_path) as store:
        wrong = replace(store, port=store.other_ports[part])
        assert not wrong.ready()


def test_the_object_store_works_in_a_folder_whose_path_is_too_long_for_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 15) / ("longer" * 15)
    folder.mkdir(parents=True)
    with services.object_store(folder) as store:
        assert store.ready()
    assert not list(Path("/tmp").glob(f"seaweedfs-*-{store.other_ports[0]}.sock"))  # noqa: S108  where it would be


def test_the_object_store_works_on_a_disk_that_is_99_percent_full(tmp_path: Path) -> None:
    """There are still 600 MiB: SeaweedFS would refuse to write by default, and the demo not start."""
    disk = tmp_path / "disk"
    with large_and_nearly_full(disk, 600 << 20), services.object_store(disk) as store:
        s3 = store.client()
        for bucket in ("one", "two", "three"):  # seven volumes each
            s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key="key", Body=b"kept")
            assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"kept"
