"""Access to attempt folders: by the id of the job, and closed where its owner is not known."""

from collections.abc import Collection
from pathlib import PurePosixPath
from uuid import UUID

import pytest

from gateway.clusters.configuration import Cluster
from gateway.clusters.owner_roots import owner_roots
from gateway.jobs.attempts import AttemptAccess, job_ids, own_roots

MINE, HERS, UNKNOWN = (UUID(f"{digit * 8}-aaaa-4bbb-8ccc-{digit * 12}") for digit in "123")
JOBS = "/shared/data/Output_Data/jobs"


def _find(ids: Collection[UUID]) -> dict[UUID, str]:
    return {row_id: owner for row_id, owner in {MINE: "eve", HERS: "ada"}.items() if row_id in ids}


def _refused(*places: str, write: bool, owner: str = "eve", own: tuple[str, ...] = ()) -> set[str]:
    return {*AttemptAccess(owner, own, _find)(places, write=write)}


@pytest.mark.parametrize(
    "place",
    [
        JOBS,
        f"{JOBS}/x",
        f"{JOBS}/{MINE}.1",
        f"{JOBS}/{MINE}.2/hpc_kernels/__main__.py",
        f"{JOBS}/{HERS}.1/x",
        f"{JOBS}/{UNKNOWN}.1/x",
        f"{JOBS}/{str(HERS).upper()}.1",
        "/shared/output_data/JOBS/x",
        "/shared/Output_Data./jobs /x",
        f"/elsewhere/{MINE}.7/x",
        f"/elsewhere/{HERS}.7/x",
        f"/elsewhere/{HERS}.7./x",
    ],
)
def test_no_request_writes_into_an_attempt(place: str) -> None:
    assert _refused(place, write=True) == {place}


@pytest.mark.parametrize(
    "place",
    [
        "/shared/data/Output_Data/KMean/KMean_cluster.csv",
        "/shared/data/Output_Data/jobs2/x",
        "/shared/data/jobs/x",
        f"/elsewhere/{UNKNOWN}.1/x",
        f"/elsewhere/{HERS}.csv",
        f"/profile/{HERS}.1.json",
        f"/elsewhere/x{HERS}.1/y",
    ],
)
def test_other_places_are_open(place: str) -> None:
    assert _refused(place, write=True) == _refused(place, write=False) == set()


def test_owners_read_their_own_attempts_alone() -> None:
    mine, hers = f"{JOBS}/{MINE}.1/x", f"{JOBS}/{HERS}.1"
    both = f"{JOBS}/{MINE}.1/Output_Data/jobs/{HERS}.1/x"
    places = (mine, hers, both, JOBS, f"/elsewhere/{HERS}.12", f"{JOBS}/{str(HERS).upper()}.3")
    assert _refused(*places, write=False) == {hers, both, places[4], places[5]}
    assert _refused(*places, write=False, owner="ada") == {mine, both}


def test_an_unknown_job_is_closed_but_in_a_root_of_ones_own() -> None:
    place = f"{JOBS}/{UNKNOWN}.1/x"
    assert _refused(place, write=False) == {place}
    assert _refused(place, write=False, own=("/shared/dat",)) == {place}
    assert _refused(place, write=False, own=("/shared/data/",)) == set()
    assert _refused(place, write=False, owner="local", own=("/",)) == set()


def test_the_roots_of_ones_own() -> None:
    given = {"name": "hpc", "scheduler": "slurm", "home": "/home/gw"}
    alone = Cluster.model_validate(given)
    mixed = Cluster.model_validate({**given, "roots": ("/data", "/scratch/{owner}/gw")})
    assert own_roots("eve", owner_roots(alone, "eve")) == (PurePosixPath("/home/gw/owners/eve"),)
    assert own_roots("eve", owner_roots(mixed, "eve")) == (PurePosixPath("/scratch/eve/gw"),)
    assert own_roots("local", owner_roots(mixed, "local")) == (PurePosixPath("/"),)


def test_the_ids_of_a_path() -> None:
    assert job_ids(f"/a/{MINE}.1/b/{HERS}.22") == {MINE, HERS}
    assert job_ids(f"/a/{MINE}/b/{HERS}.x") == frozenset()
