"""The heads of answers, also of servers that separate their words by a tab."""

import pytest

from gateway.egress.headers import is_final_status, response_head


@pytest.mark.parametrize("line", [b"HTTP/1.1 200 OK", b"HTTP/1.1\t200 OK", b"HTTP/1.1\t200\tOK"])
def test_a_tab_separates_the_words_of_a_status_line(line: bytes) -> None:
    head = response_head([line + b"\r\n", b"Content-Length: 2\r\n", b"\r\n"])
    assert head is not None
    assert (head.status, head.headers["content-length"], is_final_status(line)) == (200, "2", True)


def test_an_interim_answer_is_not_the_final_one() -> None:
    assert not is_final_status(b"HTTP/1.1\t100 Continue")
    assert response_head([b"HTTP/1.1\t100 Continue\r\n", b"\r\n"]) is None
