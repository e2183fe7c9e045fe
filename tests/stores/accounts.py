"""Buckets that want more than a pair of keys, that refuse an account, or that lie in another region."""

from collections.abc import Callable
from dataclasses import replace

from tests.stores.bucket import Answer, Request, error
from tests.stores.listings import Listing
from tests.stores.signatures import is_signed, region_of

TOKEN = "FwoGZXIvYXdzE+geheim/token=="
_OF_OBJECTS = frozenset({"GET", "HEAD", "PUT"})


class Temporary(Listing):
    """It takes temporary keys: a signature that covers the session token."""

    def __init__(self, secret_key: str) -> None:
        super().__init__()
        self._secret_key = secret_key

    def answer(self, request: Request) -> Answer:
        if request.headers.get("x-amz-security-token") != TOKEN:
            return error(403, "InvalidToken")
        if not is_signed(request, self._secret_key, "x-amz-security-token"):
            return error(403, "SignatureDoesNotMatch")
        return super().answer(request)


class RequesterPays(Listing):
    """It demands the consent to pay, with each request."""

    def answer(self, request: Request) -> Answer:
        pays = request.headers.get("x-amz-request-payer") == "requester"
        return super().answer(request) if pays else error(403, "AccessDenied")


class CustomerKey(Listing):
    """Its objects are encrypted with the customer's key, which each request for one has to bring."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key

    def answer(self, request: Request) -> Answer:
        name = "x-amz-server-side-encryption-customer-key"
        is_of_object = request.key and (request.method in _OF_OBJECTS or "uploads" in request.query)
        if is_of_object and request.headers.get(name) != self._key:
            return error(400, "InvalidRequest")
        return super().answer(request)


class Refusing(Listing):
    """It answers some requests with an error."""

    def __init__(self, refusal: Answer, refuses: Callable[[int], bool] = lambda _: True) -> None:
        super().__init__()
        self._refusal, self._refuses = refusal, refuses

    def answer(self, request: Request) -> Answer:
        if self._refuses(len(self.asked)):
            self.asked.append(request)
            return self._refusal
        return super().answer(request)


class WriteOnly(Listing):
    """Its account may write objects alone: it reads, lists and removes nothing."""

    def answer(self, request: Request) -> Answer:
        if request.method in {"PUT", "POST"}:
            return super().answer(request)
        self.asked.append(request)
        return error(403, "AccessDenied")


class Region(Listing):
    """It takes signatures for one region alone, and names that region or not."""

    status, code, says = 400, "AuthorizationHeaderMalformed", "no"

    def __init__(self, region: str, secret_key: str, named: str = "body") -> None:
        super().__init__()
        self._region, self._secret_key, self._named = region, secret_key, named

    def answer(self, request: Request) -> Answer:
        if region_of(request) != self._region:
            self.asked.append(request)
            body = f"<Region>{self._region}</Region>" if self._named == "body" else ""
            header = {"x-amz-bucket-region": self._region} if self._named == "header" else {}
            answer = error(self.status, self.code, body, header)
            told = (
                f"the region is wrong; expecting '{self._region}'" if self._named == "message" else self.says
            )
            return replace(answer, body=answer.body.replace(b">no<", f">{told}<".encode()))
        if not is_signed(request, self._secret_key):
            return error(403, "SignatureDoesNotMatch")
        return super().answer(request)


class RefusingRegions(Region):
    """It refuses other regions by a name of its own, as R2 does, and names none."""

    code, says = "InvalidRegionName", "Must be one of: wnam, auto"


class RefusingSignatures(Region):
    """It calls a wrong region a wrong signature, as versitygw does."""

    status, code, says = 403, "SignatureDoesNotMatch", "Credential should be scoped to a valid Region"


class OnlyInHost(Listing):
    """It takes the bucket's name in the host's alone, as OSS, COS and OBS do."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self._code = code

    def answer(self, request: Request) -> Answer:
        if request.host.startswith("data."):
            return super().answer(request)
        self.asked.append(request)
        return error(403, self._code)


class Moved(Listing):
    """It redirects requests for one host to another place."""

    def __init__(self, status: int, host: str, location: str = "", more: str = "") -> None:
        super().__init__()
        self._status, self._host, self.location, self._more = status, host, location, more
        self.everywhere = False

    def answer(self, request: Request) -> Answer:
        if request.host != self._host and not self.everywhere:
            return super().answer(request)
        self.asked.append(request)
        is_below = "//data." in self.location  # then the path is without the bucket
        path = request.path.removeprefix("/data") if is_below else request.path
        headers = {"Location": self.location + path} if self.location else {}
        code = "TemporaryRedirect" if self._status == 307 else "PermanentRedirect"
        return error(self._status, code, self._more, headers)
