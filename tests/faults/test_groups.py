"""A worker that is killed in the middle of groups of small files: each arrives, and ends once."""

import time
from concurrent.futures import ThreadPoolExecutor

from tests.client import DATA, Client, Status
from tests.databases import ON_SQLITE
from tests.faults.history import History
from tests.faults.killing import kill_part
from tests.polling import until

FILES = 500
WITHIN_S = 90.0


def _content(number: int) -> bytes:
    return b"%d\n" % number * (number % 50)


def _kill_again_and_again(client: Client, url: str, parent: Status) -> None:
    """Kill the worker while some files have arrived and others have not."""
    for share in (0.2, 0.6):

        def moved(share: float = share) -> bool:
            counts = client.get(f"{url}/{parent['id']}")["children"] or {}
            return bool(counts.get("completed", 0) >= share * FILES)

        until(f"{share:.0%} have arrived", moved, WITHIN_S)
        kill_part(client.stack, "worker")
        time.sleep(0.2)
        client.stack.start_worker()


@ON_SQLITE
def test_small_files_arrive_and_end_once_whatever_is_killed(client: Client, history: History) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: client.put(f"groups/f{n}", _content(n)), range(FILES)))
    parent = client.stage_in("groups/", f"{DATA}/groups")
    _kill_again_and_again(client, "/s3_data", parent)
    ended = client.moved("/s3_data", parent, WITHIN_S)
    assert (ended["status"], ended["children"]) == ("completed", {"completed": FILES})
    assert history.good_ends(parent) == [1] * FILES
    folder = client.file(f"{DATA}/groups")
    assert {file.name for file in folder.iterdir()} == {f"f{n}" for n in range(FILES)}
    assert all((folder / f"f{n}").read_bytes() == _content(n) for n in range(FILES))
    back = client.stage_out(f"{DATA}/groups", "groups-back/")
    _kill_again_and_again(client, "/s3_result", back)
    assert client.moved("/s3_result", back, WITHIN_S)["children"] == {"completed": FILES}
    assert history.good_ends(back) == [1] * FILES
    assert all(client.stored(f"groups-back/f{n}") == _content(n) for n in range(0, FILES, 7))
