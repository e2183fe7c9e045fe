"""Two hundred failures of mixed kinds, retried at once: each ends once, and rightly."""

from tests.client import DATA, INPUTS, Client, Status
from tests.databases import ON_POSTGRESQL
from tests.polling import until

IN, OUT, JOBS = 100, 90, 10
PATIENCE_S = 280.0
LATER = "later"
TABLE = b"x;y\n1;2\n3;5\n4;9\n"


@ON_POSTGRESQL
def test_each_of_two_hundred_failures_ends_once_and_rightly(client: Client) -> None:
    started = {
        "/s3_data": [
            client.stage_in("many.csv", f"{DATA}/many/{i}.csv", **({"bucket": LATER} if i % 2 else {}))
            for i in range(IN)
        ],
        "/s3_result": [client.stage_out(f"{DATA}/not-yet.csv", f"many/{i}.csv") for i in range(OUT)],
        "/job": [client.compute(["fft"], f"/{INPUTS}/not-yet.csv", num_mpi_procs=1) for _ in range(JOBS)],
    }
    failed = {url: _all(client, url, rows, "failed") for url, rows in started.items()}
    reasons = {row["reason"].split(":")[0][:20] for rows in failed.values() for row in rows}
    assert len(reasons) >= 3, reasons

    client.s3.create_bucket(Bucket=LATER)
    client.put("many.csv", TABLE)
    client.s3.put_object(Bucket=LATER, Key="many.csv", Body=TABLE)
    client.place("not-yet.csv", TABLE)
    client.write(f"{DATA}/not-yet.csv", TABLE)

    since = min(row["created_at"] for rows in started.values() for row in rows)
    assert _retry(client, since, dry_run=True) == IN + OUT + JOBS
    assert _retry(client, since, dry_run=False) == IN + OUT + JOBS
    assert _retry(client, since, dry_run=False) == 0

    for url, rows in started.items():
        well = "succeeded" if url == "/job" else "completed"
        for row in _all(client, url, rows, well):
            events = client.http.get(f"{url}/{row['id']}/events").json()
            ends = [event["to_state"] for event in events if event["to_state"] in {"failed", well}]
            assert (row["attempt"], ends) == (2, ["failed", well])
    assert all(client.file(f"{DATA}/many/{i}.csv").read_bytes() == TABLE for i in range(IN))
    assert all(client.stored(f"many/{i}.csv") == TABLE for i in range(OUT))


def _retry(client: Client, since: str, *, dry_run: bool) -> int:
    """Retry the failures, and those by a user's input, which are left out unless they are asked for."""
    failed = {"since": since, "state": ["failed"]}
    bodies = [
        {"filter": failed | more, "by": "ada", "dry_run": dry_run} for more in ({}, {"fault": ["input"]})
    ]
    return sum(client.http.post("/retry", json=body).json()["retried"] for body in bodies)


def _all(client: Client, url: str, rows: list[Status], state: str) -> list[Status]:
    """Wait until every one of the rows is in the state."""
    wanted = {row["id"] for row in rows}

    def look() -> list[Status] | None:
        found = [row for row in client.get(f"{url}?limit=1000")["items"] if row["id"] in wanted]
        return found if {row["state"] for row in found} == {state} else None

    return until(f"all of {url} are {state}", look, PATIENCE_S)
