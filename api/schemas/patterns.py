"""Rules on texts that the OpenAPI document tells; other code enforces them with sentences of its own."""

from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue

_PORT = (
    "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"  # up to 65535
)
_LABEL = "[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = (
    rf"([A-Za-z0-9-]+\.)*{_LABEL}"  # an address is no name: whether it is allowed is the operator's choice
)
_LOCAL = r"(?![a-z]+://([^/]*\.)?[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]\.?([:/?#]|$))"
_STEP_UP = r"(?!(.*/)?\.\.(/|$))"
NO_NUL = r"^[^\u0000]*$"
PRINTABLE_ASCII = "^[ -~]+$"
KEY = "^[!-~]([ -~]*[!-~])?$"
AES_256_KEY = "^[A-Za-z0-9+/]{43}=$"  # in base64
STORE_URL = f"^{_LOCAL}https?://{_HOST}(:{_PORT})?(/[!-~]*)?$"
HOOK_URL = f"^{_LOCAL}https://{_HOST}(:{_PORT})?(/[!-~]*)?$"
SOURCE_URL = f"^{_LOCAL}(https?|ftp)://{_HOST}(:{_PORT})?(/[!-~]*)?$"
# Below the account's home: narrower than the rule of the route, as roots are the cluster's.
HOME_PATH = rf"^{_STEP_UP}[^/\u0000\s][^\u0000]*$"
# Joined to a folder of the job: a slash at its start means nothing.
FOLDER_PATH = rf"^{_STEP_UP}[^\u0000]*[^\u0000\s][^\u0000]*$"
FILE_NAME = "^[A-Za-z0-9_][ -.0-~]{0,199}$"  # the route takes letters of all languages
HEADER_KEY = "^[ -~]{1,255}$"


class Told:
    """Annotation with keywords of JSON Schema for the document alone."""

    def __init__(self, **keywords: Any) -> None:
        self._keywords = keywords

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the keywords."""
        return handler(schema) | self._keywords
