"""The gateway's own bucket: made once, with the rule that lets web pages use presigned URLs."""

from gateway.settings import get_settings
from gateway.storage.address import S3Address
from gateway.storage.own_store import own_store, reaching_own_store
from gateway.storage.s3 import clients
from gateway.storage.s3.errors import store_errors

# A presigned URL is all that a request needs, so it matters not which page sends it.
_CORS = {
    "AllowedOrigins": ["*"],
    "AllowedMethods": ["GET", "PUT", "POST"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag"],
}


def make_bucket() -> str:
    """Make the bucket unless it is there, set its CORS rule, and return its name."""
    settings = get_settings()
    store = own_store(settings)
    address = S3Address(store.endpoint, store.region, store.bucket, "-")
    session = clients.StoreSession((), address, store.keys, reaching_own_store(settings))
    with store_errors(address):
        names = [each["Name"] for each in session.call("list_buckets").get("Buckets", ())]
        if store.bucket not in names:
            session.call("create_bucket", Bucket=store.bucket)
        session.call("put_bucket_cors", Bucket=store.bucket, CORSConfiguration={"CORSRules": [_CORS]})
    session.close()
    return store.bucket
