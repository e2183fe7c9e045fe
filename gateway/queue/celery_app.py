"""The Celery application, and its settings."""

from typing import Any

from celery import Celery
from celery.signals import setup_logging
from kombu.transport import TRANSPORT_ALIASES

from gateway.clusters.queue_names import HOUSEKEEPING
from gateway.logs import configure_logging
from gateway.settings import Settings, get_settings

SWEEP_TASK = "housekeeping.sweep"
REMOVAL_TASK = "uploads.remove"
REMOVAL_S = 600.0

TRANSPORT_ALIASES.update(
    redis="gateway.queue.transport:Transport", rediss="gateway.queue.transport:Transport"
)


def make_app(settings: Settings) -> Celery:
    """Configure Celery; the reason for each setting is in docs/decisions/queue.md."""
    app = Celery("hpc-gateway", task_cls="gateway.queue.task:GatewayTask")
    app.conf.update(
        broker_url=settings.redis_url.get_secret_value(),
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": 3600,
            "socket_connect_timeout": 3,
            "socket_timeout": 5,
            "socket_keepalive": True,
        },
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_retry_on_worker_lost=True,
        task_default_queue=HOUSEKEEPING,
        task_serializer="json",
        task_send_sent_event=False,
        task_publish_retry_policy={
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.1,
            "interval_max": 0.1,
        },
        worker_prefetch_multiplier=1,
        worker_send_task_events=True,
        worker_hijack_root_logger=False,
        worker_soft_shutdown_timeout=10.0,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        beat_scheduler="celery.beat:Scheduler",
        beat_schedule={name: _periodic(name, period) for name, period in _periods(settings).items()},
    )
    return app


def _periods(settings: Settings) -> dict[str, float]:
    """Return the periods of the tasks that beat sends."""
    removal = {REMOVAL_TASK: REMOVAL_S} if settings.store_endpoint else {}
    return {SWEEP_TASK: settings.sweep_s, **removal}


def _periodic(name: str, period_s: float) -> dict[str, Any]:
    options = {"queue": HOUSEKEEPING, "expires": 5 * period_s}
    return {"task": name, "schedule": period_s, "options": options}


app = make_app(get_settings())


def _configure_logs(**_: Any) -> None:
    """Configure the log lines of every process; Celery configures none once this is connected."""
    configure_logging()


setup_logging.connect(_configure_logs)
