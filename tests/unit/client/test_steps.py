import itertools
from typing import Any
from uuid import uuid4

import httpx
import pytest

from hpc_gateway_client import (
    GatewayClientError,
    JobFailed,
    Refused,
    StillRunning,
    TransferFailed,
    Unreachable,
)
from hpc_gateway_client.models import Job, Transfer
from hpc_gateway_client.steps import Call, Pause, Steps, find, pauses, request
from hpc_gateway_client.waits import stage, wait

SENT = "it may have accepted the request"
NOW = "2026-11-22T12:00:00Z"
WORK = {
    "id": str(uuid4()),
    "reason": "",
    "infrastructure": "hpc",
    "created_at": NOW,
    "updated_at": NOW,
    "attempt": 1,
}
TRANSFER = WORK | {
    "status": "transferring",
    "state": "transferring",
    "endpoint": "https://s3.example.org",
    "bucket": "b",
    "object": "o",
    "region": "local",
    "dst": "x",
    "bytes_total": None,
    "bytes_done": 0,
    "something_new": 1,
}
JOB = WORK | {
    "status": "running",
    "state": "running",
    "scheduler_id": "1",
    "success": None,
    "exit_code": None,
    "services": ["fft"],
    "params": {},
    "warnings": [],
    "outputs": [],
    "submitted_at": NOW,
    "started_at": NOW,
}


def reply(status: int, content: Any) -> httpx.Response:
    sent = httpx.Request("GET", "http://gateway")
    if isinstance(content, str):
        return httpx.Response(status, text=content, request=sent)
    return httpx.Response(status, json=content, request=sent)


def drive(steps: Steps[Any], *answers: httpx.Response | httpx.TransportError) -> tuple[list[Call], Any]:
    """Carry out the steps with the answers given, without waiting."""
    calls: list[Call] = []
    left = iter(answers)
    answer: httpx.Response | httpx.TransportError | None = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            assert next(left, None) is None
            return calls, end.value
        answer = None
        if isinstance(step, Call):
            calls.append(step)
            answer = next(left)


def test_a_get_waits_out_a_gateway_that_is_away() -> None:
    away = (httpx.ConnectError("refused"), reply(503, {"detail": "away"}), httpx.ReadTimeout("slow"))
    calls, answer = drive(request(Call("GET", "/services")), *away, reply(200, [1]))
    assert (len(calls), answer) == (4, [1])


def test_a_post_is_repeated_under_one_key_because_it_may_have_been_accepted() -> None:
    busy = reply(409, {"detail": "the first request is still running"})
    busy.headers["Retry-After"] = "1"
    away = (httpx.ReadTimeout("slow"), httpx.ConnectError(""), reply(503, {"detail": "away"}), busy)
    calls, answer = drive(request(Call("POST", "/job", {})), *away, reply(201, {"id": "x"}))
    assert (len(calls), answer) == (5, {"id": "x"})
    assert len({call.headers["Idempotency-Key"] for call in calls}) == 1
    assert Call("POST", "/job").headers != Call("POST", "/job").headers
    assert Call("GET", "/job").headers == {}


def test_what_is_in_the_wrong_state_is_not_asked_again() -> None:
    with pytest.raises(Refused, match="has ended"):
        drive(request(Call("POST", "/job/x/cancel", {})), reply(409, {"detail": "it has ended"}))


def _limited(retry_after: str) -> httpx.Response:
    answer = reply(429, {"detail": "you have 5 unfinished jobs already"})
    answer.headers["Retry-After"] = retry_after
    return answer


def test_a_limit_is_waited_for_under_the_same_key() -> None:
    calls, row = drive(
        request(Call("POST", "/job", {})), _limited("10"), _limited("2"), reply(201, {"id": 1})
    )
    assert (len(calls), len({call.key for call in calls}), row) == (3, 1, {"id": 1})


@pytest.mark.parametrize(
    "answers",
    [["86400"], ["soon"], ["nan"], ["-1"], [""], ["10", "10", "10", "1"], ["Wed, 21 Oct 2026 07:28:00 GMT"]],
)
def test_a_limit_for_longer_is_a_refusal(answers: list[str]) -> None:
    with pytest.raises(Refused, match="5 unfinished jobs") as caught:
        drive(request(Call("POST", "/job", {})), *map(_limited, answers))
    assert caught.value.status == 429


def test_patience_ends() -> None:
    steps = request(Call("GET", "/services"))
    steps.send(None)
    pause = steps.send(httpx.ConnectError("refused"))
    assert isinstance(pause, Pause)
    pause.check(60, "http://gateway")
    with pytest.raises(Unreachable, match="http://gateway: .*refused"):
        pause.check(0, "http://gateway")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply(400, {"detail": "dst: a path is needed"}), "a path is needed"),
        (reply(404, "<html>not found</html>"), "no gateway answers"),
        (reply(200, "<html>welcome</html>"), "no gateway answers"),
        (reply(500, ["odd"]), "Internal Server Error"),
    ],
)
def test_a_refusal_has_the_gateways_words_or_says_that_it_is_none(answer: httpx.Response, words: str) -> None:
    with pytest.raises(Refused, match=words) as caught:
        drive(request(Call("GET", "/job/x")), answer)
    assert caught.value.status == answer.status_code


def test_looks_are_frequent_at_first_and_never_further_apart_than_five_seconds() -> None:
    seconds = list(itertools.islice(pauses(), 40))
    assert seconds[0] <= 0.1
    assert seconds == sorted(seconds)
    assert seconds[-1] == 5.0


def test_a_step_starts_waits_reports_and_returns_the_end() -> None:
    seen: list[str] = []
    started, ended = TRANSFER, TRANSFER | {"status": "completed", "state": "completed", "bytes_done": 7}
    steps = stage("s3_data", {"dst": "x"}, lambda row: seen.append(row.state), None)
    calls, row = drive(steps, reply(201, started), reply(200, started), reply(200, ended))
    assert [call.method for call in calls] == ["POST", "GET", "GET"]
    assert calls[1].path == f"/s3_data/{TRANSFER['id']}"
    assert (row.kind, row.bytes_done, seen) == ("s3_data", 7, ["transferring", "transferring", "completed"])


def test_a_bad_end_raises_with_its_reason() -> None:
    transfer = Transfer.model_validate(TRANSFER | {"kind": "s3_data"})
    job = Job.model_validate(JOB)
    ended = {"status": "failure", "state": "failed", "reason": "NoSuchBucket"}
    with pytest.raises(TransferFailed, match="NoSuchBucket") as transfer_failed:
        drive(wait(transfer, None, None), reply(200, TRANSFER | ended))
    assert transfer_failed.value.transfer.state == "failed"
    ended_job = {"status": "completed", "state": "timeout", "success": False, "reason": "5 min are over"}
    with pytest.raises(JobFailed, match="timeout: 5 min") as job_failed:
        drive(wait(job, None, None), reply(200, JOB | ended_job))
    assert job_failed.value.job.exit_code is None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Unreachable("lost"), Refused(401, "expired")])
def test_an_end_of_the_wait_names_the_work_that_goes_on(error: BaseException) -> None:
    steps = stage("s3_data", {"dst": "x"}, None, None)
    steps.send(None)
    assert isinstance(steps.send(reply(201, TRANSFER)), Pause)
    with pytest.raises(type(error)) as caught:
        steps.throw(error)
    [note] = caught.value.__notes__
    assert f"/s3_data/{TRANSFER['id']} is accepted and goes on" in note
    if isinstance(error, GatewayClientError):
        assert error.accepted is not None
        assert str(error.accepted.id) == TRANSFER["id"]


def test_what_was_not_accepted_or_has_ended_has_no_such_note() -> None:
    with pytest.raises(Refused) as refused:
        drive(stage("s3_data", {}, None, None), reply(400, {"detail": "dst"}))
    ended = {"status": "failure", "state": "failed", "reason": "NoSuchBucket"}
    with pytest.raises(TransferFailed) as failed:
        drive(stage("s3_data", {}, None, None), reply(201, TRANSFER | ended))
    for caught in (refused, failed):
        assert getattr(caught.value, "__notes__", []) == []
        assert caught.value.accepted is None


@pytest.mark.parametrize(
    ("method", "answers", "hint"),
    [
        ("POST", [httpx.ConnectError("refused")], ""),
        ("POST", [httpx.ConnectTimeout("slow"), httpx.ConnectError("refused")], ""),
        ("POST", [httpx.ReadTimeout("slow")], SENT),
        ("POST", [httpx.ReadTimeout("slow"), httpx.ConnectError("refused")], SENT),
        ("POST", [reply(504, "a proxy's page")], SENT),
        ("GET", [httpx.ReadTimeout("slow")], ""),
    ],
)
def test_a_post_without_an_answer_may_be_accepted_if_it_was_sent(
    method: str, answers: list[httpx.Response | httpx.TransportError], hint: str
) -> None:
    steps = request(Call(method, "/job", {}))
    steps.send(None)
    away = None
    for answer in answers:
        pause = steps.send(answer)
        assert isinstance(pause, Pause)
        away = pause.away
        steps.send(None)
    assert away is not None
    assert away.may_be_accepted is bool(hint)
    assert str(away).endswith(hint)


def test_the_callers_time_ends_the_wait_and_not_the_work() -> None:
    with pytest.raises(StillRunning, match="still running"):
        drive(wait(Job.model_validate(JOB), None, 0.0))


def test_unchanged_answers_that_the_gateway_does_not_hold_are_asked_for_less_and_less() -> None:
    """It has too many waiting requests, and answers each at once."""
    steps = wait(Transfer.model_validate(TRANSFER | {"kind": "s3_data"}), None, None)
    tagged = httpx.Response(
        200, json=TRANSFER, headers={"ETag": '"1"'}, request=httpx.Request("GET", "http://g")
    )
    answers, seconds = itertools.chain([tagged], itertools.repeat(reply(304, ""))), list[float]()
    step = next(steps)
    while len(seconds) < 12:
        assert isinstance(step, Pause)
        seconds.append(step.seconds)
        call = steps.send(None)
        assert isinstance(call, Call)
        step = steps.send(next(answers))
    assert seconds[1:] == sorted(seconds[1:])
    assert seconds[-1] > 1


def test_an_id_is_found_in_whatever_collection_it_is() -> None:
    missing = reply(404, {"detail": "there is no such transfer"})
    calls, row = drive(find(str(JOB["id"])), missing, missing, missing, reply(200, JOB))
    assert [call.path.split("/")[1] for call in calls] == ["data", "s3_data", "s3_result", "job"]
    assert row.kind == "job"
    with pytest.raises(Refused):
        drive(find("nonsense"), missing, missing, missing, missing)
    with pytest.raises(Refused, match="not allowed"):
        drive(find("x"), reply(403, {"detail": "not allowed"}))


def test_every_error_is_a_client_error_and_pauses_are_positive() -> None:
    assert all(issubclass(e, GatewayClientError) for e in (Refused, Unreachable, JobFailed, StillRunning))
    assert Pause(0.1).seconds > 0
