"""Buckets whose listings differ from S3's."""

from collections.abc import Sequence
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from tests.stores.bucket import Answer, Bucket, Request, xml

FIRST, SECOND = "in/a", "in/b"


def entry(key: str, size: object = 1) -> str:
    told = "" if size is None else f"<Size>{size}</Size>"
    return f"<Contents><Key>{key}</Key>{told}</Contents>"


class Listing(Bucket):
    """A listing as S3 gives it, in pages of a thousand keys."""

    page_keys = 1000

    def list_objects(self, request: Request) -> Answer:
        return self.page(request, request.query.get("continuation-token", ""))

    def keys(self, request: Request) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(request.query.get("prefix", "")))

    def page(self, request: Request, after: str) -> Answer:
        """Answer with the page of the keys after one."""
        keys = [key for key in self.keys(request) if key > after]
        page, is_last = keys[: self.page_keys], len(keys) <= self.page_keys
        return xml("ListBucketResult", self.content(request, page, is_last=is_last))

    def content(self, request: Request, page: Sequence[str], *, is_last: bool) -> str:
        more = "false" if is_last else "true"
        mark = self.mark(page, is_last=is_last)
        return f"<IsTruncated>{more}</IsTruncated>{self.entries(request, page)}{mark}"

    def entries(self, request: Request, page: Sequence[str]) -> str:
        encodes = request.query.get("encoding-type") == "url"
        told = "<EncodingType>url</EncodingType>" if encodes else ""
        write = self.encode if encodes else escape
        return told + "".join(entry(write(key), len(self.objects[key].data)) for key in page)

    def encode(self, key: str) -> str:
        """Encode a key as S3 does: a blank becomes a plus."""
        return quote_plus(key, safe="/")

    def mark(self, page: Sequence[str], *, is_last: bool) -> str:
        return "" if is_last else f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>"


class Version1(Listing):
    """A listing of the first version, which names the next marker."""

    def list_objects(self, request: Request) -> Answer:
        return self.page(request, request.query.get("marker", ""))

    def mark(self, page: Sequence[str], *, is_last: bool) -> str:
        return "" if is_last else f"<NextMarker>{escape(page[-1])}</NextMarker>"


class Version1WithoutMarker(Version1):
    """A listing of the first version as S3 gives it without a delimiter: the last key is the marker."""

    def mark(self, page: Sequence[str], *, is_last: bool) -> str:
        return ""


class WithoutToken(Listing):
    """A listing of the second version that is truncated and names no token; it knows `start-after`."""

    def list_objects(self, request: Request) -> Answer:
        return self.page(request, request.query.get("start-after", ""))

    def content(self, request: Request, page: Sequence[str], *, is_last: bool) -> str:
        return f"<KeyCount>{len(page)}</KeyCount>{super().content(request, page, is_last=is_last)}"

    def mark(self, page: Sequence[str], *, is_last: bool) -> str:
        return ""


class OnlyFirstPage(WithoutToken):
    """A listing that is truncated, names no token, and begins again whatever it is asked for."""

    def list_objects(self, request: Request) -> Answer:
        return self.page(request, "")


class Unordered(WithoutToken):
    """A listing in no order that names no token: there is no last key to go on from."""

    def keys(self, request: Request) -> list[str]:
        return sorted(super().keys(request), reverse=True)

    def page(self, request: Request, after: str) -> Answer:
        keys = self.keys(request)
        return xml("ListBucketResult", self.content(request, keys[: self.page_keys], is_last=False))


class Capital(Listing):
    """A listing that says `True`."""

    def content(self, request: Request, page: Sequence[str], *, is_last: bool) -> str:
        return super().content(request, page, is_last=is_last).replace(">true<", ">True<")


class Unsaid(Listing):
    """A listing that does not say whether it is truncated, and names a token where it is."""

    def content(self, request: Request, page: Sequence[str], *, is_last: bool) -> str:
        content = super().content(request, page, is_last=is_last)
        return content.replace("<IsTruncated>true</IsTruncated>", "")


class UnsaidWithoutToken(WithoutToken):
    """A listing that neither says whether it is truncated nor names a token."""

    def content(self, request: Request, page: Sequence[str], *, is_last: bool) -> str:
        return super().content(request, page, is_last=is_last).partition("</IsTruncated>")[2]


class Repeating(Listing):
    """A listing whose tokens differ and whose pages are all the first."""

    def list_objects(self, request: Request) -> Answer:
        return self.page(request, "")

    def mark(self, page: Sequence[str], *, is_last: bool) -> str:
        return f"<NextContinuationToken>{len(self.asked)}</NextContinuationToken>"


class Looping(Listing):
    """A listing whose token is always the same."""

    def mark(self, page: Sequence[str], *, is_last: bool) -> str:
        return "<NextContinuationToken>again</NextContinuationToken>"

    def page(self, request: Request, after: str) -> Answer:
        return xml("ListBucketResult", self.content(request, [], is_last=False))


class RawPlus(Listing):
    """A listing that encodes a blank as `%20` and leaves a plus as it is."""

    def encode(self, key: str) -> str:
        return quote(key, safe="/+")


class Unsized(Listing):
    """A listing without sizes."""

    def entries(self, request: Request, page: Sequence[str]) -> str:
        return "".join(entry(key, None) for key in page)


class Versions(Listing):
    """A listing that names every version of an object, the folders' markers and the marks of deletions."""

    def entries(self, request: Request, page: Sequence[str]) -> str:
        marks = "<DeleteMarker><Key>in/gone</Key></DeleteMarker>"
        below = "<CommonPrefixes><Prefix>in/x/</Prefix></CommonPrefixes>"
        return f"{entry('in/', 0)}{entry('in/folder/', 0)}{marks}{below}{super().entries(request, page)}"


class EveryVersion(Listing):
    """A listing that names an object once for each of its versions."""

    def entries(self, request: Request, page: Sequence[str]) -> str:
        return 2 * super().entries(request, page)


class Escaping(Listing):
    """A listing that names an object outside of the prefix."""

    def entries(self, request: Request, page: Sequence[str]) -> str:
        return entry("other/a")


class Page(Listing):
    """A web page with the status of success in place of a listing."""

    def list_objects(self, request: Request) -> Answer:
        return Answer(200, {"Content-Type": "text/html"}, b"<html><body>Welcome</body></html>")


class Blank(Listing):
    """Nothing, with the status of success, in place of a listing."""

    def list_objects(self, request: Request) -> Answer:
        return Answer(200)
