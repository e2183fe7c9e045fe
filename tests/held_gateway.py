"""A gateway and a store in one application that stop at a moment that a test names, for the command `run`."""

import asyncio
import json
import threading
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

NOW = "2026-11-22T12:00:00Z"
BUCKET = "recordings"
RESULT = b"x\n1\n"
UNCHANGING = "infrastructure", "services"
COMMON = {"infrastructure": "demo", "created_at": NOW, "updated_at": NOW, "attempt": 1}


class HeldGateway:
    """It accepts and ends everything at once, except for the request of `moment`, such as `POST /workflow`.

    A held request waits for `released`, but for one of a status, which does not change until then.
    `away` names a request that gets no answer after it was carried out, and all that come after it.
    """

    def __init__(self, moment: str = "", away: str = "", reason: str = "") -> None:
        self.moment, self._away_at, self._reason = moment, away, reason
        self.reached, self.released = threading.Event(), threading.Event()
        self.objects: dict[str, bytes] = {}
        self.rows: dict[str, dict[str, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self.app = Starlette(
            routes=[Route("/{path:path}", self._answer, methods=["GET", "POST", "PUT", "DELETE"])]
        )
        self._is_away = False
        self.table: dict[str, Any] | None = None  # of a gateway that judges
        self.preview: dict[str, Any] | None = None  # of the result
        self.job_warnings: list[str] = []
        self.failing = ""  # the end of the name of an input whose workflow fails

    def accepted(self, kind: str) -> str:
        """Return the id of the only row of a kind."""
        [url] = [url for url in self.rows if url.startswith(f"/{kind}/")]
        return url.rpartition("/")[2]

    async def _answer(self, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        collection = request.url.path.split("/")[1]
        body = await request.body()
        if collection == BUCKET:
            await self._hold(f"{method} object")
            return self._store(request, body)
        sent = json.loads(body or "{}")
        if sent.get("dry_run"):
            await self._hold("POST dry_run")
            forecast = JSONResponse({"dry_run": True, "warnings": []})
            return Response("away", 503) if self._is_away else forecast
        await self._hold(f"{method} /{collection}", waits=method == "POST" or collection in UNCHANGING)
        answer = self._gateway(method, request.url.path, sent)
        self._is_away = self._is_away or self._away_at == f"{method} /{collection}"
        return Response("away", 503) if self._is_away else answer

    async def _hold(self, name: str, *, waits: bool = True) -> None:
        if name != self.moment:
            return
        self.reached.set()
        if waits:
            await asyncio.to_thread(self.released.wait)

    def _store(self, request: Request, body: bytes) -> Response:
        key = request.url.path.removeprefix(f"/{BUCKET}/")
        if request.method == "PUT":
            self.objects[key] = body
        elif request.method == "DELETE":
            self.objects.pop(key, None)
            return Response(status_code=204)
        elif key not in self.objects:
            return Response(status_code=404)
        headers = {"ETag": '"e"', "Last-Modified": "Sun, 22 Nov 2026 12:00:00 GMT"}
        return Response(
            self.objects[key] if request.method == "GET" else b"",
            headers=headers
            | ({"Content-Length": str(len(self.objects[key]))} if request.method == "HEAD" else {}),
        )

    def _gateway(self, method: str, path: str, body: dict[str, Any]) -> Response:
        kind = path.split("/")[1]
        if kind == "infrastructure":
            return JSONResponse([{"name": "demo", "host": "", "hostname": "", "scheduler": "local"}])
        if kind == "services":
            return JSONResponse(
                {"properties": {"window": {"enum": ["none", "hann"], "x-must-be": "a window"}}}
            )
        if body.get("jobs", [{}])[0].get("params", {}).get("profiling_workspace"):
            return JSONResponse({"detail": "jobs.0.params: refused"}, 400)
        for ending, look in (("/table", self.table), ("/outputs/fft/preview", self.preview)):
            if path.endswith(ending) and look is not None:
                return JSONResponse(look)
        if method == "POST" and path == "/workflow":
            return JSONResponse(self._accept(body), 201)
        row = self.rows.get(path.removesuffix("/cancel"), {})
        if row and (self.moment != f"GET /{kind}" or self.released.is_set()):
            self._end(row)
        return JSONResponse(row) if row else JSONResponse({"detail": "there is no such row"}, 404)

    def _accept(self, body: dict[str, Any]) -> dict[str, Any]:
        source = self._add("s3_data", {**body["input"]["s3"], "dst": f"x/{body['input']['s3']['object']}"})
        more = {"warnings": self.job_warnings}
        job = self._add("job", {**body["jobs"][0], **more, "resources": body["jobs"][0].get("resources", {})})
        place = body["output"]["s3"]
        result = self._add("s3_result", {**place, "object": f"{place['object']}job/fft.csv"})
        begun = ("input", "s3_data", source), ("job", "job", job), ("job/fft.csv", "s3_result", result)
        steps = [
            {"name": name, "kind": kind, "id": row["id"], "state": "running", "reason": ""}
            for name, kind, row in begun
        ]
        self.requests.append(body)
        return self._add("workflow", {"steps": steps, "outputs": [], "success": None, "warnings": []})

    def _add(self, kind: str, more: dict[str, Any]) -> dict[str, Any]:
        shown = {name: value for name, value in more.items() if name not in {"access_key", "secret_key"}}
        known = _JOB if kind == "job" else _TRANSFER
        row = COMMON | {"id": str(uuid4()), "reason": self._reason} | known | shown
        self.rows[f"/{kind}/{row['id']}"] = row
        return row

    def _end(self, row: dict[str, Any]) -> None:
        """End a workflow; its result is in the store then."""
        if "steps" not in row:
            return
        job, result = (self.rows[f"/{step['kind']}/{step['id']}"] for step in row["steps"][1:])
        path = f"serrano/data/Output_Data/jobs/{job['id']}.1/fft.csv"
        made = {"service": "fft", "path": path, "bytes": len(RESULT), "sha256": ""}
        row |= {"status": "completed", "state": "succeeded", "success": True, "reason": ""}
        row["steps"][0]["state"] = "completed"
        row["outputs"] = [made | {"job": "job", "object": result["object"]}]
        self.objects.setdefault(result["object"], RESULT)
        source = self.rows[f"/s3_data/{row['steps'][0]['id']}"]
        if self.failing and source["object"].endswith(self.failing):
            row |= {"state": "failed", "success": False, "reason": "a job failed"}


_TRANSFER = {"status": "transferring", "state": "transferring", "bytes_total": None, "bytes_done": 0}
_NOTHING = {"scheduler_id": "", "success": None, "exit_code": None, "submitted_at": None, "started_at": None}
_JOB: dict[str, Any] = {
    "status": "queued",
    "state": "pending",
    **_NOTHING,
    "params": {},
    "warnings": [],
    "outputs": [],
}
