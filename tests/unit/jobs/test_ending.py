"""The class of a job's end."""

import pytest

from gateway.errors import Fault, FilesystemError, GatewayError
from gateway.jobs.lifecycle import fault_of_job
from gateway.states import JobState


@pytest.mark.parametrize(
    ("state", "exit_code", "fault"),
    [
        (JobState.SUCCEEDED, 0, None),
        (JobState.CANCELLED, None, None),
        (JobState.FAILED, 2, Fault.INPUT),
        (JobState.FAILED, 3, Fault.KERNEL),
        (JobState.FAILED, None, Fault.KERNEL),
        (JobState.TIMEOUT, 143, Fault.LIMIT),
        (JobState.OUT_OF_MEMORY, None, Fault.LIMIT),
        (JobState.NODE_FAILURE, None, Fault.NODE),
        (JobState.LOST, None, Fault.LOST),
    ],
)
def test_the_class_of_a_job_s_end(state: JobState, exit_code: int | None, fault: Fault | None) -> None:
    assert fault_of_job(state, exit_code) is fault


def test_an_error_has_the_class_of_its_kind_unless_it_says_more() -> None:
    assert GatewayError("x").fault is Fault.INTERNAL
    assert FilesystemError("x").fault is Fault.FILESYSTEM
    assert FilesystemError("x", Fault.SPACE).fault is Fault.SPACE
