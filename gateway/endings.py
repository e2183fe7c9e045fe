"""The end of a job: what the attempt's folder says about its outputs and about why it failed."""

import json
from pathlib import PurePosixPath
from typing import Any

from gateway.batch import STDERR
from gateway.configuration import Cluster
from gateway.errors import SiteError, SiteUnavailable
from gateway.models import Job
from gateway.outbox import ON_REQUEST
from gateway.paths import shown
from gateway.places import places_of
from gateway.programs import OUTPUTS_FILE, attempt_folder
from gateway.sites.local import LocalSite
from gateway.states import JobState

MANIFEST_LIMIT_BYTES = 1 << 20
LAST_WORDS_BYTES = 4096
INPUT_ERROR = 2
# What the launcher says after a rank has failed hides what the rank said; its first error is the best of it.
LAUNCHER_WORDS = ("srun:", "slurmstepd")
LAUNCHER_ERROR = "srun: error:"


def ending(job: Job, cluster: Cluster, site: LocalSite) -> tuple[JobState, str, list[dict[str, Any]]]:
    """Return the job's final state, its reason and its outputs."""
    finding = job.finding or {}
    state, reason = JobState(finding["state"]), str(finding["reason"])
    folder = attempt_folder(job)
    if state is JobState.SUCCEEDED:
        try:
            return state, "", _outputs(folder, places_of(cluster, job.owner).home, site)
        except SiteUnavailable:
            raise
        except (SiteError, ValueError, KeyError) as error:
            return JobState.FAILED, f"the job ended well but its outputs cannot be read: {error}", []
    if job.cancel_requested_at and state is JobState.CANCELLED:
        return state, ON_REQUEST, []
    return state, _last_words(folder, site) or reason if state is JobState.FAILED else reason, []


def _outputs(folder: PurePosixPath, home: PurePosixPath, site: LocalSite) -> list[dict[str, Any]]:
    manifest = json.loads(site.read_text(folder / OUTPUTS_FILE, MANIFEST_LIMIT_BYTES))
    return [entry | {"path": shown(PurePosixPath(entry["path"]), home)} for entry in manifest]


def _last_words(folder: PurePosixPath, site: LocalSite) -> str:
    """Return the last line of stderr: a kernel says there, in one line, what it did not like."""
    try:
        text = site.read_text(folder / STDERR, LAST_WORDS_BYTES, tail=True)
    except SiteError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    own = [line for line in lines if not line.startswith(LAUNCHER_WORDS)]
    launchers = [line for line in lines if line.startswith(LAUNCHER_ERROR)]
    return (own[-1:] or launchers[:1] or [""])[0]
