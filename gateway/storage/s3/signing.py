"""Signatures of requests for an object: libcurl's, or botocore's where libcurl's would be wrong.

libcurl resolves `.` and `..` in the path that it signs, which are names like any other to a store, and
escapes odd characters in the name of an account or a region. botocore signs all, at ten times the cost.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SigningKeys

from gateway.egress.curl import Account
from gateway.storage.address import Credentials

PAYLOAD = "x-amz-content-sha256"
_UNSIGNED = "UNSIGNED-PAYLOAD"
_PLAIN = re.compile(r"[A-Za-z0-9._~-]{1,63}")
_DOTS = re.compile(r"/\.\.?(/|$)")


class Signer:
    """The signer of requests for one account in one region."""

    def __init__(self, region: str, credentials: Credentials) -> None:
        keys = credentials.access_key, credentials.secret_key
        self._botocore = _BotocoreSigner(SigningKeys(*keys), "s3", region)
        is_plain = _PLAIN.fullmatch(region) and _PLAIN.fullmatch(credentials.access_key)
        self._account = Account(region, *keys) if is_plain else None

    def signed(
        self, method: str, url: str, headers: Mapping[str, str], *, by_libcurl: bool = True
    ) -> tuple[Mapping[str, str], Account | None]:
        """Return the headers to send, and the account if libcurl shall sign them; else they are signed.

        A body is signed where its SHA-256 is among the headers, under the name `PAYLOAD`.
        """
        headers = {PAYLOAD: _UNSIGNED, **headers}
        if by_libcurl and self._account is not None and not _DOTS.search(urlsplit(url).path):
            return headers, self._account
        request = AWSRequest(method, url, headers)
        request.context = {PAYLOAD: headers[PAYLOAD]}
        self._botocore.add_auth(request)
        return dict(request.headers), None


class _BotocoreSigner(S3SigV4Auth):
    """botocore's signature, of a body that it does not read."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.context[PAYLOAD])
