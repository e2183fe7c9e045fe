"""Bounds on everything that a remote sends, apart from the bytes of a file; docs/limits.md lists them."""

LARGEST_FILE_BYTES = (1 << 63) - 1  # no filesystem and no column holds a larger size
LONGEST_NUMBER = 40  # digits of a size that is read at all, so that a message can show it

HEAD_LINES = 512  # of an answer's head, with those of interim answers and trailers
HEAD_BYTES = 128 << 10
CHECKSUM_HEADER_BYTES = 1 << 10  # a longer one is not read: no checksum needs it

ERROR_BYTES = 64 << 10  # of an error's body are read; the rest is dropped
ANSWER_BYTES = 1 << 20  # of the body that answers an upload
LISTING_BYTES = 16 << 20  # of a page: S3 sends 1,000 keys of 1 KiB, escaped, with some 500 bytes each
XML_NODES = 100_000  # elements and attributes of a page: S3 sends some 12 for each of 1,000 keys
XML_DEPTH = 32
XML_TAG_BYTES = 64 << 10
XML_NAME_CHARS = 256  # with its namespace, which a tree repeats for each different name
XML_TEXT_CHARS = 16 << 10  # of one element: a key of 1 KiB takes 3 KiB when it is escaped
CODE_CHARS = 100  # of a store's code or a server's reason that a message shows

ANSWER_S = 300.0  # of a body that is read whole: a page of 300 KB at the least rate
UPLOAD_END_S = 900.0  # until an answer that is sent blank by blank has come: S3 takes minutes

LISTING_PAGES = 1000  # at 50,000 keys S3 sends 50
LISTING_S = 900.0  # of all pages; of finding and aborting uploads; of asking for the size of each part
KEY_BYTES = 1024  # S3's own limit
NAMES_BYTES = 32 << 20  # of all names below a prefix
PARTS_OF_UPLOAD = 10_000  # S3's own limit
UPLOAD_ID_CHARS = 1000
LOST_UPLOADS = 100  # that one clean-up aborts

FTP_LINE_BYTES = 8 << 10
FTP_REPLY_LINES = 200
REDIRECTS = 5
