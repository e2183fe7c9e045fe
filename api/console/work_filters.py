"""The filters of a list, as its address holds them; the API's own bodies check them."""

from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from api.console.forms import validate
from api.row_reads import ListQuery
from api.schemas.listing import JobQuery, TransferQuery, WorkflowQuery
from gateway.work.listing import Filter, Kind

_TEXTS = ("infrastructure", "service", "since", "until", "reason", "fault", "parent", "cursor")
MODELS: dict[Kind, type[ListQuery]] = {"workflow": WorkflowQuery, "job": JobQuery}
_MINUTES = len("2026-11-30T08:00")


@dataclass(frozen=True)
class WorkFilters:
    """The filters of a list: each text is empty where there is none."""

    state: tuple[str, ...]
    infrastructure: str
    service: str
    since: str
    until: str
    reason: str
    fault: str
    parent: str
    cursor: str | None
    query: ListQuery

    @classmethod
    def of_query(cls, params: QueryParams, kind: Kind) -> Self:
        """Parse the query of an address, or raise Invalid."""
        texts = {name: params.get(name, "").strip() for name in _TEXTS}
        states = tuple(state for state in params.getlist("state") if state)
        return cls(
            state=states,
            **{**texts, "cursor": texts["cursor"] or None},  # type: ignore[arg-type]  # by name
            query=_check(texts, states, kind),
        )

    def to_filter(self) -> Filter:
        """Return the filter."""
        return replace(self.query.to_filter(), fault=self.fault or None)

    def link(self, **changes: object) -> str:
        """Return the query of an address with these filters and the changes, from its first page on."""
        given = {name: getattr(self, name) for name in ("state", *_TEXTS) if name != "cursor"} | changes
        return urlencode([(name, value) for name, value in given.items() if value], doseq=True)

    @property
    def is_empty(self) -> bool:
        """Whether all rows are shown."""
        return not self.link()


def _check(texts: dict[str, str], states: tuple[str, ...], kind: Kind) -> ListQuery:
    model = MODELS.get(kind, TransferQuery)
    given = {name: text for name, text in texts.items() if text and name in model.model_fields}
    zoned = {name: _with_zone(given[name]) for name in ("since", "until") if name in given}
    return validate(model, given | zoned | {"state": states})


def _with_zone(text: str) -> str:
    """Return the time of a field of a form, which has minutes and no zone, as a time in UTC."""
    return f"{text}:00Z" if len(text) == _MINUTES else text
