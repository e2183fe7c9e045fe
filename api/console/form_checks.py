"""Checks of the form that starts a run: a sentence in the form's own words for a part that was left blank."""

import re

from api.console.forms import Fields
from gateway.errors import Invalid

_BLANK = {
    "file": "choose a file, and wait until it is uploaded",
    "url": "fill in the address",
    "path": "fill in the path",
}
_PLACE = ("endpoint", "bucket", "object")
_OF_JOB = re.compile(r"^jobs\.([01])\.(?:params\.)?")


def check_input(form: Fields) -> None:
    """Raise Invalid where the chosen input is blank."""
    kind = form.text("input")
    if kind == "s3":
        missing = [name.capitalize() for name in _PLACE if not form.text(f"input.{name}")]
        _need(not missing, f"1. Input: fill in {' and '.join(missing)}")
        has_access = form.text("input.credential_id") or form.text("input.access_key")
        _need(bool(has_access), "1. Input: fill in the keys of the store, or choose stored credentials")
    elif kind in _BLANK:
        _need(bool(form.text(f"input.{kind}")), f"1. Input: {_BLANK[kind]}")


def check_run(form: Fields) -> None:
    """Raise Invalid where a part of a run was left blank."""
    check_input(form)
    services = form.texts("service")
    _need(bool(services), "2. Services: choose at least one")
    _need(
        not form.text("then") or len(services) == 1,
        "2. Services: a second job takes the result of one service: choose one for the first job",
    )


def _need(condition: bool, sentence: str) -> None:  # noqa: FBT001  as an assertion has it
    if not condition:
        raise Invalid(sentence)


def in_form_words(detail: str) -> str:
    """Return the sentence of a refusal with the names of fields as the form has them."""
    return _OF_JOB.sub(lambda found: "" if found[1] == "0" else "second job: ", detail)
