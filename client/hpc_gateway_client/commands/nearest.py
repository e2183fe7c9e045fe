"""Words that a user has typed, compared with the right ones: a typo is refused with the nearest."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import typer


def hint(word: str, words: Iterable[str]) -> str:
    """Return the nearest of the words as a question, or else all of them."""
    known = list(words)
    close = get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known) or 'none'}"


def check_words(given: Sequence[str] | None, words: Iterable[str], noun: str) -> list[str]:
    """Return the words, or raise BadParameter for one that is unknown."""
    known = list(words)
    for word in given or ():
        if word not in known:
            raise typer.BadParameter(f"{word!r} is no {noun}: {hint(word, known)}")
    return list(given or ())
