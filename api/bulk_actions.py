"""Actions on many rows in short transactions, each of which sends its messages at once."""

from gateway.db import session_scope
from gateway.operations import bulk
from gateway.operations.bulk import Act, Candidate

CHUNK = 100


def act_in_batches(found: list[Candidate], act: Act) -> list[Candidate]:
    """Act on the candidates, and return them with the refusals of those that could not be."""
    done: list[Candidate] = []
    for start in range(0, len(found), CHUNK):
        with session_scope() as session:
            done += bulk.act_on_batch(session, found[start : start + CHUNK], act)
    return done
