"""Drafts of steps: the ordinary rows of a workflow's transfers and jobs, checked as those of any request.

They are made twice: all of them when the request is validated, with stand-ins for paths that later steps
write, and each of them again when its step begins, with the rights that the owner has then.
"""

import os.path
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy.orm import Session

from gateway.clusters import catalog
from gateway.clusters.owner_roots import OwnerRoots, owner_roots
from gateway.clusters.paths import join_below
from gateway.errors import Invalid
from gateway.jobs import lifecycle as jobs
from gateway.jobs.params import JobParams
from gateway.storage.address import Secret, StoredKeys
from gateway.transfers import lifecycle as transfers
from gateway.transfers.lifecycle import S3Request, UrlRequest
from gateway.work.acceptance import Draft
from gateway.workflows import uploads
from gateway.workflows.field_errors import within_field
from gateway.workflows.plan import JobPlan, StorePlan, WorkflowPlan
from gateway.workflows.store_access import PlaceWithAccess

INPUT_KEY = "read_input_data"
LABELS_KEY = "clustering_label_path"


def draft_input(
    session: Session, owner: str, infrastructure: str, plan: WorkflowPlan, opening: Secret | StoredKeys | None
) -> Draft:
    """Return the row of the transfer that stages the input into the plan's folder."""
    with within_field(f"input.{plan.input.source}", alone={"src", "dst"}):
        if plan.input.url is not None:
            request = UrlRequest(infrastructure, plan.input.url, plan.folder)
            return transfers.draft_from_url(session, owner, request)
        if plan.input.file is not None:
            return uploads.draft_file(session, owner, infrastructure, plan.input.file, plan.folder)
        if plan.input.s3 is None or opening is None:
            raise Invalid("an input that is staged is needed")
        return transfers.draft(
            session, owner, _s3_request("s3_data", infrastructure, plan.input.s3, opening, plan.folder)
        )


def draft_output(
    session: Session, owner: str, infrastructure: str, result: PlaceWithAccess, path: str
) -> Draft:
    """Return the row of the transfer of a result; its place has the whole key, `path` is on the cluster."""
    place, opening = result.place, result.opening
    with within_field("output.s3"):
        return transfers.draft(session, owner, _s3_request("s3_result", infrastructure, place, opening, path))


def _s3_request(
    kind: str, infrastructure: str, place: StorePlan, opening: Secret | StoredKeys, path: str
) -> S3Request:
    return S3Request(
        kind=kind,
        infrastructure=infrastructure,
        endpoint=place.endpoint,
        bucket=place.bucket,
        object=place.object,
        region=place.region,
        opening=opening,
        path=path,
        requester_pays=place.requester_pays,
    )


def draft_job(
    session: Session, owner: str, infrastructure: str, job: JobPlan, files: dict[str, str]
) -> Draft:
    """Return the row of a job; `files` are the parameters that the gateway sets."""
    request = jobs.JobRequest(
        job.services, infrastructure, job.params | files, job.watch_period, job.resources
    )
    return jobs.draft(session, owner, request)


def file_param(session: Session, owner: str, infrastructure: str, job: JobPlan, path: str) -> str:
    """Return a path on the cluster as the parameters of the job name it: below its data folder."""
    roots = owner_roots(catalog.get_cluster(session, infrastructure), owner)
    return "/" + os.path.relpath(roots.confine(path, "path"), data_folder(roots, job.params))


def data_folder(roots: OwnerRoots, params: dict[str, Any]) -> PurePosixPath:
    """Return the data folder of a job with these parameters."""
    root, workspace = (
        str(params.get(key) or JobParams.model_fields[key].default) for key in ("root_dir", "workspace")
    )
    return roots.confine(join_below(PurePosixPath(root), workspace), "params.workspace")
