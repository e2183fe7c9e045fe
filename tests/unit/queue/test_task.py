"""The base class of tasks: an unexpected exception reaches neither the log nor Flower with its text."""

import io
from collections.abc import Callable

import pytest
from celery.exceptions import Ignore
from celery.result import EagerResult

from gateway.errors import Invalid
from gateway.queue import app
from gateway.tracebacks import LEFT_OUT, format_exception

CANARY = "CANARY7c1f"
HEADER = f"Authorization: AWS4 Credential={CANARY}ключ"


def _encode() -> None:
    HEADER.encode("latin-1")


def _convert() -> None:
    int(HEADER)


def _chain() -> None:
    try:
        _encode()
    except UnicodeEncodeError as error:
        raise RuntimeError("the request failed") from error


def _apply(body: Callable[[], None]) -> EagerResult:
    task = app.task(body, name=f"tests.{id(body)}", shared=False)
    try:
        return task.apply(throw=False)  # traced as in a worker
    finally:
        app.tasks.pop(task.name)


@pytest.mark.parametrize("body", [_encode, _convert, _chain])
def test_a_task_fails_without_the_text(json_log: io.StringIO, body: Callable[[], None]) -> None:
    ended = _apply(body)
    assert ended.state == "FAILURE"
    assert "internal error" in str(ended.result)
    for text in (str(ended.result), repr(ended.result), str(ended.traceback), json_log.getvalue()):
        assert CANARY not in text
        assert "Credential" not in text
    assert "test_task.py" in json_log.getvalue()  # the operator sees the place


def test_an_expected_error_stays_itself() -> None:
    def refuse() -> None:
        raise Invalid("a sentence")

    ended = _apply(refuse)
    assert isinstance(ended.result, Invalid)
    assert str(ended.result) == "a sentence"


def test_a_request_of_celerys_own_stays_itself() -> None:
    def ignore() -> None:
        raise Ignore

    assert _apply(ignore).state == "IGNORED"


def test_a_traceback_shows_harmless_text_and_every_cause() -> None:
    with pytest.raises(RuntimeError) as caught:
        _chain()
    shown = format_exception(caught.value)
    assert "RuntimeError: the request failed" in shown
    assert f"UnicodeEncodeError: {LEFT_OUT}" in shown
    assert shown.index("UnicodeEncodeError") < shown.index("RuntimeError")
    assert "in _encode" in shown
