"""Prometheus metrics of the database and the broker, read anew at every scrape."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gateway.clusters import catalog
from gateway.clusters.configuration import configured_clusters
from gateway.clusters.queue_names import HOUSEKEEPING, queues_of
from gateway.db import db_now, session_scope, utc_now
from gateway.events.webhooks.health import webhook_health
from gateway.leases import watcher_lease
from gateway.models import Job, Transfer
from gateway.operations import overview
from gateway.operations.overview import LATELY_S, Overview, bad_ends
from gateway.operations.sweep import LEASE as SWEEP_LEASE
from gateway.queue.depth import queue_depths
from gateway.states import TransferState

_WATCHER = watcher_lease("")


class Collector:
    """The collector of the gateway's metrics; it answers without the database and without the broker, too."""

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        try:
            with session_scope(read_only=True) as session:
                families = list(from_database(session))
                names = [cluster.name for cluster in catalog.list_clusters(session)]
        except SQLAlchemyError:
            yield GaugeMetricFamily("gateway_database_up", "Whether the database answers.", 0)
            names = list(configured_clusters())
        else:
            yield GaugeMetricFamily("gateway_database_up", "Whether the database answers.", 1)
            yield from families
        yield from from_broker(names)


def from_broker(names: list[str]) -> Iterator[Metric]:
    """Yield the depth of each queue, and whether the broker answers."""
    problem, depths = queue_depths([HOUSEKEEPING, *chain.from_iterable(map(queues_of, names))])
    yield GaugeMetricFamily("gateway_broker_up", "Whether the queue answers.", 0 if problem else 1)
    messages = GaugeMetricFamily(
        "gateway_queue_messages", "Messages that wait for a worker.", labels=["queue"]
    )
    for name, depth in depths.items():
        messages.add_metric([name], depth)
    yield messages


def from_database(session: Session) -> Iterator[Metric]:
    """Yield the metrics that are counted from rows."""
    summary = overview.overview(session)
    yield _work_metric(summary)
    yield from _cluster_metrics(summary)
    yield from _lag_metrics(summary)
    yield _failure_metric(session)
    yield from _byte_metrics(session)
    yield from _webhook_metrics(session)


def _work_metric(summary: Overview) -> Metric:
    family = GaugeMetricFamily(
        "gateway_work", "Transfers, jobs and workflows by state.", labels=["kind", "infrastructure", "state"]
    )
    for part in summary.work:
        family.add_metric([part.kind, part.infrastructure, part.state], part.count)
    return family


def _cluster_metrics(summary: Overview) -> Iterator[Metric]:
    up = GaugeMetricFamily(
        "gateway_cluster_up",
        "Whether worker, scheduler and filesystem of a cluster are well.",
        labels=["infrastructure", "part"],
    )
    waiting = GaugeMetricFamily(
        "gateway_oldest_waiting_seconds", "How long the first in line has waited.", labels=["infrastructure"]
    )
    for name, health in summary.clusters.items():
        for part, problem in asdict(health).items():
            up.add_metric([name, part], 0 if problem else 1)
        since = summary.waiting_since.get(name)
        waiting.add_metric([name], (utc_now() - since).total_seconds() if since else 0.0)
    yield up
    yield waiting


def _lag_metrics(summary: Overview) -> Iterator[Metric]:
    watch = GaugeMetricFamily(
        "gateway_watch_lag_seconds", "Since a cluster's jobs were last watched.", labels=["infrastructure"]
    )
    sweep = GaugeMetricFamily("gateway_sweep_lag_seconds", "Since the last sweep.")
    for name, seconds in summary.rounds_s.items():
        if name.startswith(_WATCHER):
            watch.add_metric([name.removeprefix(_WATCHER)], seconds)
        elif name == SWEEP_LEASE:
            sweep.add_metric([], seconds)
    yield watch
    yield sweep


def _failure_metric(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "gateway_failures_last_hour",
        "Bad ends of the last hour without a cancel request, by class.",
        labels=["kind", "infrastructure", "fault"],
    )
    recent = db_now(-LATELY_S)
    of_transfer = (Transfer.kind, Transfer.infrastructure, Transfer.fault)
    transfers = select(*of_transfer, func.count()).where(
        Transfer.state.in_(bad_ends(Transfer)), Transfer.ended_at >= recent
    )
    for kind, name, fault, count in session.execute(transfers.group_by(*of_transfer)):
        family.add_metric([kind, name, str(fault)], count)
    of_job = (Job.infrastructure, Job.fault)
    jobs = select(*of_job, func.count()).where(Job.state.in_(bad_ends(Job)), Job.ended_at >= recent)
    for name, fault, count in session.execute(jobs.group_by(*of_job)):
        family.add_metric(["job", name, str(fault)], count)
    return family


def _webhook_metrics(session: Session) -> Iterator[Metric]:
    hooks = GaugeMetricFamily("gateway_webhooks", "Webhooks by state.", labels=["state"])
    messages = GaugeMetricFamily(
        "gateway_webhook_messages",
        "Messages of webhooks that wait, new or to be sent again.",
        labels=["state"],
    )
    lag = GaugeMetricFamily("gateway_webhook_lag_seconds", "Since the process of webhooks was last there.")
    due = GaugeMetricFamily("gateway_webhook_due_seconds", "How long the first message is due.")
    if health := webhook_health(session):
        hooks.add_metric(["enabled"], health.enabled)
        hooks.add_metric(["disabled"], health.disabled)
        messages.add_metric(["new"], health.waiting - health.retrying)
        messages.add_metric(["retrying"], health.retrying)
        lag.add_metric([], health.lag_s)
        due.add_metric([], health.due_s)
    yield from (hooks, messages, lag, due)


def _byte_metrics(session: Session) -> Iterator[Metric]:
    labels = ["kind", "infrastructure"]
    done = CounterMetricFamily("gateway_transferred_bytes", "Bytes of completed transfers.", labels=labels)
    rate = GaugeMetricFamily("gateway_transfer_bytes_per_second", "Of those under way.", labels=labels)
    for family, column, state in (
        (done, Transfer.bytes_done, TransferState.COMPLETED),
        (rate, Transfer.bytes_per_s, TransferState.TRANSFERRING),
    ):
        statement = select(Transfer.kind, Transfer.infrastructure, func.sum(column)).where(
            Transfer.state == state
        )
        for kind, name, total in session.execute(statement.group_by(Transfer.kind, Transfer.infrastructure)):
            family.add_metric([kind, name], float(total or 0))
        yield family
