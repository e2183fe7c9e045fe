"""Fresh keys for the retry of a workflow, by the Python client and by the command line."""

import pytest

from hpc_gateway_client import Gateway, Refused, Store
from tests.rows import SECRET
from tests.run_command import Command
from tests.workflows import STORE, new_workflow, workflow

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_workflow_gets_fresh_keys_for_the_bucket_that_it_uses(command_url: str) -> None:
    mine = new_workflow()
    fresh = Store(STORE["endpoint"], STORE["bucket"], access_key="new", secret_key=SECRET)
    elsewhere = Store(STORE["endpoint"], "another", access_key="new", secret_key=SECRET)
    with Gateway(command_url) as gateway:
        ended = gateway.cancel(gateway.workflow(mine))  # which erases its keys
        for store in (None, elsewhere):
            with pytest.raises(Refused, match="erased"):
                gateway.retry(ended, store=store)
        assert gateway.retry(ended, store=fresh).state == "accepted"
    row = workflow(mine)
    assert row.input_secret is not None
    assert row.output_secret is not None


def test_the_command_line_takes_them_from_the_environment(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", STORE["endpoint"])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "new")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    mine = str(new_workflow())
    assert command("workflow", "cancel", mine)[0] == 0
    assert command("workflow", "retry", mine)[0] == 1
    status, shown, said = command("workflow", "retry", mine, "--fresh-keys")
    assert (status, shown.split()) == (0, ["workflow", mine, "accepted"]), said
