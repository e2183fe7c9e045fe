"""A picture of a result: shown by a notebook, saved as a file, or printed as blocks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hpc_gateway_client.errors import GatewayClientError
from hpc_gateway_client.pictures.blocks import draw_blocks
from hpc_gateway_client.pictures.png import save_png
from hpc_gateway_client.pictures.preview import Preview
from hpc_gateway_client.pictures.svg import draw_svg


@dataclass(frozen=True)
class Picture:
    """A picture of the preview of a result, or of a staged table."""

    preview: Preview

    @classmethod
    def read(cls, content: Any) -> "Picture":
        """Return the picture of the JSON that the gateway has answered."""
        try:
            return cls(Preview.model_validate(content))
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise GatewayClientError(f"the gateway's answer is no preview: {found}") from error

    def save(self, file: Path | str) -> None:
        """Write the picture to a file, a PNG unless its name ends otherwise; needs the extra `plot`."""
        save_png(self.preview, Path(file))

    def blocks(self, width: int = 80) -> list[str]:
        """Return the picture as lines of block characters."""
        return draw_blocks(self.preview, width)

    def _repr_html_(self) -> str:
        """Return the picture for a notebook."""
        return draw_svg(self.preview)
