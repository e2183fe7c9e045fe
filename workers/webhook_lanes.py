"""Lanes of webhooks: how many messages of an owner, a hook and a host are sent at once and in a second.

A hook whose last message got no answer has one place, so that receivers that hang hold few threads.
"""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence

from gateway.events.webhooks.due import WebhookMessage

MOST_AT_ONCE = 64
MOST_OF_OWNER = 8
MOST_OF_HOOK = 4
MOST_A_SECOND = 5  # to one host


class WebhookLanes:
    """The messages that are being sent, and those of the last second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sending: dict[int, WebhookMessage] = {}
        self._held: Counter[str] = Counter()  # of each owner and each hook
        self._silent: set[str] = set()
        self._starts: defaultdict[str, deque[float]] = defaultdict(deque)

    @property
    def busy(self) -> frozenset[int]:
        """The numbers of the messages that are being sent."""
        return frozenset(self._sending)

    def in_turn(self, due: Sequence[WebhookMessage]) -> list[WebhookMessage]:
        """Return the messages in the order of turns: owners with few messages under way come first."""
        nth, turns = Counter(self._held), []
        for message in due:
            turns.append((nth[_of_owner(message)], message))
            nth[_of_owner(message)] += 1
        return [message for _, message in sorted(turns, key=lambda turn: turn[0])]

    def enter(self, message: WebhookMessage) -> bool:
        """Take a place for the message, if there is one."""
        owner, hook = _of_owner(message), _of_hook(message)
        if (
            len(self._sending) >= MOST_AT_ONCE
            or self._held[owner] >= MOST_OF_OWNER
            or self._held[hook] >= (1 if hook in self._silent else MOST_OF_HOOK)
            or not self._starts_now(message.host)
        ):
            return False
        self._sending[message.number] = message
        self._held.update((owner, hook))
        return True

    def leave(self, message: WebhookMessage, *, is_answered: bool) -> None:
        """Give the place back."""
        del self._sending[message.number]
        self._held -= Counter((_of_owner(message), _of_hook(message)))
        if is_answered:
            self._silent.discard(_of_hook(message))
        else:
            self._silent.add(_of_hook(message))

    def _starts_now(self, host: str) -> bool:
        """Count a start, unless the host had its share of this second."""
        now = self._clock()
        for each in [each for each, starts in self._starts.items() if starts[-1] <= now - 1]:
            del self._starts[each]
        starts = self._starts[host]
        while starts and starts[0] <= now - 1:
            starts.popleft()
        if len(starts) >= MOST_A_SECOND:
            return False
        starts.append(now)
        return True


def _of_owner(message: WebhookMessage) -> str:
    return f"owner {message.owner}"


def _of_hook(message: WebhookMessage) -> str:
    return f"hook {message.webhook_id}"
