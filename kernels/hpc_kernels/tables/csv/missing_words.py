"""Words for a missing number, as the strict parser compares them; the compiled parser knows the same ones."""

_WORDS = frozenset({b"", b"na", b"nan", b"n/a", b"#n/a", b"null", b"none", b"-", b".", b"?", b"--"})


def is_missing(text: bytes) -> bool:
    """Return whether a cell, without blanks and quotes around it, stands for a missing number."""
    return text.lower() in _WORDS
