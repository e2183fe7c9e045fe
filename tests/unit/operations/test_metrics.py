"""The metrics of the queue, with a Redis that answers and with one that does not."""

from gateway.clusters.queue_names import HOUSEKEEPING
from gateway.operations.metrics import from_broker
from tests.fake_redis import FakeRedis


def samples() -> dict[str, float]:
    """Return the value of each sample by its name and its queue."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in from_broker(["hpc"])
        for sample in family.samples
    }


def test_messages_are_counted_by_queue(fake_redis: FakeRedis) -> None:
    fake_redis.client.rpush("hpc.long", "one", "two")
    assert samples() == {
        "gateway_broker_up": 1,
        f"gateway_queue_messages {HOUSEKEEPING}": 0,
        "gateway_queue_messages hpc": 0,
        "gateway_queue_messages hpc.long": 2,
        "gateway_queue_messages hpc.short": 0,
        "gateway_queue_messages hpc.control": 0,
    }


def test_without_redis_only_its_absence_is_reported(fake_redis: FakeRedis) -> None:
    fake_redis.go_away()
    assert samples() == {"gateway_broker_up": 0}
