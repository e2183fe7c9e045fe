"""Names of kinds for people."""

from gateway.work.listing import Kind

TITLES: dict[Kind, str] = {
    "workflow": "Runs",
    "job": "Jobs",
    "s3_data": "Store to cluster",
    "s3_result": "Cluster to store",
    "data": "Web to cluster",
}
NOUNS: dict[Kind, str] = {
    "workflow": "Run",
    "job": "Job",
    "s3_data": "From a store",
    "s3_result": "To a store",
    "data": "From the web",
}
