"""Turns while workers die, messages are lost and repeated: each row ends once, and none is forgotten."""

import random
from collections import Counter
from uuid import UUID

import pytest
from sqlalchemy import update

from gateway.db import db_now, session_scope
from gateway.models import Transfer
from gateway.transfers import lifecycle as transfers
from gateway.work import claims, failures, turns
from gateway.work.claims import Claim
from gateway.work.outbox import Message
from tests.rows import new_transfer, sending, transfer
from tests.turns import SLOTS, published, serve, sweep, take

pytestmark = pytest.mark.usefixtures("database")


class Cluster:
    """Workers, a queue and a sweeper that fail at random; the rows are real."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  repeatable
        self.queue = list[Message]()
        self.held = dict[UUID, Claim]()
        self.ends = Counter[UUID]()

    def step(self) -> None:
        """Do one thing of all that may happen."""
        often = [self.deliver] * 6 + [self.finish] * 4
        steps = [*often, self.kill, self.lose, self.repeat, self.sweep, self.tire]
        with sending() as sent:
            self.chance.choice(steps)()
        self.queue += sent

    def deliver(self, *, drop: bool = True) -> None:
        if not self.queue or len(self.held) >= SLOTS:
            return
        message = self.queue.pop(0) if drop else self.chance.choice(self.queue)
        claim = take(message.id)
        if claim is not None:
            assert claim.id not in self.held, "claimed twice at once"
            self.held[claim.id] = claim

    def repeat(self) -> None:
        self.deliver(drop=False)

    def finish(self) -> None:
        if not self.held:
            return
        claim = self.held.pop(self.chance.choice(sorted(self.held)))
        with session_scope() as session:
            transfers.complete(session, claim, 1)
        self.ends[claim.id] += 1
        if self.chance.random() < 0.5:  # else the process dies before it publishes the next
            with session_scope() as session:
                turns.send_next(session, Transfer, "hpc", transfer(claim.id).owner)

    def tire(self) -> None:
        """Hand a transfer back."""
        if self.held:
            claim = self.held.pop(self.chance.choice(sorted(self.held)))
            with session_scope() as session:
                failures.hand_back(session, claims.lock_claimed(session, Transfer, claim), "another's turn")

    def kill(self) -> None:
        """Let a worker die: its lease runs out."""
        if self.held:
            dead = self.held.pop(self.chance.choice(sorted(self.held)))
            past = {"lease_until": db_now(-1), "next_send_at": db_now(-1), "failures": 0}
            with session_scope() as session:
                session.execute(update(Transfer).where(Transfer.id == dead.id).values(past))

    def lose(self) -> None:
        """Empty the queue, and let the time pass after which a message counts as lost."""
        self.queue.clear()
        idle = claims.is_unclaimed(Transfer), Transfer.next_send_at.is_not(None)
        with session_scope() as session:
            session.execute(update(Transfer).where(*idle).values(next_send_at=db_now(-1)))

    def sweep(self) -> None:
        self.queue += sweep()


@pytest.mark.parametrize("seed", range(6))
def test_every_row_ends_once_whatever_dies_and_whatever_is_lost(seed: int) -> None:
    serve()
    cluster = Cluster(seed)
    with sending() as sent:
        rows = [new_transfer(owner=owner) for owner in "ab" for _ in range(12)]
    cluster.queue += sent
    for _ in range(150):
        cluster.step()
        assert max(published().values(), default=0) <= SLOTS
    while cluster.ends.total() < len(rows):
        before = cluster.ends.total()
        cluster.lose()
        cluster.sweep()
        with sending() as sent:
            while cluster.queue and len(cluster.held) < SLOTS:
                cluster.deliver()
            while cluster.held:
                cluster.finish()
        assert cluster.ends.total() > before, "nothing moves although rows wait"
    assert cluster.ends == Counter(rows)
    assert published() == {}
