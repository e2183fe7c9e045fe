"""Exit codes in plain words."""

import pytest

from gateway.schedulers.exit_words import exit_words, is_crash, is_from_outside


@pytest.mark.parametrize(
    ("code", "words", "crash", "outside"),
    [
        (1, "the job ended with exit code 1", False, False),
        (128, "the job ended with exit code 128", False, False),
        (255, "the job ended with exit code 255", False, False),
        (137, "killed by SIGKILL", False, True),
        (143, "ended from outside by SIGTERM", False, True),
        (138, "ended from outside by SIGUSR1", False, True),
        (139, "a process of the job crashed (SIGSEGV)", True, False),
        (134, "a process of the job crashed (SIGABRT)", True, False),
    ],
)
def test_a_signal_is_named_and_its_origin_told(code: int, words: str, *, crash: bool, outside: bool) -> None:
    assert words in exit_words(code)
    assert (is_crash(code), is_from_outside(code)) == (crash, outside)
