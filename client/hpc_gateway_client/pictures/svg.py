"""A preview as SVG for a page: texts are escaped, and nothing in it is a script or a request."""

from collections.abc import Iterator, Sequence
from html import escape

from hpc_gateway_client.pictures.preview import Preview, Signal, bounds, number, share

MOST_SIGNALS = 8
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8f7a00", "#777777")
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 240, 64, 24
Points = list[tuple[float, float, float]]
"""x, and y of the smallest and the largest sample, of stretches without a gap."""


def draw_svg(preview: Preview) -> str:
    """Return a figure of the first signals, with a legend."""
    shown = preview.signals[:MOST_SIGNALS]
    low, high = bounds(*(side for each in shown for side in (each.min, each.max)))
    left, right = bounds(preview.x.values)
    curves = "".join(
        _curve(points, colour)
        for signal, colour in zip(shown, COLOURS, strict=False)
        for points in _pieces(preview.x.values, signal, (left, right), (low, high))
    )
    legend = " ".join(
        f'<span style="color:{colour}">■</span> {escape(signal.label)}'
        for signal, colour in zip(shown, COLOURS, strict=False)
    )
    title = escape(preview.title(len(shown)))
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" style="max-width:{_WIDTH}px;width:100%"'
    return (
        f'<figure style="margin:0"><svg {size} role="img" aria-label="{title}">'
        f"{''.join(_frame(preview, (left, right), (low, high)))}{curves}</svg>"
        f"<figcaption>{title}<br>{legend}</figcaption></figure>"
    )


def _frame(preview: Preview, wide: tuple[float, float], high: tuple[float, float]) -> Iterator[str]:
    foot = _HEIGHT - _BOTTOM
    yield f'<path d="M{_LEFT} 4V{foot}H{_WIDTH - 4}" fill="none" stroke="currentColor"/>'
    texts = (
        (_LEFT - 4, 14, "end", number(high[1])),
        (_LEFT - 4, foot, "end", number(high[0])),
        (_LEFT, _HEIGHT - 8, "start", number(wide[0])),
        ((_LEFT + _WIDTH) / 2, _HEIGHT - 8, "middle", preview.x.label),
        (_WIDTH - 4, _HEIGHT - 8, "end", number(wide[1])),
    )
    for x, y, anchor, text in texts:
        place = f'x="{x}" y="{y}" text-anchor="{anchor}"'
        yield f'<text {place} font-size="12" fill="currentColor">{escape(text)}</text>'


def _curve(points: Points, colour: str) -> str:
    """Return a band from the smallest to the largest samples."""
    there = " ".join(f"{x:.1f},{top:.1f}" for x, _, top in points)
    back = " ".join(f"{x:.1f},{foot:.1f}" for x, foot, _ in reversed(points))
    style = f'fill="{colour}" stroke="{colour}" stroke-linejoin="round"'
    return f'<polygon points="{there} {back}" {style}/>'


def _pieces(
    values: Sequence[float | None], signal: Signal, wide: tuple[float, float], high: tuple[float, float]
) -> Iterator[Points]:
    """Yield the points between gaps, in the units of the picture."""
    piece = Points()
    for x, low, top in zip(values, signal.min, signal.max, strict=True):
        if x is not None and low is not None and top is not None:
            across = _LEFT + share(x, wide) * (_WIDTH - 4 - _LEFT)
            foot, head = ((_HEIGHT - _BOTTOM) - share(y, high) * (_HEIGHT - _BOTTOM - 4) for y in (low, top))
            piece.append((across, foot, head))
        elif piece:
            yield piece
            piece = Points()
    if piece:
        yield piece
