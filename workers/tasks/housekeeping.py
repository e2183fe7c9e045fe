"""The housekeeping task: the sweep, which beat sends every few seconds."""

from gateway import leases
from gateway.db import session_scope
from gateway.operations.sweep import LEASE, LEASE_PERIODS, sweep
from gateway.queue import app
from gateway.queue.celery_app import SWEEP_TASK
from gateway.settings import get_settings


# No events: thousands of sweeps a day would push the real tasks out of Flower.
@app.task(name=SWEEP_TASK, bind=True, send_events=False)
def run(self: "app.Task") -> None:
    """Sweep, as the holder of the sweeper's lease: one at a time, however many beats and workers run."""
    holder = str(self.request.hostname)
    with session_scope() as session:
        if not leases.acquire_lease(session, LEASE, holder, LEASE_PERIODS * get_settings().sweep_s):
            return
        sweep(session)
