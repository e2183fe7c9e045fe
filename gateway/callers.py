"""Callers: the owner for whom a request acts, and its scope."""

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.errors import Forbidden


class Scope(StrEnum):
    """The permissions of a caller; each scope includes those before it."""

    USER = "user"
    OPERATOR = "operator"
    ADMIN = "admin"

    def holds(self, other: "Scope") -> bool:
        """Tell whether this scope includes the other."""
        order = list(Scope)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True)
class Caller:
    """An authenticated caller: users see their own rows, operators and admins all rows.

    `key_id` names the API key of the request, if there is one.
    """

    owner: str
    scope: Scope
    key_id: str = field(default="", compare=False)

    def may_see(self, owner: str) -> bool:
        """Tell whether the caller may see the rows of `owner`."""
        return owner == self.owner or self.scope.holds(Scope.OPERATOR)

    @property
    def only_owner(self) -> str | None:
        """The owner whose rows a list shows; None when the caller may see all rows."""
        return None if self.scope.holds(Scope.OPERATOR) else self.owner

    def need(self, scope: Scope) -> None:
        """Raise Forbidden when the caller's scope does not include this one."""
        if not self.scope.holds(scope):
            raise Forbidden(f"this needs the scope {scope}; yours is {self.scope}")


# The caller of every request without accounts. Its rows stay the owner `local`'s when accounts are turned on.
LOCAL = Caller("local", Scope.ADMIN)
