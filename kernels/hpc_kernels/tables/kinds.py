"""Kinds of files that are no CSV tables, recognised by their first bytes, each with the way out."""

import re

from hpc_kernels.errors import BadInputError

HEAD_BYTES = 512
_SAVE = "save it as CSV (in a spreadsheet: Save as, CSV UTF-8)"
_MARKS: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook (.xlsx)", f"unpack it, or {_SAVE}"),
    (b"PK\x05\x06", "an empty ZIP archive", "send the table itself"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", _SAVE),
    (b"%PDF", "a PDF document", "export the table as CSV from the program that made it"),
    (b"PAR1", "a Parquet file", "give it a name that ends in .parquet, or for prices write it as CSV"),
    (b"\x93NUMPY", "a NumPy array", "give it a name that ends in .npy, or for prices write it as CSV"),
    (b"ARROW1", "an Arrow file", "write it as Parquet or as CSV"),
    (b"\x89HDF", "an HDF5 file (maybe of MATLAB)", "export the signals as CSV or .npy"),
    (b"MATLAB 5.0", "a MATLAB file", "export the signals as CSV or .npy"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV"),
    (b"\x28\xb5\x2f\xfd", "a file packed by Zstandard", "unpack it, or pack it with gzip"),
    (b"BZh", "a file packed by bzip2", "unpack it, or pack it with gzip"),
    (b"\xfd7zXZ\x00", "a file packed by xz", "unpack it, or pack it with gzip"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it, or pack the table with gzip"),
    (b"Rar!", "a RAR archive", "unpack it, or pack the table with gzip"),
    (b"\x1f\x8b", "a file packed twice by gzip", "pack it once"),
    (b"CDF\x01", "a NetCDF file", "export the signals as CSV or .npy"),
    (b"CDF\x02", "a NetCDF file", "export the signals as CSV or .npy"),
    (b"SIMPLE  =", "a FITS file", "export the signals as CSV or .npy"),
    (b"TDSm", "a TDMS file of LabVIEW", "export the signals as CSV"),
    (b"RIFF", "a sound or video file (WAV, AVI)", "export the samples as CSV or .npy"),
    (b"FEA1", "a Feather file", "write it as Parquet or as CSV"),
    (b"ORC", "an ORC file", "write it as Parquet or as CSV"),
    (b"Obj\x01", "an Avro file", "write it as Parquet or as CSV"),
    (b"\x80\x04\x95", "a pickle of Python", "write the table with to_csv or numpy.save"),
    (b"{\\rtf", "an RTF document", "save the table as CSV in UTF-8"),
    (b"\x04\x22\x4d\x18", "a file packed by LZ4", "unpack it, or pack it with gzip"),
    (
        b"version https://git-lfs",
        "a pointer of Git LFS",
        "fetch the file itself (git lfs pull)",
    ),
    (b"GIF8", "a picture", "send the numbers themselves as CSV"),
    (b"\x89PNG", "a picture", "send the numbers themselves as CSV"),
    (b"\xff\xd8\xff", "a picture", "send the numbers themselves as CSV"),
)
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<table", b"<!--", b"<div")
_JSON = re.compile(rb'\{\s*["}]|\[\s*[\[{"\]]|\[(?:\s*[0-9.e+-]+\s*,)*\s*[0-9.e+-]*\s*\]?\s*\Z')
_XML = re.compile(rb"<[a-z][^<>]*>(?:\r?\n *)?<[a-z]")  # a name in angle brackets may head a column
_TAR_AT = 257
_UTF_32 = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")
_EVERY_OTHER = 0.3  # the least part of NUL among the bytes of UTF-16


def refuse_other_kinds(file: str, head: bytes) -> None:
    """Raise `BadInputError` for the first bytes of a file that is something else than a table in text."""
    for mark, kind, way in _MARKS:
        if head.startswith(mark):
            raise _refusal(file, kind, way)
    if head[_TAR_AT:].startswith(b"ustar"):
        raise _refusal(file, "a tar archive", "unpack it, or pack the table alone with gzip")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_HTML):
        raise _refusal(file, "an HTML page (maybe an error or a login page)", "download the table itself")
    if text.startswith((b"<?xml", b"<svg")) or _XML.match(text):
        raise _refusal(file, "an XML document", "export the table as CSV")
    if _JSON.match(text):
        raise _refusal(file, "a JSON document", "export its table as CSV, for example with pandas' to_csv")
    if head.startswith(_UTF_32) or head.count(b"\0") > _EVERY_OTHER * len(head):
        kind = "text in UTF-32, or in UTF-16 without a byte order mark, or binary data"
        raise _refusal(file, kind, "save the table as CSV in UTF-8")


def _refusal(file: str, kind: str, way: str) -> BadInputError:
    return BadInputError(f"{file}: expected a table as CSV text, found {kind}; {way}")
