"""Random store fields as user, operator and admin, two seeds each: no 5xx, and no secret in an answer."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from gateway.callers import Scope
from tests.bodies import DATA, RESULT
from tests.ended_rows import failed_transfer
from tests.identity import bearer, new_key

STORED = {"name": "n", "endpoint": "https://s3.example.org", "access_key": "a", "secret_key": "b"}
WEB = {"src": "https://example.org/a.csv", "dst": "serrano/data/a.csv", "infrastructure": "hpc"}
SIGNED = {
    **{name: value for name, value in DATA.items() if name not in {"access_key", "secret_key"}},
    "presigned_url": "https://s3.example.org/b/o?X-Amz-Signature=x",
}
KEYS = {"access_key": "a", "secret_key": "b"}
ROUTES = [
    ("/s3_data", DATA),
    ("/s3_result", RESULT),
    ("/s3_data", SIGNED),
    ("/credentials", STORED),
    ("/data", WEB),
]
SECRETS = ("access_key", "secret_key", "presigned_url")
LONG = 12  # a shorter secret may stand in an answer by chance
CONTROLS = st.sampled_from(
    ["\r\n", "\n", "\0", "\x1b[31m", "\x9b", "\u202e", "\ud800", "ключ", "%0d%0a", "[", "@", " "]
)
TEXTS = st.one_of(
    st.text(st.characters(), max_size=60),
    st.lists(st.one_of(st.text(max_size=10), CONTROLS), max_size=8).map("".join),
    CONTROLS.map(lambda odd: f"https://s3.example.org{odd}/b?X-Amz-Signature={odd}"),
    st.sampled_from(
        ["x" * 3000, "https://[", "https://a:99999", "http://[::1", "ftp://h:0/x", "//", "https://\uff21"]
    ),
)
VALUES = st.one_of(TEXTS, TEXTS, st.none(), st.booleans(), st.integers(), st.lists(st.integers(), max_size=2))


def _check(api: TestClient, url: str, body: dict[str, Any], headers: dict[str, str]) -> None:
    answer = api.post(url, content=json.dumps(body), headers={**headers, "Content-Type": "application/json"})
    assert answer.status_code < 500, (url, body, answer.text)
    for name in SECRETS:
        secret = body.get(name)
        shown = [value for other, value in body.items() if other not in SECRETS]
        if isinstance(secret, str) and len(secret) > LONG and secret not in shown:
            assert secret not in answer.text


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("scope", list(Scope))
def test_no_field_makes_a_server_error(with_keys: TestClient, scope: Scope, number: int) -> None:
    headers = bearer(new_key("ada", scope))
    row_id = failed_transfer(owner="ada")
    routes = st.sampled_from([*ROUTES, (f"/s3_data/{row_id}/retry", KEYS)])

    @seed(number)
    @settings(
        max_examples=60,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(route=routes, data=st.data())
    def ask(route: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
        url, body = route
        changed = data.draw(st.sets(st.sampled_from(sorted(body)), min_size=1, max_size=2))
        _check(with_keys, url, {**body, **{name: data.draw(VALUES) for name in sorted(changed)}}, headers)

    ask()
