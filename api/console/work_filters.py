"""The filters of a list, as its address holds them; the API's own bodies check them."""

import re
from dataclasses import dataclass, replace
from typing import Literal, Self
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from api.console.forms import validate
from api.row_reads import ListQuery
from api.schemas.listing import JobQuery, TransferQuery, WorkflowQuery
from gateway.work.listing import Filter, Kind

_TEXTS = ("infrastructure", "service", "since", "until", "reason", "fault", "parent", "cursor")
MODELS: dict[Kind, type[ListQuery]] = {"workflow": WorkflowQuery, "job": JobQuery}
_WITHOUT_ZONE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?", re.ASCII)


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

    def field(self, name: Literal["since", "until"]) -> str:
        """Return a time as a field of a form holds it: in UTC, without a zone."""
        at = self.query.since if name == "since" else self.query.until  # in UTC
        if at is None:
            return ""
        return at.replace(tzinfo=None).isoformat(timespec="seconds" if at.second else "minutes")

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
    """Return the time of a field of a form, which has no zone, as a time in UTC."""
    match = _WITHOUT_ZONE.fullmatch(text)
    return f"{text}{'' if match[1] else ':00'}Z" if match else text
