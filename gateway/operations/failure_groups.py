"""Groups of equal failures: rows of one kind and cluster that ended badly for the same reason."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, func, select

from gateway.errors import Fault
from gateway.operations.overview import bad_ends
from gateway.work.listing import Filter, WorkKind, filter_conditions, work_model

MOST_GROUPS = 20


@dataclass(frozen=True)
class FailureGroup:
    """Rows that ended badly for one reason."""

    kind: WorkKind
    infrastructure: str
    fault: Fault | None
    reason: str
    count: int
    latest: datetime | None


def group_failures(connection: Connection, wanted: Filter, kind: WorkKind) -> list[FailureGroup]:
    """Return the groups among the filtered rows, the largest first; a cancel on request is no failure."""
    model = work_model(kind)
    failed = replace(wanted, states=tuple(str(state) for state in bad_ends(model)))
    same = model.infrastructure, model.fault, model.reason
    groups = (
        select(*same, func.count(), func.max(model.ended_at))
        .where(*filter_conditions(failed, kind))
        .group_by(*same)
        .order_by(func.count().desc(), func.max(model.ended_at).desc())
        .limit(MOST_GROUPS)
    )
    return [FailureGroup(kind, *row) for row in connection.execute(groups)]


def count_by_fault(connection: Connection, wanted: Filter, kind: WorkKind) -> dict[str, int]:
    """Count the filtered rows that ended badly, by the class of their failure."""
    model = work_model(kind)
    failed = replace(wanted, states=tuple(str(state) for state in bad_ends(model)))
    conditions = filter_conditions(failed, kind)
    counts = select(model.fault, func.count()).where(*conditions).group_by(model.fault)
    return {str(fault or Fault.INTERNAL): number for fault, number in connection.execute(counts)}
