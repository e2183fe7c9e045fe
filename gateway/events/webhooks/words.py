"""The words of a webhook's `events`: kind and state of an event, each of which may be `*`."""

from collections.abc import Collection, Sequence

from gateway.errors import Invalid
from gateway.states import JobState, TransferState, WorkflowState

TRANSFERS = ("data", "s3_data", "s3_result")
UNSUCCESSFUL = frozenset({"failed", "cancelled", "timeout", "out_of_memory", "node_failure", "lost"})
ANY = "*"
ANY_FAILURE = "*.failed"
STATES: dict[str, frozenset[str]] = {
    **dict.fromkeys(TRANSFERS, frozenset(map(str, TransferState))),
    "job": frozenset(map(str, JobState)),
    "workflow": frozenset(map(str, WorkflowState)),
}


def check_words(words: Sequence[str]) -> list[str]:
    """Return the words without doubles, or raise Invalid for one that names no event."""
    for word in words:
        kind, _, state = word.partition(".")
        if kind != ANY and kind not in STATES:
            known = ", ".join([*STATES, ANY])
            raise Invalid(f"{word!r} names no event: before the dot comes one of {known}", field="events")
        known_states = frozenset().union(*STATES.values()) if kind == ANY else STATES[kind]
        if state != ANY and state not in known_states:
            known = ", ".join([*sorted(known_states), ANY])
            raise Invalid(f"{word!r} names no event: after the dot comes one of {known}", field="events")
    return list(dict.fromkeys(words))


def selects(words: Collection[str], kind: str, state: str) -> bool:
    """Return whether the words select an event; `*.failed` covers every unsuccessful end."""
    if state in UNSUCCESSFUL and ANY_FAILURE in words:
        return True
    return any(f"{left}.{right}" in words for left in (kind, ANY) for right in (state, ANY))
