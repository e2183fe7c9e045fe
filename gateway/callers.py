"""Who calls: the owner of what is made, and how far the call may reach."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import Forbidden


class Scope(StrEnum):
    """How far a caller reaches; each holds those before it."""

    USER = "user"
    OPERATOR = "operator"
    ADMIN = "admin"

    def holds(self, other: "Scope") -> bool:
        """Tell whether this scope allows what `other` allows."""
        order = list(Scope)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True)
class Caller:
    """Somebody who was recognised: users see what is theirs, operators and admins everything."""

    owner: str
    scope: Scope

    def may_see(self, owner: str) -> bool:
        """Tell whether what belongs to `owner` exists for this caller."""
        return owner == self.owner or self.scope.holds(Scope.OPERATOR)

    @property
    def only_owner(self) -> str | None:
        """Return whose rows a list is confined to; None for those who see all."""
        return None if self.scope.holds(Scope.OPERATOR) else self.owner

    def need(self, scope: Scope) -> None:
        """Raise Forbidden when the caller does not reach so far."""
        if not self.scope.holds(scope):
            raise Forbidden(f"this needs the scope {scope}; yours is {self.scope}")


# Who everybody is without accounts; what was made before accounts were turned on stays theirs.
LOCAL = Caller("local", Scope.ADMIN)
