"""A preview as lines of block characters, four pixels a character, for a terminal without pictures."""

from collections.abc import Iterator, Sequence

from hpc_gateway_client.pictures.preview import Preview, Signal, bounds, number, share

MOST_SIGNALS, ROWS, LEAST_COLUMNS = 4, 6, 20
_MARGIN = 12
# The four pixels of a character as bits: upper left 1, upper right 2, lower left 4, lower right 8.
_BLOCKS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
Span = tuple[int, int] | None
"""The lowest and the highest pixel of a column; none in a gap."""


def draw_blocks(preview: Preview, width: int = 80) -> list[str]:
    """Return the lines of a picture, `width` characters wide: a panel for each of the first signals."""
    shown, columns = preview.signals[:MOST_SIGNALS], max(width - _MARGIN, LEAST_COLUMNS)
    lines = [preview.title(len(shown))]
    for signal in shown:
        lines += ["", signal.label, *_panel(signal, columns)]
    first, last = number(preview.x.values[0]), number(preview.x.values[-1])
    axis = f"{first} {preview.x.label[:columns]}".rstrip()
    return [*lines, f"{'':{_MARGIN}}{axis:{columns - len(last)}}{last}"]


def _panel(signal: Signal, columns: int) -> Iterator[str]:
    low, high = within = bounds(signal.min, signal.max)
    spans = _joined(_spans(signal, within, 2 * columns))
    for row in range(ROWS):
        label = {0: number(high), ROWS - 1: number(low)}.get(row, "")
        yield f"{label:>{_MARGIN - 2}} ┤" + _characters(spans, 2 * (ROWS - row) - 1)


def _spans(signal: Signal, within: tuple[float, float], columns: int) -> list[Span]:
    """Return the pixels of each column: the extremes of all stretches that it stands for."""
    size, top = len(signal.min), 2 * ROWS - 1
    spans = list[Span]()
    for column in range(columns):
        first = column * size // columns
        last = max(first + 1, (column + 1) * size // columns)
        known = [v for side in (signal.min, signal.max) for v in side[first:last] if v is not None]
        pixels = [round(top * share(v, within)) for v in known]
        spans.append((min(pixels), max(pixels)) if pixels else None)
    return spans


def _joined(spans: Sequence[Span]) -> list[Span]:
    """Return the spans, each enlarged until it touches the one before."""
    joined = list[Span]()
    for before, span in zip([None, *spans], spans, strict=False):
        if before is None or span is None:
            joined.append(span)
        else:
            joined.append((min(span[0], before[1] + 1), max(span[1], before[0] - 1)))
    return joined


def _characters(spans: Sequence[Span], upper: int) -> str:
    """Return the characters whose upper pixels are in that row of pixels, counted from below."""
    bits = ((0, upper, 1), (1, upper, 2), (0, upper - 1, 4), (1, upper - 1, 8))
    return "".join(
        _BLOCKS[sum(bit for side, row, bit in bits if _covers(spans[left + side], row))]
        for left in range(0, len(spans), 2)
    ).rstrip()


def _covers(span: Span, row: int) -> bool:
    return span is not None and span[0] <= row <= span[1]
