"""Forms of the console: their fields, and the token that a page of another site cannot know."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qs

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from api.console.visitors import Visitor
from api.validation_words import sentence
from gateway.errors import Forbidden, Invalid

FIELD = "form_token"
HEADER = "X-Form-Token"  # for requests of the page's script
MOST_FIELDS = 500
_MOST_DIGITS = 18  # Python refuses to read thousands of them
Model = TypeVar("Model", bound=BaseModel)


class Fields:
    """The fields of a form; an absent one reads as empty."""

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """Return the text of a field, without white space around it."""
        return self._values.get(name, [""])[-1].strip()

    def number(self, name: str) -> int | str:
        """Return the number of a field; another text as it is, which the body of the API refuses."""
        text = self.text(name)
        return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else text

    def texts(self, name: str) -> list[str]:
        """Return all texts of a field that may be repeated."""
        return [text.strip() for text in self._values.get(name, []) if text.strip()]

    def chosen(self) -> dict[str, list[str]]:
        """Return the fields that are not blank."""
        return {name: texts for name in self._values if (texts := self.texts(name))}


async def read_fields(request: Request) -> Fields:
    """Parse the body of a form, or raise Invalid."""
    body = await request.body()
    try:
        return Fields(parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise Invalid(f"the form is not readable: send at most {MOST_FIELDS} fields in UTF-8") from error


async def check_form(request: Request, visitor: Visitor) -> None:
    """Raise Forbidden unless the request carries the token of this visitor's forms."""
    token = request.headers.get(HEADER) or (await read_fields(request)).text(FIELD)
    if not visitor.owns_form(token):
        raise Forbidden("this form is not from an open page of yours: load the page again and repeat")


Form = Annotated[Fields, Depends(read_fields)]


def validate(model: type[Model], values: Mapping[str, Any]) -> Model:
    """Return the body of the API that the values make, or raise Invalid with the field's name."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise Invalid(sentence(first), field=place) from None
