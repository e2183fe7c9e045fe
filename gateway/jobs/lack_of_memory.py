"""The end of a job by memory: the request, the highest use that was measured, and the way to more."""

from typing import Any

LACK_OF_MEMORY = 3  # the exit code of the kernels
REQUEST_MORE = "request more with resources.memory_bytes, or use more ranks"


def explain_lack_of_memory(cause: str, usage: dict[str, Any]) -> str:
    """Return the cause with the figures of the job's usage, as one sentence."""
    asked = usage["memory_requested_bytes"]
    request = f"it asked for {asked:,} bytes" if asked else "it asked for no amount of its own"
    return f"{cause}; {request}{_measured(usage)}; {REQUEST_MORE}"


def _measured(usage: dict[str, Any]) -> str:
    """Return the highest use: the scheduler's, which sees killed ranks too, else that of the ranks."""
    accounting = (usage["accounting"] or {}).get("resident_memory_bytes")
    if accounting:
        return f", and the highest use that the scheduler measured was {accounting:,}"
    if usage["memory_peak_bytes"]:
        return (
            f", and {usage['ranks_measured']} of its ranks used up to {usage['memory_peak_bytes']:,} together"
        )
    return ", and its highest use was not measured"
