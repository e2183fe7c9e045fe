"""Cleaning of text from outside: characters that could control a terminal become visible escapes."""

LONGEST = 2000


def clean(text: str, longest: int = LONGEST) -> str:
    """Return the text as one line of printable characters, at most `longest` of them.

    White space becomes a space; any other unprintable character (control characters and so escape
    sequences, bidirectional controls, surrogates) becomes its escape. To clean twice changes nothing.
    """
    if len(text) <= longest and text.isprintable():
        return text
    shown = "".join(map(_visible, text[:longest]))
    if len(text) <= longest and len(shown) <= longest:
        return shown
    note = f"... ({len(text)} characters)"
    return f"{shown[: longest - len(note)]}{note}"


def clean_lines(text: str, longest: int) -> str:
    """Return the text with each of its lines cleaned; of a long text, beginning and end."""
    if len(text) > longest:
        text = f"{text[: longest // 2]}\n...\n{text[-longest // 2 :]}"
    return "\n".join(clean(line, longest) for line in text.split("\n"))


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else ascii(character)[1:-1]
