"""The settings of event streams and webhooks."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from gateway.allow_list import check_entries
from gateway.setting_words import Words

_Hosts = Annotated[Words, AfterValidator(check_entries)]


class EventSettings(BaseModel):
    """The most streams, and the hosts of webhooks."""

    streams: int = Field(
        5000,
        ge=0,
        description="Streams of events that one API process holds; one more is 429.",
    )
    streams_per_owner: int = Field(
        200, ge=0, description="Streams of one owner in one API process; one more is 429."
    )
    webhooks: bool = Field(
        default=True, description="`false` switches webhooks off: their calls are 501, and none is delivered."
    )
    webhook_hosts: _Hosts = Field(
        default_factory=list,
        description="Hosts, addresses or CIDRs that webhooks may name although they are not public or"
        " have no https; written like `GATEWAY_ALLOWED_ENDPOINTS`, which does not count here.",
    )
