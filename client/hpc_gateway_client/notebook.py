"""A row in a notebook: state, steps, progress and pictures as HTML, in which every text is escaped."""

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_COLOURS = {"succeeded": "#00755a", "completed": "#00755a", "failed": "#c0392b", "cancelled": "#777777"}
_UNDER_WAY = "#0072b2"
_CELL = 'style="text-align:left"'


class Origin:
    """Where a row came from: its gateway draws it, and its results may be on this machine.

    All origins are equal, and a copy of one is blank: rows are compared and stored by their fields alone.
    """

    def __init__(self) -> None:
        self.draw: Callable[[Any], Sequence[str]] | None = None
        self.files: dict[tuple[str, str], Path] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Origin)

    def __hash__(self) -> int:
        return hash(Origin)

    def __reduce__(self) -> tuple[type["Origin"], tuple[()]]:
        return Origin, ()


def row_html(row: Any) -> str:
    """Return a transfer, a job or a workflow; its gateway adds pictures of the results."""
    content = " ".join(getattr(row, "services", ()))
    steps = [(step.name, step.kind, step.state, step.reason) for step in getattr(row, "steps", ())]
    drawn = row.origin.draw(row) if row.origin.draw is not None else ()
    parts = (
        f"<strong>{escape(f'{row.kind} {row.id} {content}'.rstrip())}</strong>",
        f' <span style="color:{_COLOURS.get(row.state, _UNDER_WAY)}">■ {escape(row.state)}</span>',
        text_html(row.reason),
        _steps_html(steps),
        _progress_html(getattr(row, "bytes_done", 0), getattr(row, "bytes_total", None)),
        *map(text_html, getattr(row, "warnings", ())),
        *drawn,
    )
    return f"<div>{''.join(parts)}</div>"


def text_html(text: str) -> str:
    """Return a text as a paragraph; nothing for a blank one."""
    return f"<p>{escape(text)}</p>" if text else ""


def _steps_html(steps: Sequence[tuple[str, ...]]) -> str:
    rows = (f"<tr>{''.join(f'<td {_CELL}>{escape(cell)}</td>' for cell in step)}</tr>" for step in steps)
    return f"<table>{''.join(rows)}</table>" if steps else ""


def _progress_html(done: int, total: int | None) -> str:
    """Return the bytes that have moved as a bar; nothing without a total."""
    if not total:
        return ""
    text = f"{done:,} of {total:,} bytes"
    return f'<progress max="{total}" value="{min(done, total)}">{text}</progress> {text}'
