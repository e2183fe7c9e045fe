import json
import logging
import re
import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from sqlalchemy import update

from gateway import leases
from gateway.db import session_scope, utc_now
from gateway.events.webhooks.health import LEASE, LEASE_S
from gateway.logs import JsonLines, work_id
from gateway.models import Webhook, WebhookDelivery
from gateway.settings import get_settings
from gateway.states import JobState
from tests.bodies import DATA
from tests.conftest import absent
from tests.ended_rows import ended_job, failed_transfer
from tests.rows import SECRET, new_transfer
from tests.webhooks import FAILED, change, due, fill, new_webhook, record, rows

ALERTS = Path(__file__).parents[3] / "deploy/alerts.yml"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(api: TestClient) -> Samples:
    answer = api.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert SECRET not in answer.text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def of(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


def _ago(seconds: float) -> datetime:
    return utc_now() - timedelta(seconds=seconds)


def _change(number: int, next_at: datetime) -> None:
    with session_scope() as session:
        session.execute(
            update(WebhookDelivery).where(WebhookDelivery.number == number).values(next_at=next_at)
        )


def test_every_figure_can_be_scraped(api: TestClient, broker: str) -> None:
    with Redis.from_url(broker) as server:
        server.delete("unserved")  # other tests send messages there, too
    failed_transfer()
    new_transfer()
    ended_job(JobState.OUT_OF_MEMORY)
    with session_scope() as session:
        assert leases.acquire_lease(session, leases.watcher_lease("hpc"), "w", 30)
    seen = scrape(api)
    assert of(seen, "gateway_database_up") == 1
    assert of(seen, "gateway_broker_up") == 1
    assert of(seen, "gateway_work", kind="s3_data", infrastructure="hpc", state="failed") == 1
    assert of(seen, "gateway_work", kind="job", infrastructure="hpc", state="out_of_memory") == 1
    assert of(seen, "gateway_failures_last_hour", kind="job", infrastructure="hpc", fault="limit") == 1
    assert of(seen, "gateway_cluster_up", infrastructure="hpc", part="worker") == 1
    assert of(seen, "gateway_cluster_up", infrastructure="unserved", part="worker") == 0
    assert 0 < of(seen, "gateway_oldest_waiting_seconds", infrastructure="hpc") < 60
    assert of(seen, "gateway_oldest_waiting_seconds", infrastructure="unserved") == 0
    assert of(seen, "gateway_queue_messages", queue="unserved") == 0
    assert 0 <= of(seen, "gateway_watch_lag_seconds", infrastructure="hpc") < 10


def test_without_webhooks_nothing_is_told_of_them(api: TestClient) -> None:
    assert not [name for name, _ in scrape(api) if "webhook" in name]
    assert api.get("/overview").json()["webhooks"] == ""


def test_webhooks_whose_process_is_missing_are_seen(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    hook, _ = new_webhook()
    with session_scope() as session:
        session.execute(update(Webhook).where(Webhook.id == hook).values(created_at=_ago(1000)))
    seen = scrape(api)
    assert of(seen, "gateway_webhooks", state="enabled") == 1
    assert of(seen, "gateway_webhook_lag_seconds") >= 999, "no process was there since the hook was made"
    assert "hpc-gateway worker --webhooks" in api.get("/overview").json()["webhooks"]

    with session_scope() as session:
        assert leases.acquire_lease(session, LEASE, "sender", LEASE_S)
    assert of(scrape(api), "gateway_webhook_lag_seconds") < 999
    overview = api.get("/overview").json()
    assert (overview["webhooks"], overview["rounds_s"][LEASE] < 30) == ("", True)
    monkeypatch.setenv("GATEWAY_WEBHOOKS", "false")
    get_settings.cache_clear()
    assert not [name for name, _ in scrape(api) if "webhook" in name]


def test_a_message_is_due_when_it_is_its_turn(api: TestClient) -> None:
    hook, _ = new_webhook()
    failed_transfer()
    fill()
    first, *later = rows(hook)
    assert later, "the events of one row"
    change(hook, next_at=_ago(1000))
    record(due()[0], FAILED)
    for row in later:
        _change(row.number, _ago(1000))
    seen = scrape(api)
    assert of(seen, "gateway_webhook_messages", state="retrying") == 1
    assert of(seen, "gateway_webhook_messages", state="new") == len(later)
    assert of(seen, "gateway_webhook_due_seconds") == 0, "the later ones wait for the first"
    _change(first.number, _ago(500))
    assert 499 < of(scrape(api), "gateway_webhook_due_seconds") < 999


def test_requests_are_counted_by_their_route_and_not_by_their_path(api: TestClient) -> None:
    labels = {"method": "GET", "route": "/job/{id}", "status": "404"}
    key = ("gateway_http_requests_total", tuple(sorted(labels.items())))
    before = scrape(api).get(key, 0)
    for name in ("nonsense", "more-nonsense"):
        api.get(f"/job/{name}")
    api.request("BREW", "/coffee")
    seen = scrape(api)
    assert seen[key] == before + 2
    assert not [name for name in seen if "nonsense" in str(name) or "BREW" in str(name)]


def test_metrics_are_there_without_the_database(settings: None, broker: str) -> None:
    from tests.application import make_app  # noqa: PLC0415  see conftest

    with TestClient(make_app(), raise_server_exceptions=False) as api:
        seen = scrape(api)
    assert of(seen, "gateway_database_up") == 0
    assert of(seen, "gateway_broker_up") == 1


@pytest.mark.parametrize("asked", ["my-id-7", "", "x" * 101, "né", "two words"])
def test_a_request_has_an_id_which_the_client_may_choose(api: TestClient, asked: str) -> None:
    answer = api.get("/services", headers={"X-Request-ID": asked.encode()})
    given = answer.headers["x-request-id"]
    assert (given == asked) == (asked in {"my-id-7", "two words"})
    assert given


def test_a_request_and_its_work_are_joined_in_the_log(
    api: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        row_id = api.post("/s3_data", json=DATA, headers={"X-Request-ID": "abc"}).json()["id"]
    [sent] = [record for record in caplog.records if record.message.startswith("sent transfers.run")]
    assert json.loads(JsonLines().format(sent))["work_id"] == row_id


def test_a_log_line_is_json_whatever_it_holds() -> None:
    work_id.set("the-row")
    record = logging.makeLogRecord(
        {"msg": 'a "quote"\nand a line, é', "levelname": "WARNING", "name": "x", "created": 0.0}
    )
    line = JsonLines().format(record)
    work_id.set("")
    assert "\n" not in line
    assert json.loads(line)["message"] == 'a "quote" and a line, é'
    assert json.loads(line)["work_id"] == "the-row"


def test_the_dashboard_and_the_alerts_name_metrics_that_exist(api: TestClient) -> None:
    told = set(re.findall(r"# TYPE (\S+)", api.get("/metrics").text))
    known = told | {"gateway_http_request_seconds_bucket"}
    folder = Path(__file__).parents[3] / "deploy"
    dashboard = json.loads((folder / "grafana-dashboard.json").read_text())
    wanted = " ".join(
        [(folder / "alerts.yml").read_text()]
        + [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    )
    named = set(re.findall(r"gateway_[a-z_]+", wanted))
    assert named
    assert named - known == set()


def _promtool(*words: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        absent("promtool")
    done = subprocess.run([str(promtool), *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_itself_takes_the_alerts() -> None:
    _promtool("check", "rules", str(ALERTS))


@pytest.mark.parametrize(
    ("labels", "base"),
    [({}, ""), ({"docs_url": "https://git.example.org/x"}, "https://git.example.org/x/")],
)
def test_alerts_link_to_their_cure(labels: dict[str, str], base: str, tmp_path: Path) -> None:
    alert = {
        "exp_labels": {"severity": "warning"},
        "exp_annotations": {
            "summary": "Webhooks are not delivered; the process of `hpc-gateway worker --webhooks` is down.",
            "runbook_url": f"{base}docs/operations.md#webhooks-not-delivered",
        },
    }
    rule = {"eval_time": "5m", "alertname": "GatewayWebhooksNotDelivered", "exp_alerts": [alert]}
    series = [{"series": "gateway_webhook_lag_seconds", "values": "100+60x10"}]
    test = {"interval": "1m", "external_labels": labels, "input_series": series, "alert_rule_test": [rule]}
    file = tmp_path / "test.yml"
    file.write_text(json.dumps({"rule_files": [str(ALERTS)], "tests": [test]}))
    _promtool("test", "rules", str(file))


def test_every_alert_has_a_cure_that_names_it() -> None:
    cures = ALERTS.parents[1].joinpath("docs/operations.md").read_text().split("<a id=")
    for alert in ALERTS.read_text().split("- alert: ")[1:]:
        name, anchor = alert.split()[0], alert.split("#")[-1].split('"')[0]
        [cure] = [part for part in cures if part.startswith(f'"{anchor}"')]
        assert f"`{name}`" in cure


def test_grafana_s_own_types_know_every_field_of_the_dashboard() -> None:
    path = Path(__file__).parents[3] / "deploy/grafana-dashboard.json"
    written = json.loads(path.read_text())
    understood = json.loads(JSONEncoder().encode(Dashboard.from_json(written)))
    assert is_part(written, understood)


def is_part(written: Any, understood: Any) -> bool:
    """Tell whether all that was written was understood; types add their defaults."""
    if isinstance(written, dict):
        return all(key in understood and is_part(value, understood[key]) for key, value in written.items())
    if isinstance(written, list):
        return len(written) == len(understood) and all(map(is_part, written, understood))
    return bool(written == understood)
