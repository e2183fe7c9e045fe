"""The words of the installed libslurm: each reason to wait has a sentence, and each state is in the table."""

import ctypes
import os
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.schedulers.slurm.pending_reasons import find_reason
from gateway.schedulers.slurm.states import STATES

# Beyond the table of reasons libslurm returns one and the same word.
MOST_REASONS = 1000
# A job state is one of the first numbers or a flag from this bit on.
BASE_STATES, FIRST_FLAG, FLAGS = 11, 8, 24


@pytest.fixture(scope="module")
def libslurm() -> ctypes.CDLL:
    prefix = os.environ.get("GATEWAY_TEST_SLURM")
    if prefix is None:
        pytest.skip("no Slurm: tests/cluster/run.sh provisions one and runs these tests")
    library = next(Path(prefix).glob("root/usr/lib/*-linux-gnu/libslurm.so.*"))
    loaded = ctypes.CDLL(str(library))
    loaded.slurm_job_state_reason_string.restype = ctypes.c_char_p
    loaded.slurm_job_state_string.restype = ctypes.c_char_p
    return loaded


def test_every_reason_of_libslurm_has_a_sentence(libslurm: ctypes.CDLL) -> None:
    words = [libslurm.slurm_job_state_reason_string(number).decode() for number in range(MOST_REASONS)]
    ends = [number for number, (word, following) in enumerate(pairwise(words)) if word != following]
    assert len(set(words)) > 200
    assert ends[-1] < MOST_REASONS - 100, "there are more reasons than this test asks for"
    assert sorted({word for word in words if find_reason(word) is None}) == []


def test_every_state_of_libslurm_is_in_the_table(libslurm: ctypes.CDLL) -> None:
    numbers = [*range(BASE_STATES + 1), *(1 << bit for bit in range(FIRST_FLAG, FIRST_FLAG + FLAGS))]
    words = {libslurm.slurm_job_state_string(ctypes.c_uint32(number)).decode() for number in numbers}
    assert {"PENDING", "OUT_OF_MEMORY", "COMPLETING", "REVOKED"} <= words
    assert words - {"?", "INVALID"} <= STATES.keys()
