"""Bodies and queries about tables: judgements, and previews."""

import re
from typing import Annotated

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from gateway.errors import Invalid
from gateway.models import JudgedTable
from gateway.previews.preview import LEAST_POINTS, MOST_POINTS, MOST_SIGNALS, View
from gateway.states import JudgementState
from gateway.tables.understood import Understood

_LONGEST = 1 << 14
_NAME = re.compile(r'(?:^|,)(?:"((?:[^"]|"")*)"(?=,|$)|([^,]*))')


class TableJudgement(Understood):
    """Where the judgement of a staged table stands, and how the kernels understand the table."""

    state: JudgementState
    reason: str = Field("", description="Why the table is unknown, or known in part alone.")

    @classmethod
    def of(cls, row: JudgedTable) -> "TableJudgement":
        """Return the body of a row."""
        return cls(state=row.state, reason=row.reason, **(row.understood or {}))


class PreviewAxis(BaseModel):
    """The x axis of a preview: the value at the start of each stretch."""

    name: str
    unit: str
    values: list[float | None]


class PreviewSignal(BaseModel):
    """The smallest and the largest sample of each stretch; null where all of them are missing."""

    name: str
    unit: str
    min: list[float | None]
    max: list[float | None]


class Preview(BaseModel):
    """A picture of a table: its extremes in stretches."""

    service: str = Field(description="`table` for a staged table.")
    points: int
    x: PreviewAxis
    signals: list[PreviewSignal]
    samples: int
    signals_total: int


async def _view(
    points: Annotated[
        int,
        Query(ge=LEAST_POINTS, le=MOST_POINTS, description="Most stretches; an answer has at most 4 MiB."),
    ] = 2000,
    signals: Annotated[
        str | None,
        Query(
            max_length=_LONGEST,
            description=f"Names between commas, at most {MOST_SIGNALS}; one that holds a comma in quotes. The"
            " first ones where it is left out.",
        ),
    ] = None,
) -> View:
    return View(points, _names(signals) if signals else None)


def _names(text: str) -> list[str]:
    """Return the names between commas; those in quotes may hold commas, and quotes that are doubled."""
    names = [quoted.replace('""', '"') or plain for quoted, plain in _NAME.findall(text)]
    if len(names) > MOST_SIGNALS:
        raise Invalid(f"expected at most {MOST_SIGNALS} names, found {len(names)}", field="signals")
    return names


ViewQuery = Annotated[View, Depends(_view)]
