"""A preview as a file of pixels, or of the kind that the file's name says, by matplotlib."""

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.extras import load_extra
from hpc_gateway_client.pictures.preview import Preview
from hpc_gateway_client.pictures.svg import COLOURS, MOST_SIGNALS

_LARGEST = 1e300  # beyond it the arithmetic of matplotlib's axes overflows


def save_png(preview: Preview, file: Path) -> None:
    """Write a picture of the first signals; `.svg` or `.pdf` as the file's ending chooses that kind."""
    figure = load_extra("plot", "a picture as a file", "matplotlib.figure").Figure(
        figsize=(9, 4.5), layout="constrained"
    )
    kind = file.suffix.removeprefix(".").lower() or "png"
    if kind not in figure.canvas.get_supported_filetypes():
        raise GatewayClientError(f"{file}: expected a name that ends with .png, .svg or .pdf")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a font may lack a character of a name
            _draw(figure.subplots(), preview)
            figure.savefig(file, format=kind, dpi=120)
    except OSError as error:
        raise GatewayClientError(f"{file}: the picture was not written: {error.strerror}") from error


def _draw(axes: Any, preview: Preview) -> None:
    shown, x = preview.signals[:MOST_SIGNALS], _with_gaps(preview.x.values)
    bands = [
        axes.fill_between(x, _with_gaps(each.min), _with_gaps(each.max), color=colour, linewidth=1)
        for each, colour in zip(shown, COLOURS, strict=False)
    ]
    axes.set_title(preview.title(len(shown)), parse_math=False)
    axes.set_xlabel(preview.x.label, parse_math=False)
    # A label that begins with an underscore would be left out: texts are put in afterwards.
    legend = axes.legend(bands, ["signal"] * len(bands), loc="upper right")
    for text, signal in zip(legend.get_texts(), shown, strict=True):
        text.set(parse_math=False, text=signal.label)


def _with_gaps(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else max(-_LARGEST, min(value, _LARGEST)) for value in values]
