"""Places of webhook messages: five a second and host, few of a hook that hangs, turns among owners."""

from uuid import UUID, uuid4

from gateway.db import utc_now
from gateway.events.webhooks.due import WebhookMessage
from workers.webhook_lanes import MOST_AT_ONCE, MOST_OF_HOOK, MOST_OF_OWNER, WebhookLanes

HOOK = UUID(int=1)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def message(number: int, owner: str = "ada", hook: UUID = HOOK, host: str = "a.example") -> WebhookMessage:
    url = f"https://{host}/x"
    return WebhookMessage(number, uuid4(), hook, uuid4(), owner, url, "{}", 0, utc_now(), ())


def test_a_host_gets_five_a_second() -> None:
    clock = Clock()
    lanes, started = WebhookLanes(clock), list[float]()
    for number in range(200):
        each = message(number, host="A.example" if number % 2 else "a.example")
        if lanes.enter(each):
            started.append(clock.now)
            lanes.leave(each, is_answered=True)
        clock.now += 0.05
    for at in started:
        assert len([each for each in started if at - 1 < each <= at]) <= 5
    assert len(started) >= 45
    assert lanes.enter(message(1000, host="b.example"))


def test_a_hook_and_an_owner_have_a_bounded_number_of_places() -> None:
    lanes = WebhookLanes()
    taken = [lanes.enter(message(n, hook=UUID(int=n % 9), host=f"{n}.example")) for n in range(90)]
    assert taken.count(True) == MOST_OF_OWNER
    assert lanes.enter(message(100, owner="eve", hook=UUID(int=77)))
    of_hook = [lanes.enter(message(200 + n, "bob", UUID(int=99), f"{n}.test")) for n in range(9)]
    assert of_hook.count(True) == MOST_OF_HOOK


def test_a_hook_without_an_answer_has_one_place_until_it_answers() -> None:
    lanes, first = WebhookLanes(), message(0)
    assert lanes.enter(first)
    lanes.leave(first, is_answered=False)
    second = message(1, host="b.example")
    assert lanes.enter(second)
    assert not lanes.enter(message(2, host="c.example"))
    lanes.leave(second, is_answered=True)
    assert [lanes.enter(message(3 + n, host=f"{n}.example")) for n in range(3)] == [True] * 3


def test_owners_without_messages_under_way_come_first() -> None:
    lanes = WebhookLanes()
    lanes.enter(message(0, host="z.example"))
    due = [*(message(n) for n in range(1, 4)), message(4, "eve"), message(5, "bob"), message(6, "bob")]
    assert [each.number for each in lanes.in_turn(due)] == [4, 5, 1, 6, 2, 3]


def test_places_are_given_back() -> None:
    lanes = WebhookLanes()
    for number in range(MOST_AT_ONCE * 3):
        each = message(number, host=f"{number}.example")
        assert lanes.enter(each)
        lanes.leave(each, is_answered=True)
    assert lanes.busy == frozenset()
