"""Transfers that cannot succeed: each ends in `failure` with a reason that a user can act on."""

import pytest

from tests.client import BUCKET, DATA, Client, Status

NAMED = f"{DATA}/Init_Data/never.csv"


def refused(client: Client, **changes: str) -> Status:
    """Ask for an object that is there, but for what is changed; return how it ended."""
    client.put("there.csv", b"x\n1\n")
    accepted = client.stage_in(changes.pop("object", "there.csv"), NAMED, **changes)
    assert (accepted["status"], accepted["reason"]) == ("transferring", "")
    return client.moved("/s3_data", accepted)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"secret_key": "not the secret"}, "check secret_key"),
        ({"access_key": "nobody"}, "check access_key"),
        ({"bucket": "no-such-bucket"}, "no bucket 'no-such-bucket'"),
        ({"object": "no such object"}, "no object 'no such object'"),
    ],
)
def test_a_transfer_that_the_store_refuses_says_what_to_check(
    client: Client, changes: dict[str, str], says: str
) -> None:
    ended = refused(client, **changes)
    assert (ended["status"], ended["state"]) == ("failure", "failed")
    assert says in ended["reason"]
    assert not client.file(NAMED).exists()


def test_a_result_that_is_not_there_is_a_failure_that_names_it(client: Client) -> None:
    ended = client.moved("/s3_result", client.stage_out(f"{DATA}/Output_Data/nothing.csv", "nothing.csv"))
    assert ended["status"] == "failure"
    assert "Output_Data/nothing.csv" in ended["reason"]


def test_an_upload_with_a_wrong_secret_leaves_no_object(client: Client) -> None:
    src = client.place("small.csv", b"x\n1\n")
    ended = client.moved("/s3_result", client.stage_out(f"{DATA}{src}", "refused.csv", secret_key="wrong"))
    assert ended["status"] == "failure"
    assert "check secret_key" in ended["reason"]
    assert client.s3.list_objects_v2(Bucket=BUCKET, Prefix="refused")["KeyCount"] == 0


def test_an_id_of_another_kind_is_unknown(client: Client) -> None:
    client.put("kind.csv", b"x\n1\n")
    of_s3_data = client.stage_in("kind.csv", f"{DATA}/Init_Data/kind.csv")["id"]
    for url in ("/s3_result", "/job"):
        answer = client.http.get(f"{url}/{of_s3_data}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert client.http.get("/s3_data/no-uuid").status_code == 404
    client.moved("/s3_data", {"id": of_s3_data})
