"""Retries of many rows in short transactions, after each of which workers start."""

from gateway.db import session_scope
from gateway.jobs.resources import ResourceRequest
from gateway.operations import retries
from gateway.operations.retries import RetryCandidate

CHUNK = 100


def retry_in_batches(
    candidates: list[RetryCandidate], actor: str, why: str, resources: ResourceRequest | None = None
) -> list[RetryCandidate]:
    """Retry the candidates, and return them with the refusals of those that could not be."""
    done: list[RetryCandidate] = []
    for start in range(0, len(candidates), CHUNK):
        with session_scope() as session:
            done += retries.retry_batch(session, candidates[start : start + CHUNK], actor, why, resources)
    return done
