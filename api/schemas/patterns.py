r"""Rules on texts that the OpenAPI document tells; other code enforces them with sentences of its own.

They are in the part of the language that ECMA-262, RE2 (Go), Rust and Java share: without looking around,
and with `\x00` in place of `\u0000`.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue

PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"  # up to 65535
_NAME = r"([A-Za-z0-9_-]+\.)*[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
# First numbers whose networks are public but for a few addresses.
_PUBLIC = (
    "([1-9]|1[1-9]|[2-9][0-9]|10[1-9]|11[0-9]|12[0-689]|1[3-5][0-9]|16[0-7]|"
    "17[013-9]|18[0-9]|19[013-79]|20[0-24-9]|21[0-9]|22[0-3])"
)
_NUMBER = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_HOST = rf"({_NAME}|{_PUBLIC}(\.{_NUMBER}){{3}})(:{PORT})?"
_REST = r"(/[!-~]*)?$"
# Parts of a path without the step up `..`; the first one begins with no space, and below a home with no dot.
_PART = r"(\.|[^/\x00.][^/\x00]*|\.[^/\x00.][^/\x00]*|\.\.[^/\x00]+)"
_FIRST_PART = r"(\.|[^/\x00.\s][^/\x00]*|\.[^/\x00.][^/\x00]*|\.\.[^/\x00]+)"
NO_NUL = r"^[^\x00]*$"
PRINTABLE_ASCII = "^[ -~]+$"
KEY = "^[!-~]([ -~]*[!-~])?$"
AES_256_KEY = "^[A-Za-z0-9+/]{43}=$"  # in base64
# Other hosts than public ones are the operator's choice: api/listed_hosts.py adds the listed ones.
STORE_URL = f"^https?://({_HOST}){_REST}"
HOOK_URL = f"^https://({_HOST}){_REST}"
SOURCE_URL = f"^(https?|ftp)://({_HOST}){_REST}"
# Below the account's home: narrower than the rule of the route, as roots are the cluster's.
HOME_PATH = rf"^[^/\x00.\s][^/\x00]*(/{_PART}?)*$"
# Joined to a folder of the job: a slash at its start means nothing.
FOLDER_PATH = f"^/*{_FIRST_PART}(/{_PART}?)*$"
FILE_NAME = "^[A-Za-z0-9_][ -.0-~]{0,199}$"  # the route takes letters of all languages
HEADER_KEY = "^[ -~]{1,255}$"


class Told:
    """Annotation with keywords of JSON Schema for the document alone."""

    def __init__(self, **keywords: Any) -> None:
        self._keywords = keywords

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the keywords."""
        return handler(schema) | self._keywords


def with_hosts(pattern: str, hosts: Sequence[str]) -> str:
    """Return the pattern of a URL, extended by other hosts, which are patterns too."""
    return pattern.replace(f"({_HOST})", f"({'|'.join([_HOST, *hosts])})")
