"""Garbage collections while a process imports its modules: none, and they go on afterwards."""

import gc
import sys
from pathlib import Path

import pytest

from gateway import processes

ENTRY = """
import gc

seen = []
gc.callbacks.append(lambda phase, info: seen.append(phase))
kept = [[] for _ in range(100_000)]
gc.callbacks.pop()
runs = []


def enter():
    runs.append(gc.isenabled())
"""


def test_nothing_is_collected_while_the_entry_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "entry_of_a_test.py").write_text(ENTRY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv)
    processes.call("entry_of_a_test:enter")
    entry = sys.modules.pop("entry_of_a_test")
    assert (entry.seen, entry.runs) == ([], [True])


def test_collections_go_on_after_an_import_that_fails() -> None:
    with pytest.raises(ImportError), processes.no_collections():
        raise ImportError
    assert gc.isenabled()
