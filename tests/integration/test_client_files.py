"""Uploads and downloads by presigned URLs: a store that is away for a moment, and one that refuses."""

from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from hpc_gateway_client import StoreFailed, files
from hpc_gateway_client.uploads import Upload
from tests.web import serving

CONTENT = b"x\n" * 100_000


class FlakyStore:
    """A store that gives the answers of a list, one for each request, and then takes and gives all."""

    def __init__(self, *answers: int) -> None:
        self.answers, self.stored, self.requests = list(answers), b"", 0

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Return the handler of its requests; 0 breaks the connection in the middle of the body."""
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if status := self._status():
                    store.stored = body if status == 200 else b""
                    self._answer(status)

            def do_GET(self) -> None:
                status = self._status()
                self._answer(
                    status or 200, CONTENT if status == 200 else CONTENT[:1000] if not status else b""
                )

            def _status(self) -> int:
                store.requests += 1
                status = store.answers.pop(0) if store.answers else 200
                self.close_connection = status == 0
                return status

            def _answer(self, status: int, body: bytes = b"") -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(CONTENT) if self.close_connection else len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PAUSES_S", (0.0, 0.0))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "data.csv"
    file.write_bytes(CONTENT)
    return file


def _upload(url: str) -> Upload:
    return Upload(method="PUT", url=url, headers={"Content-Length": str(len(CONTENT))})


@pytest.mark.parametrize("answers", [[503], [500, 429], [0, 503]])
def test_a_store_that_is_away_for_a_moment_gets_the_whole_file(answers: list[int], data: Path) -> None:
    store = FlakyStore(*answers)
    with serving(store.handler()) as url:
        files.put_file(data, _upload(url))
    assert (store.stored, store.requests) == (CONTENT, len(answers) + 1)


@pytest.mark.parametrize("answers", [[503], [0, 0], [500, 0]])
def test_a_result_is_whole_after_a_download_that_broke(answers: list[int], tmp_path: Path) -> None:
    store = FlakyStore(*answers)
    with serving(store.handler()) as url:
        files.save_url(url, tmp_path / "result.csv")
    assert (tmp_path / "result.csv").read_bytes() == CONTENT
    assert [file.name for file in tmp_path.iterdir()] == ["result.csv"]


@pytest.mark.parametrize(("answers", "requests"), [([403], 1), ([503, 503, 503], 3), ([0, 0, 0], 3)])
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_store_that_refuses_is_asked_once_and_one_that_stays_away_three_times(
    answers: list[int], requests: int, way: str, data: Path
) -> None:
    store = FlakyStore(*answers)
    ways = {
        "up": lambda url: files.put_file(data, _upload(url)),
        "down": lambda url: files.save_url(url, data.with_name("result.csv")),
    }
    with serving(store.handler()) as url, pytest.raises(StoreFailed, match="loaded"):
        ways[way](url)
    assert store.requests == requests
    assert [file.name for file in data.parent.iterdir()] == ["data.csv"]
