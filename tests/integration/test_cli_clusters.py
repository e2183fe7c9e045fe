"""Clusters on the command line: added with all fields, removed, and a typo in a filter refused."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from gateway.db import session_scope, utc_now
from gateway.models import Infrastructure, Job, Webhook
from hpc_gateway_client import Gateway, Refused
from tests.rows import new_job
from tests.run_command import Command
from tests.webhooks import new_webhook

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ENTRY = ("infrastructure", "add", "far", "--host", "login.example.org", "--username", "ada")


@pytest.mark.parametrize(
    "words",
    [
        ("jobs", "list"),
        ("transfers", "list"),
        ("workflow", "list"),
        ("retry",),
        ("cancel", "--state", "accepted"),
    ],
)
def test_a_typo_in_the_cluster_of_a_filter_is_refused_with_the_nearest(
    command: Command, words: tuple[str, ...]
) -> None:
    status, _, said = command(*words, "--on", "hcp")
    assert (status, "there is no cluster 'hcp': did you mean 'hpc'?" in said) == (4, True), said
    assert command(*words, "--on", "hpc")[0] == 0, "nothing found is no error"


def test_rows_of_a_cluster_that_is_gone_are_found(command: Command) -> None:
    row_id = new_job()
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == row_id).values(infrastructure="gone"))
    status, shown, _ = command("jobs", "list", "--on", "gone", "--json")
    assert (status, len(json.loads(shown))) == (0, 1)


def test_a_cluster_is_added_with_all_its_fields(command: Command) -> None:
    more = ("--port", "2222", "--ssh-key", "lab", "--host-key", "ssh-ed25519 AAAA", "--scheduler", "pbs")
    status, shown, said = command(*ENTRY, *more, "--json")
    assert status == 0, said
    [added] = json.loads(shown)
    assert (added["scheduler"], "reason" in added) == ("pbs", True)
    with session_scope(read_only=True) as session:
        row = session.get_one(Infrastructure, "far")
        kept: dict[str, Any] = {name: getattr(row, name) for name in ("port", "host_key", "scheduler")}
    assert kept == {"port": 2222, "host_key": "ssh-ed25519 AAAA", "scheduler": "pbs"}
    assert "far" in command("infrastructure", "list")[1]


def test_a_cluster_is_removed_once(command: Command, command_url: str) -> None:
    assert command(*ENTRY)[0] == 0
    assert command("infrastructure", "remove", "far")[0] == 0
    assert "far" not in command("infrastructure", "list")[1]
    status, _, said = command("infrastructure", "remove", "far")
    assert (status, "far" in said) == (4, True), said
    with Gateway(command_url) as gateway, pytest.raises(Refused):
        gateway.remove_infrastructure("../job/x")


def test_the_status_says_that_nothing_delivers_webhooks(command: Command) -> None:
    hook, _ = new_webhook()
    assert "webhooks:" not in command("status")[1]
    with session_scope() as session:
        an_hour_ago = utc_now() - timedelta(hours=1)
        session.execute(update(Webhook).where(Webhook.id == hook).values(created_at=an_hour_ago))
    assert "webhooks: nothing delivers webhooks for 36" in command("status")[1]


def test_without_any_store_the_option_for_one_is_named(command: Command, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("x\n1\n")
    status, _, said = command("run", "fft", str(data), "--on", "hpc")
    assert (status, "GATEWAY_STORE_ENDPOINT" in said, "--bucket" in said) == (1, True, True), said


@pytest.mark.parametrize("more", [(), ("--bucket", "recordings")], ids=["gateway's store", "bucket"])
def test_resources_are_refused_before_a_byte_moves(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # where nothing listens
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    data = tmp_path / "data.csv"
    data.write_text("x\n1\n")
    status, _, said = command("run", "fft", str(data), "--on", "hpc", "--nodes", "99", *more)
    assert (status, "jobs.0.resources.nodes: 99 nodes are more than" in said) == (1, True), said


def test_another_scheduler_is_refused_with_the_nearest(command: Command) -> None:
    status, _, said = command(*ENTRY, "--scheduler", "slrm")
    assert (status, "did you mean 'slurm'?" in said) == (2, True), said
