"""Text fields of requests, validated for databases, filesystems and headers."""

import json
from base64 import b64decode
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from api.schemas.patterns import (
    AES_256_KEY,
    HOME_PATH,
    KEY,
    NO_NUL,
    PRINTABLE_ASCII,
    SOURCE_URL,
    STORE_URL,
    Told,
)
from gateway.clusters.configuration import NAME_PATTERN

NO_JSON = "not valid JSON text: lone surrogates, NaN and Infinity are not allowed"


def check_text(text: str) -> str:
    """Refuse a text with a NUL character or a lone surrogate."""
    if "\0" in text:
        raise ValueError("a NUL character is not allowed")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(NO_JSON) from error
    return text


def check_json(value: Any) -> Any:
    """Refuse lone surrogates, NaN and Infinity, which Python reads as JSON."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise ValueError(NO_JSON) from error
    return value


def check_ascii(text: str) -> str:
    """Refuse a text with other than printable ASCII characters; the error does not repeat it."""
    if not (text.isascii() and text.isprintable()):
        raise ValueError(
            "only printable ASCII characters are allowed: no line breaks, control characters or other letters"
        )
    return text


def _check_key(secret: SecretStr) -> SecretStr:
    key = check_ascii(secret.get_secret_value())
    if key != key.strip():
        raise ValueError("white space around it is not allowed: remove it")
    return secret


def _check_secret(secret: SecretStr) -> SecretStr:
    check_text(secret.get_secret_value())
    return secret


LONGEST = 2048
LONGEST_TOKEN = 8192  # of a session token: it has to fit into a header
CUSTOMER_KEY_BYTES = 32
HIDDEN = "?..."  # in an answer, in place of the query of another owner's URL
AnyText = Annotated[str, Field(max_length=LONGEST), AfterValidator(check_text), Told(pattern=NO_NUL)]
Text = Annotated[AnyText, Field(min_length=1)]
AnySecret = Annotated[SecretStr, AfterValidator(_check_secret), Told(pattern=NO_NUL)]


def _check_customer_key(secret: SecretStr) -> SecretStr:
    try:
        length = len(b64decode(secret.get_secret_value(), validate=True))
    except ValueError:
        length = 0
    if length != CUSTOMER_KEY_BYTES:
        raise ValueError(f"{CUSTOMER_KEY_BYTES} bytes in base64 are needed, the key of AES-256")
    return secret


AsciiText = Annotated[Text, AfterValidator(check_ascii), Told(pattern=PRINTABLE_ASCII)]
StoreUrl = Annotated[AsciiText, Told(pattern=STORE_URL)]
SourceUrl = Annotated[Text, Told(pattern=SOURCE_URL)]
ClusterPath = Annotated[Text, Told(pattern=HOME_PATH)]
ClusterName = Annotated[Text, Told(pattern=NAME_PATTERN, maxLength=63)]
Key = Annotated[
    SecretStr, Field(min_length=1, max_length=LONGEST), AfterValidator(_check_key), Told(pattern=KEY)
]
Token = Annotated[
    SecretStr, Field(min_length=1, max_length=LONGEST_TOKEN), AfterValidator(_check_key), Told(pattern=KEY)
]
CustomerKey = Annotated[SecretStr, AfterValidator(_check_customer_key), Told(pattern=AES_256_KEY)]
