"""The rights of a webhook, judged at each delivery by the account or key that made it."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.accounts.api_keys import caller_of_key, end_of_key
from gateway.callers import LOCAL, Caller, Scope
from gateway.models import ApiKey, Webhook
from gateway.settings import get_settings


def judge_webhooks(session: Session, hooks: Iterable[Webhook]) -> dict[UUID, Caller | str]:
    """Return for each hook the caller for whom it acts now, or why it acts for none; one query for all."""
    hooks, auth = list(hooks), get_settings().auth
    ids = {hook.key_id for hook in hooks if hook.key_id}
    found = session.scalars(select(ApiKey).where(ApiKey.id.in_(ids))) if ids and auth == "keys" else ()
    keys = {key.id: key for key in found}
    return {hook.id: _judge_webhook(hook, auth, keys.get(hook.key_id)) for hook in hooks}


def _judge_webhook(hook: Webhook, auth: str, key: ApiKey | None) -> Caller | str:
    """Judge one hook. A token of OpenID leaves no trace here, so a hook made with one acts as a user."""
    if hook.auth != auth:
        return f"it was made with GATEWAY_AUTH={hook.auth}, and now it is {auth}: make it anew"
    if auth == "none":
        return LOCAL
    if auth == "oidc":
        return Caller(hook.owner, Scope.USER)
    if key is None or key.owner != hook.owner:
        return "the API key that made it is no longer there: make it anew"
    end = end_of_key(key)
    return f"its {end}: make it anew" if end else caller_of_key(key)
