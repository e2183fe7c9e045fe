"""The databases of the heaviest tests of a started stack: one in the default tier, both in the long one."""

import pytest


def _on(first: str) -> pytest.MarkDecorator:
    """Parametrize the stack in the order of its fixture, so that tests on one database stay together."""
    names = ("sqlite", "postgresql")
    stacks = [name if name == first else pytest.param(name, marks=pytest.mark.long) for name in names]
    return pytest.mark.parametrize("stack", stacks, indirect=True)


ON_SQLITE, ON_POSTGRESQL = _on("sqlite"), _on("postgresql")
