"""Text in requests: what neither a database nor a filesystem nor a header can keep is refused at the door."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr


def plain(text: str) -> str:
    """Refuse what neither a database nor a filesystem can keep."""
    if "\0" in text:
        raise ValueError("a NUL character is not allowed")
    encodable(text)
    return text


def encodable(value: Any) -> Any:
    """Refuse what Python reads as JSON although it is none: lone surrogates, NaN and Infinity."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise ValueError("not valid JSON text: lone surrogates, NaN and Infinity are not allowed") from error
    return value


def _plain_secret(secret: SecretStr) -> SecretStr:
    plain(secret.get_secret_value())
    return secret


LONGEST = 2048
AnyText = Annotated[str, Field(max_length=LONGEST), AfterValidator(plain)]
Text = Annotated[AnyText, Field(min_length=1)]
AnySecret = Annotated[SecretStr, AfterValidator(_plain_secret)]
Key = Annotated[AnySecret, Field(min_length=1, max_length=LONGEST)]
