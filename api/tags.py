"""Tags of the OpenAPI document, in the order of the workflow, and the tag of each kind of transfer."""

TAGS = [
    {"name": "services", "description": "First: the services that a job can run, and their options."},
    {"name": "infrastructure", "description": "The clusters that take the data and run the jobs."},
    {"name": "credentials", "description": "Keys of a store, stored once and named by their id in requests."},
    {"name": "stage in", "description": "Step 1: move an object or a file to the cluster, and poll its id."},
    {"name": "jobs", "description": "Step 2: run services on the file, and poll the job's id."},
    {"name": "stage out", "description": "Step 3: move a result file back to a store, and poll its id."},
    {"name": "workflows", "description": "All steps in one request, which follow each other by themselves."},
    {"name": "status", "description": "Where many transfers and jobs stand, asked for at once."},
    {"name": "operators", "description": "The whole gateway at a glance, retries of many rows, and metrics."},
    {"name": "health", "description": "Whether the gateway and its parts are alive and ready."},
]


def tag_of(kind: str) -> str:
    """Return the tag of a collection of transfers."""
    return "stage out" if kind == "s3_result" else "stage in"
