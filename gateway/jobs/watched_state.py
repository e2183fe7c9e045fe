"""The state of a job or member in the scheduler as its row has it, to be compared with the next report."""

from dataclasses import dataclass
from datetime import datetime

from gateway.schedulers.base import JobReport
from gateway.states import JobState


@dataclass(slots=True)
class WatchedState:
    """The columns that a report may change."""

    name: str
    state: JobState
    reason: str
    scheduler_id: str
    started_at: datetime | None

    def is_changed_by(self, report: JobReport) -> bool:
        """Tell whether the report says more than the row."""
        return (
            report.reason != self.reason
            or (report.state is not None and report.state is not self.state)
            or report.scheduler_id != self.scheduler_id
            or (report.started_at is not None and report.started_at != self.started_at)
        )

    def take(self, report: JobReport) -> None:
        """Take over a report that was written to the row."""
        self.state, self.reason = report.state or self.state, report.reason
        self.scheduler_id, self.started_at = report.scheduler_id, report.started_at or self.started_at
