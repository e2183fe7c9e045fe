"""Every page of the console, filled with rows whose texts are payloads: markup, handlers, templates."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from fastapi import Response
from fastapi.testclient import TestClient
from sqlalchemy import update

from api.console import pages
from api.console.figures import FIGURES, SERVICE
from api.schemas.tables import TableJudgement
from gateway.callers import LOCAL
from gateway.credentials import stored as stored_credentials
from gateway.db import session_scope, utc_now
from gateway.models import Event, Heartbeat, Job, JobMember, Telemetry, Transfer, Webhook, WorkerSlots
from gateway.states import JobState, JudgementState
from tests.ended_rows import ended_job, failed_transfer, moving_transfer
from tests.preview_bytes import preview_bytes
from tests.rows import KEYS, new_job
from tests.webhooks import FAILED as REFUSED
from tests.webhooks import due, fill, new_webhook, record
from tests.workflows import end_transfer, filtered_run, new_workflow, start, step_id

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><svg onload=alert(1)>",
    "</pre></textarea><iframe srcdoc='<script>alert(1)</script>'>",
    "<a href=javascript:alert(1)>x</a>",
    "<base href=//evil.example>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<form action=//evil.example><button>Start</button></form>",
    "<div hx-get=//evil.example hx-trigger=load></div>",
    "{{ 7 * 191 }}{% raw %}",
    "javascript:alert(1)",
    "&lt;b&gt;&#60;i&#62;",
    "\u202egpj.exe",
]
LINE = " ".join(PAYLOADS)
PLACES = [float(number) for number in range(9)]
FFT: dict[str, Any] = {"name": "spectrum", "services": ["fft"]}
SWEEP: dict[str, Any] = {"job": "spectrum", "params": [{"perforation_stride": k} for k in range(1, 31)]}
KINDS = ("workflow", "job", "s3_data", "s3_result", "data")


@contextmanager
def rendered(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Collect the names of the templates that are rendered as whole pages."""
    found: set[str] = set()
    get_template = pages._templates.get_template  # noqa: SLF001

    def note(name: str, *parent: Any) -> Any:
        found.add(name)
        return get_template(name, *parent)

    with monkeypatch.context() as patch:
        patch.setattr(pages._templates, "get_template", note)  # noqa: SLF001
        yield found


def templates() -> set[str]:
    """Return the names of the templates of whole pages."""
    names = pages._templates.list_templates(extensions=["html"])  # noqa: SLF001
    return {name for name in names if "/" not in name} - {"base.html", "macros.html"}


def answer_previews(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the workers and the store answer: previews with payloads as names, logs, judgements."""
    names = [each[:60] for each in PAYLOADS]
    judgement = TableJudgement(
        state=JudgementState.KNOWN,
        signals=names,
        signals_total=len(names),
        time_column=LINE[:400],
        problem=LINE[:400],
        warnings=[each[:400] for each in (LINE, LINE[300:])],
    )
    waves = dict.fromkeys(names, (PLACES, PLACES))
    monkeypatch.setattr("gateway.previews.outputs.ask_worker.request_bytes", _answer)
    monkeypatch.setattr("api.console.plots.judge_transfer", lambda _: judgement)
    monkeypatch.setattr("api.console.plots.read_preview", lambda _: preview_bytes(PLACES, waves))
    monkeypatch.setattr("api.console.row_commands._read_tail", lambda *_: ("\n".join(PAYLOADS), ""))
    monkeypatch.setattr("api.console.downloads.get_output", lambda *_: Response(status_code=202))


def _answer(*_: Any, service: str, **__: Any) -> bytes:
    number = len(FIGURES) if service == SERVICE else len(PLACES)
    values = [float(place) for place in range(number)]
    names = ["labels"] if service == "kmean" else [each[:60] for each in PAYLOADS]
    preview = {
        "service": service,
        "points": number,
        "samples": number,
        "x": {"name": LINE[:60], "unit": LINE[:9], "values": values},
        "signals": [{"name": name, "unit": "V", "min": values, "max": values} for name in names],
        "signals_total": len(names),
    }
    return b"{}\n" + json.dumps(preview).encode()


def fill_pages(api: TestClient) -> dict[str, str]:
    """Insert rows of all kinds, and return the path of each page by its name."""
    _fill_clusters()
    failed, job_id, swept = failed_transfer(LINE), _job_with_results(), _swept(api)
    hook_id = _webhook()
    runs = {"failed": _failed_run(), "sweep": swept, "done": filtered_run(api)}
    with session_scope() as session:
        for row in session.query(Transfer):
            row.object, row.path = f"{LINE}.csv", f"serrano/data/{LINE}.csv"
        for job in session.query(Job):
            job.reason, job.warnings = LINE, [LINE]
        session.execute(update(Event).values(reason=LINE, actor=LINE[:200]))
    fill()
    for message in due()[:2]:
        record(message, REFUSED)
    work, run = "/console/work", f"/console/work/workflow/{swept}"
    return {
        "home": "/",
        "start": "/console/start",
        "again": f"/console/start?run={runs['failed']}",
        **{f"list of {kind}": f"{work}/{kind}" for kind in KINDS},
        "filtered": f"{work}/s3_data?state=failed&reason=script&since=2026-01-01T08:00",
        "failed transfer": f"{work}/s3_data/{failed}",
        "moving transfer": f"{work}/s3_data/{moving_transfer()}",
        "job": f"{work}/job/{job_id}",
        **{f"run {name}": f"{work}/workflow/{run_id}" for name, run_id in runs.items()},
        "members": f"{run}/members",
        "member": f"{run}/members/0003",
        "member's figures": f"{run}/members/0003/outputs/{SERVICE}/figures",
        "figures": f"{work}/job/{job_id}/outputs/{SERVICE}/figures",
        "on its way": f"{work}/job/{job_id}/outputs/fft",
        "table": f"{work}/s3_data/{failed}/table",
        "log": f"{work}/job/{job_id}/log/stdout",
        "clusters": "/console/clusters",
        "overview": "/console/overview",
        "account": "/console/account",
        "webhook": f"/console/account/webhooks/{hook_id}",
    }


def _fill_clusters() -> None:
    now = utc_now()
    counts = ("total_nodes", "avail_nodes", "total_cpus", "avail_cpus", "running_jobs", "queued_jobs")
    partitions = [{"name": LINE, **dict.fromkeys(counts, 4)}]
    with session_scope() as session:
        session.merge(Telemetry(infrastructure="hpc", asked_at=now, as_of=now, partitions=partitions))
        session.merge(
            Heartbeat(infrastructure="hpc", at=now, worker=LINE[:200], scheduler=LINE, filesystem=LINE)
        )
        session.merge(WorkerSlots(infrastructure="hpc", worker=LINE[:200], long=1, short=1, until=now))
        kept = stored_credentials.store_credential(
            session, LOCAL.owner, "mine", "https://s3.example.org", KEYS
        )
        kept.name, kept.endpoint = LINE[:100], f"https://s3.example.org/{LINE}"


def _outputs(*services: str) -> list[dict[str, Any]]:
    return [{"service": name, "path": LINE, "bytes": 9, "sha256": "0" * 64} for name in services]


def _job_with_results() -> UUID:
    new_job("fft", read_input_data=f"/{LINE}.csv")
    job_id = ended_job(JobState.FAILED, LINE)
    with session_scope() as session:
        session.get_one(Job, job_id).outputs = _outputs("fft", "kmean", SERVICE)
    return job_id


def _failed_run() -> str:
    run_id = str(new_workflow())
    end_transfer(run_id, fault=LINE)
    return run_id


def _swept(api: TestClient) -> str:
    run_id = str(start(api, FFT, sweep=SWEEP)["id"])
    end_transfer(run_id)
    ends = {
        "state": JobState.FAILED,
        "reason": LINE,
        "warnings": [LINE],
        "params": {each: {LINE: LINE} for each in PAYLOADS},
        "scheduler_id": PAYLOADS[0],
        "outputs": _outputs("fft", SERVICE),
    }
    with session_scope() as session:
        mine = JobMember.job_id == step_id(run_id, "spectrum")
        session.execute(update(JobMember).where(mine, JobMember.number < 5).values(ends))
    return run_id


def _webhook() -> UUID:
    hook_id, _ = new_webhook()
    with session_scope() as session:
        hook = session.get_one(Webhook, hook_id)
        hook.url, hook.description, hook.reason = f"https://portal.example.org/{LINE}", LINE, LINE
    return hook_id
