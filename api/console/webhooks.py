"""Webhooks of an account: made, tested, rotated, deleted, with their deliveries; a secret is shown once."""

import re

from fastapi import APIRouter, Depends, Request, Response

from api.console.forms import Form, validate
from api.console.pages import PageRoute, page, see_other
from api.console.sign_in import need_private
from api.console.visitors import SignedIn
from api.deps import RowId, parse_id
from api.routers import webhooks
from api.schemas.webhooks import WebhookRequest, WebhookWithSecret
from gateway.events.webhooks.hooks import check_offered

PAGE = 50
HOOKS = "/console/account/webhooks"
_BETWEEN_WORDS = re.compile(r"[\s,]+")


async def _offered(_caller: SignedIn) -> None:
    check_offered()


router = APIRouter(include_in_schema=False, route_class=PageRoute, dependencies=[Depends(_offered)])


@router.post(HOOKS)
def make_webhook(request: Request, caller: SignedIn, form: Form) -> Response:
    """Make a webhook and show its secret."""
    need_private(request)
    words = [word for word in _BETWEEN_WORDS.split(form.text("events")) if word]
    given = {"url": form.text("url"), "events": words, "description": form.text("description") or None}
    return _show_secret(request, webhooks.add_webhook(caller, validate(WebhookRequest, given)))


@router.get(HOOKS + "/{id}")
def show_webhook(request: Request, caller: SignedIn, row_id: RowId, cursor: str = "") -> Response:
    """Show a webhook with its deliveries; a page that updates itself asks for these alone."""
    template = "parts/deliveries.html" if "hx-request" in request.headers else "webhook.html"
    return page(
        request,
        template,
        section="account",
        hook=webhooks.get_webhook(caller, row_id),
        deliveries=webhooks.list_webhook_deliveries(caller, row_id, cursor or None, PAGE),
        cursor=cursor,
    )


@router.post(HOOKS + "/{id}/rotate")
def replace_secret(request: Request, caller: SignedIn, row_id: RowId) -> Response:
    """Make a new secret and show it."""
    need_private(request)
    return _show_secret(request, webhooks.rotate_webhook(caller, row_id))


@router.post(HOOKS + "/{id}/test")
def send_trial(request: Request, caller: SignedIn, row_id: RowId) -> Response:
    """Send a test and show the deliveries."""
    webhooks.try_webhook(caller, row_id)
    return see_other(request, f"{HOOKS}/{row_id}")


@router.post(HOOKS + "/{id}/delete")
def forget_webhook(request: Request, caller: SignedIn, row_id: RowId) -> Response:
    """Delete a webhook with its deliveries."""
    webhooks.delete_webhook(caller, row_id)
    return see_other(request, "/console/account")


@router.post(HOOKS + "/{id}/deliveries/{delivery_id}/redeliver")
def send_again(request: Request, caller: SignedIn, row_id: RowId, delivery_id: str) -> Response:
    """Send a message again and show the deliveries."""
    webhooks.redeliver_message(caller, row_id, parse_id(delivery_id))
    return see_other(request, f"{HOOKS}/{row_id}")


def _show_secret(request: Request, hook: WebhookWithSecret) -> Response:
    return page(request, "webhook_secret.html", 201, section="account", hook=hook)
