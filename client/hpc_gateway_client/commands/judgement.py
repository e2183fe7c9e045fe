"""The judgement of a run's table, printed once its input is on the cluster and the kernels have read it."""

from collections.abc import Callable

from hpc_gateway_client.errors import Refused
from hpc_gateway_client.gateway import Gateway
from hpc_gateway_client.models import Transfer, Workflow

NOT_FOUND = 404


def tell_judgement(gateway: Gateway, workflow: Workflow, say: Callable[[str], None]) -> bool:
    """Print how the kernels understand the input; return whether there is nothing more to tell."""
    staged = next((step for step in workflow.steps if step.kind in {"data", "s3_data"}), None)
    if staged is None or staged.id is None:
        return staged is None
    if staged.state != "completed":
        return workflow.ended
    row = gateway.find(staged.id, staged.kind)
    if not isinstance(row, Transfer):
        return True
    try:
        table = gateway.table(row, 0)
    except Refused as refusal:
        if refusal.status != NOT_FOUND:  # of a gateway that does not judge
            raise
        return True
    if table.state == "judging" and not workflow.ended:
        return False
    for sentence in table.sentences():
        say(sentence)
    return True
