"""The state tables of transfers and jobs."""

from itertools import chain

import pytest

from gateway.states import (
    JOB_ENDS,
    JOB_STATUS,
    TRANSFER_STATUS,
    WORKFLOW_STATUS,
    JobState,
    State,
    TransferState,
    WorkflowState,
    is_final,
    may_follow,
)


@pytest.mark.parametrize("state", list(chain[State](TransferState, JobState, WorkflowState)))
def test_every_state_has_a_word_for_old_clients_and_that_word_is_final_only_with_the_state(
    state: State,
) -> None:
    if isinstance(state, TransferState):
        assert (TRANSFER_STATUS[state] != "transferring") == is_final(state)
    elif isinstance(state, WorkflowState):
        assert (WORKFLOW_STATUS[state] == "completed") == is_final(state)
    else:
        assert (JOB_STATUS[state] == "completed") == is_final(state)


def test_the_words_are_those_of_the_contract() -> None:
    assert set(TRANSFER_STATUS.values()) == {"transferring", "completed", "failure"}
    assert set(JOB_STATUS.values()) == {"queued", "running", "completed"}


def test_nothing_follows_a_final_state() -> None:
    assert not any(may_follow(to, after=end) for end in JOB_ENDS for to in JobState)
    assert not any(may_follow(to, after=TransferState.FAILED) for to in TransferState)


def test_a_job_and_a_transfer_with_the_same_word_follow_their_own_rules() -> None:
    assert may_follow(JobState.SUBMITTING, after=JobState.ACCEPTED)
    assert not may_follow(JobState.SUBMITTING, after=TransferState.ACCEPTED)


def test_a_job_cannot_skip_its_submission() -> None:
    assert not may_follow(JobState.RUNNING, after=JobState.ACCEPTED)
    assert not may_follow(JobState.SUCCEEDED, after=JobState.ACCEPTED)
