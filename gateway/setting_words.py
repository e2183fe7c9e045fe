"""Words of a setting: lists in environment variables without JSON."""

from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode


def split_words(value: object) -> object:
    """Parse `a, b c` into three words, so that lists need no JSON in an environment variable."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


Words = Annotated[list[str], NoDecode, BeforeValidator(split_words)]
