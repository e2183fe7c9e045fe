"""The codes of S3 stores: their sentences, their classes of fault, and the words that mean the same."""

from gateway.errors import Fault, StorageChanged, StorageError, StorageUnavailable

SENTENCES = {
    "InvalidAccessKeyId": "the store does not know this access key: check access_key, and session_token of"
    " temporary keys",
    "SignatureDoesNotMatch": "the secret key does not belong to the access key: check secret_key, and that no"
    " proxy before the store changes host or path",
    "ExpiredToken": "these credentials have expired: send a retry with fresh ones",
    "InvalidToken": "the session token is malformed or belongs to other keys: check session_token",
    "AccessDenied": "these credentials have no permission for {object}: ask its owner for it",
    "AllAccessDisabled": "access to {object} is disabled: ask its owner",
    "AccountProblem": "the store refuses this account: ask the store's operator",
    "NoSuchBucket": "there is no bucket {address.bucket!r} at {address.endpoint}: check bucket and endpoint",
    "NoSuchKey": "there is no object {address.key!r} in bucket {address.bucket!r}: check object",
    "InvalidBucketName": "{address.bucket!r} is not a valid bucket name: check bucket",
    "KeyTooLongError": "the object's name is too long for the store: shorten object",
    "RequestTimeTooSkewed": "the clocks of the store and of the gateway differ too much for signed requests:"
    " tell the operators of both",
    "AuthorizationHeaderMalformed": "the store does not serve the region {address.region!r}: check region",
    "PermanentRedirect": "the bucket is served from another region or endpoint: check region and endpoint",
    "IllegalLocationConstraintException": "the bucket lies in another region: check region",
    "PathStyleDomainForbidden": "the store wants the bucket in the host's name, and {address.endpoint} or"
    " {address.bucket!r} cannot have that: check both",
    "InvalidURI": "the store cannot have an object of this name: check object",
    "ObjectParentIsFile": "an object stands where a folder of {object} would be: choose another name",
    "ObjectLocked": "the store protects {object} (retention or legal hold): choose another name",
    "KMS": "the store cannot use the key that it encrypts {object} with: ask the store's operator",
    "HttpsNeeded": "{address.endpoint} speaks https at this port: write https:// in endpoint",
    "InvalidObjectState": "the object is archived: restore it in the store first",
    "EntityTooLarge": "the store does not accept objects of this size",
    "413": "the store, or a proxy before it, does not accept requests of this size: ask its operator to allow"
    " bodies of 8 MiB and more",
    "QuotaExceeded": "the bucket's quota is used up: free some space in the store and retry",
    "BadDigest": "the store received other bytes than were sent",
    "PreconditionFailed": "the object was changed while it was read",
    "InvalidPart": "the store does not find all parts of the upload; they are sent again",
    "NoSuchUpload": "the store has dropped the upload that was under way",
    "NotImplemented": "the server at {address.endpoint} does not offer all that staging needs of an S3 store:"
    " check endpoint",
    "MethodNotAllowed": "the server at {address.endpoint} is no S3 store or forbids this: check endpoint",
}
UNUSABLE = (
    "no request for {address.endpoint} can be made of these values, or its answer cannot be read: check"
    " access_key, secret_key and region"
)
# Other codes are Fault.STORE.
CODE_FAULTS = {
    "InvalidAccessKeyId": Fault.CREDENTIALS,
    "SignatureDoesNotMatch": Fault.CREDENTIALS,
    "ExpiredToken": Fault.CREDENTIALS,
    "InvalidToken": Fault.CREDENTIALS,
    "AccessDenied": Fault.PERMISSION,
    "AllAccessDisabled": Fault.PERMISSION,
    "AccountProblem": Fault.PERMISSION,
    "NoSuchBucket": Fault.NOT_FOUND,
    "NoSuchKey": Fault.NOT_FOUND,
    "InvalidBucketName": Fault.NAME,
    "KeyTooLongError": Fault.NAME,
    "InvalidURI": Fault.NAME,
    "ObjectParentIsFile": Fault.NAME,
    "HttpsNeeded": Fault.NAME,
    "ObjectLocked": Fault.PERMISSION,
    "KMS": Fault.PERMISSION,
    "QuotaExceeded": Fault.SPACE,
    "EntityTooLarge": Fault.SPACE,
    "413": Fault.SPACE,
    "RequestTimeTooSkewed": Fault.CREDENTIALS,
}
SAME_AS = {
    "InvalidSecurity": "SignatureDoesNotMatch",
    "SecondLevelDomainForbidden": "PathStyleDomainForbidden",
    "VirtualHostDomainRequired": "PathStyleDomainForbidden",
    "SecurityTokenExpired": "ExpiredToken",
    "InvalidSecurityToken": "InvalidToken",
    "InvalidTokenId": "InvalidToken",
    "InvalidClientTokenId": "InvalidAccessKeyId",
    "AccessForbidden": "AccessDenied",
    "Forbidden": "AccessDenied",
    "Unauthorized": "AccessDenied",
    "403": "AccessDenied",
    "401": "AccessDenied",
    "NotFound": "NoSuchKey",
    "404": "NoSuchKey",
    "405": "MethodNotAllowed",
    "412": "PreconditionFailed",
    "301": "PermanentRedirect",
    "302": "PermanentRedirect",
    "307": "PermanentRedirect",
    "308": "PermanentRedirect",
    "TemporaryRedirect": "PermanentRedirect",
    "Redirect": "PermanentRedirect",
    "RequestExpired": "RequestTimeTooSkewed",
    "TokenRefreshRequired": "ExpiredToken",
    "UserSuspended": "AccountProblem",
    "UserDisable": "AccountProblem",
    "XMinioStorageFull": "QuotaExceeded",
    "XMinioAdminBucketQuotaExceeded": "QuotaExceeded",
    "XAmzContentChecksumMismatch": "BadDigest",
    "XAmzContentSHA256Mismatch": "BadDigest",
    "InvalidDigest": "BadDigest",
    "InvalidPartOrder": "InvalidPart",
    "NotSignedUp": "AccountProblem",
    "InvalidPayer": "AccountProblem",
    "InvalidObjectName": "InvalidURI",
    "XMinioInvalidObjectName": "InvalidURI",
    "XMinioInvalidResourceName": "InvalidURI",
    "XMinioParentIsObject": "ObjectParentIsFile",
    "XMinioObjectExistsAsDirectory": "ObjectParentIsFile",
    "FileImmutable": "ObjectLocked",
    "NoSuchUser": "InvalidAccessKeyId",
}
MISSING = frozenset({"NoSuchBucket", "NoSuchKey"})
OF_REGION = frozenset(
    {"AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"}
)
CODE_OF_STATUS = {501: "NotImplemented", 505: "NotImplemented", 507: "QuotaExceeded"}  # of any code
# Worth another attempt although the code sounds final: the bytes may arrive whole, the object may rest.
KINDS: dict[str, type[StorageError]] = {
    "BadDigest": StorageUnavailable,
    "InvalidPart": StorageUnavailable,
    "NoSuchUpload": StorageUnavailable,
    "PreconditionFailed": StorageChanged,
}
BUSY_CODES = frozenset(
    {
        "SlowDown",
        "ServiceUnavailable",
        "SlowDownRead",
        "SlowDownWrite",
        "TooManyRequests",
        "QpsLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "RequestLimitExceeded",
        "503",
        "429",
    }
)
TRANSIENT_CODES = frozenset(
    {
        "RequestTimeout",
        "OperationAborted",
        "InternalError",
        "IncompleteBody",
        "ClientDisconnected",
        "ConditionalRequestConflict",
        "UserNetworkTooSlow",
        "408",  # of a proxy before the store
        "425",
        "499",
    }
)
