"""Looks at tables before a run: the input alone is staged, below the data folder of a job with defaults."""

import re
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from gateway.clusters import catalog
from gateway.clusters.owner_roots import owner_roots
from gateway.clusters.paths import client_path
from gateway.models import Transfer
from gateway.storage.address import Secret, StoredKeys
from gateway.work import quotas
from gateway.work.acceptance import Draft, insert_drafts
from gateway.workflows.drafts import data_folder, draft_input, file_param
from gateway.workflows.plan import InputPlan, JobPlan, WorkflowPlan

FOLDER = "Init_Data/looks"
_OF_LOOK = re.compile(rf"/{FOLDER}/([0-9a-f-]{{36}})/[^/]+")
_DEFAULTS = JobPlan(name="", services=[])


def stage_input(
    session: Session, owner: str, infrastructure: str, source: InputPlan, opening: Secret | StoredKeys | None
) -> Draft:
    """Insert the transfer of an input into a folder of its own, or raise Invalid, NotFound or TooMany."""
    cluster = catalog.get_cluster(session, infrastructure)
    roots = owner_roots(cluster, owner)
    row_id = uuid4()
    folder = data_folder(roots, _DEFAULTS.params) / FOLDER / str(row_id)
    plan = WorkflowPlan(input=source, jobs=[], folder=f"{client_path(folder, roots.home)}/")
    draft = draft_input(session, owner, infrastructure, plan, opening)
    quotas.Admission(session, [(owner, cluster)]).admit(owner, cluster, Transfer)
    draft.row.id = row_id
    insert_drafts(session, [draft])
    return draft


def input_path(session: Session, row: Transfer) -> str:
    """Return a staged file as the input of a run names it, or raise Invalid outside the owner's roots."""
    return file_param(session, row.owner, row.infrastructure, _DEFAULTS, row.path)


def id_of_path(path: str) -> UUID | None:
    """Return the id of the transfer that staged the input of a run, None for another path."""
    found = _OF_LOOK.fullmatch(path)
    try:
        return UUID(found[1]) if found else None
    except ValueError:
        return None
