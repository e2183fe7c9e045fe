"""Actions after a commit: a transaction asks for a call, its commit makes it, a rollback drops it.

The `info` of the database connection holds the calls, so that an ORM session and Core statements share them;
a savepoint that is rolled back drops the calls that were asked for inside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

Action = Callable[[Sequence[Any]], None]
Calls = list[tuple[Action, Any]]
_KEY = "calls after the commit"


@dataclass
class _Transaction:
    """The calls that one transaction asked for, and how many there were at each savepoint."""

    committed: Calls | None
    calls: Calls = field(default_factory=list)
    savepoints: dict[str, int] = field(default_factory=dict)


def after_commit(bind: Session | Connection, action: Action, *arguments: Any) -> None:
    """Have the action called once after the commit, with all arguments that the transaction asked for."""
    connection = bind.connection() if isinstance(bind, Session) else bind
    if not connection.in_transaction():
        connection.begin()
    connection.info[_KEY].calls += [(action, argument) for argument in arguments]


def run_calls(calls: Calls) -> None:
    """Call each action once, with all of its arguments, and leave the list empty."""
    by_action: dict[Action, list[Any]] = {}
    for action, argument in calls:
        by_action.setdefault(action, []).append(argument)
    calls.clear()
    for action, arguments in by_action.items():
        action(arguments)


def follow_transactions(engine: Engine) -> None:
    """Make the calls of each transaction of the engine at its commit.

    The execution option `committed` names a list that takes the calls in place of that. Methods of the
    dialect are followed because SQLAlchemy's own events come before a commit and before a savepoint's name.
    """
    event.listen(engine, "begin", _begin)
    for name, follow in (
        ("do_commit", _commit),
        ("do_savepoint", _savepoint),
        ("do_rollback_to_savepoint", _rollback_to_savepoint),
    ):
        setattr(engine.dialect, name, _and_then(getattr(engine.dialect, name), follow))


def _and_then(method: Callable[..., None], follow: Callable[..., None]) -> Callable[..., None]:
    @wraps(method)
    def both(connection: Any, *names: str) -> None:
        method(connection, *names)
        follow(connection.info, *names)

    return both


def _begin(connection: Connection) -> None:
    connection.info[_KEY] = _Transaction(connection.get_execution_options().get("committed"))


def _commit(info: dict[Any, Any]) -> None:
    done: _Transaction = info.pop(_KEY)
    if done.committed is None:
        run_calls(done.calls)
    else:
        done.committed.extend(done.calls)


def _savepoint(info: dict[Any, Any], name: str) -> None:
    info[_KEY].savepoints[name] = len(info[_KEY].calls)


def _rollback_to_savepoint(info: dict[Any, Any], name: str) -> None:
    del info[_KEY].calls[info[_KEY].savepoints[name] :]
