"""Cleaning of a server's text for the terminal: characters that could control it become visible escapes."""

_LAYOUT = "\n\t"


def clean(text: str) -> str:
    """Return the text as one line of printable characters; white space becomes a space."""
    return "".join(" " if c.isspace() else _visible(c) for c in text)


def clean_log(text: str) -> str:
    """Return a log with its lines and tabs, and with every other unprintable character as its escape."""
    return "".join(c if c in _LAYOUT else _visible(c) for c in text)


def _visible(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]
