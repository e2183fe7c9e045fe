"""Names of the OpenAPI document that generated clients use: operation ids and schema names."""

from fastapi.routing import APIRoute

OPERATION_IDS = {
    "POST /infrastructure": "add_infrastructure_infrastructure_post",
    "GET /infrastructure": "list_infrastructures_infrastructure_get",
    "DELETE /infrastructure/{name}": "delete_infrastructure_infrastructure__name__delete",
    "GET /infrastructure/{name}": "get_infrastructure_infrastructure__name__get",
    "GET /infrastructure/{name}/telemetry": "get_telemetry_infrastructure__name__telemetry_get",
    "POST /credentials": "store_credentials_credentials_post",
    "GET /credentials": "list_credentials_credentials_get",
    "GET /credentials/{id}": "get_credentials_credentials__row_id__get",
    "DELETE /credentials/{id}": "delete_credentials_credentials__row_id__delete",
    "POST /files": "upload_file_files_post",
    "GET /files/{id}": "get_file_files__row_id__get",
    "POST /files/{id}/parts": "upload_parts_files__row_id__parts_post",
    "GET /data": "list_data_data_get",
    "POST /data": "fetch_data_post",
    "GET /data/{id}": "get_data_data__row_id__get",
    "GET /data/{id}/events": "list_data_events_data__row_id__events_get",
    "POST /data/{id}/cancel": "cancel_data_data__row_id__cancel_post",
    "POST /data/{id}/retry": "retry_data_data__row_id__retry_post",
    "GET /s3_data": "list_s3_data_s3_data_get",
    "POST /s3_data": "stage_in_s3_data_post",
    "GET /s3_data/{id}": "get_s3_data_s3_data__row_id__get",
    "GET /s3_data/{id}/events": "list_s3_data_events_s3_data__row_id__events_get",
    "POST /s3_data/{id}/cancel": "cancel_s3_data_s3_data__row_id__cancel_post",
    "POST /s3_data/{id}/retry": "retry_s3_data_s3_data__row_id__retry_post",
    "GET /s3_result": "list_s3_result_s3_result_get",
    "POST /s3_result": "stage_out_s3_result_post",
    "GET /s3_result/{id}": "get_s3_result_s3_result__row_id__get",
    "GET /s3_result/{id}/events": "list_s3_result_events_s3_result__row_id__events_get",
    "POST /s3_result/{id}/cancel": "cancel_s3_result_s3_result__row_id__cancel_post",
    "POST /s3_result/{id}/retry": "retry_s3_result_s3_result__row_id__retry_post",
    "POST /job": "start_job_job_post",
    "GET /job": "list_jobs_job_get",
    "GET /job/{id}": "get_job_job__row_id__get",
    "GET /job/{id}/events": "list_job_events_job__row_id__events_get",
    "POST /job/{id}/cancel": "cancel_job_job__row_id__cancel_post",
    "POST /job/{id}/retry": "retry_job_job__row_id__retry_post",
    "GET /job/{id}/log": "get_log_job__row_id__log_get",
    "GET /job/{id}/outputs/{service}": "get_output_job__row_id__outputs__service__get",
    "GET /job/{id}/outputs/{service}/preview": "get_output_preview",
    "GET /data/{id}/table": "get_data_table",
    "GET /data/{id}/preview": "get_data_preview",
    "GET /s3_data/{id}/table": "get_s3_data_table",
    "GET /s3_data/{id}/preview": "get_s3_data_preview",
    "POST /workflow": "start_workflow",
    "GET /workflow": "list_workflows",
    "GET /workflow/{id}": "get_workflow",
    "GET /workflow/{id}/events": "list_workflow_events",
    "POST /workflow/{id}/cancel": "cancel_workflow",
    "POST /workflow/{id}/retry": "retry_workflow",
    "POST /status": "get_statuses_status_post",
    "POST /retry": "retry_many_retry_post",
    "POST /cancel": "cancel_many",
    "GET /overview": "get_overview_overview_get",
    "GET /services": "list_services_services_get",
    "GET /services/{name}/options": "get_options_services__name__options_get",
    "GET /health": "health_health_get",
    "GET /health/live": "live_health_live_get",
    "GET /health/ready": "ready_health_ready_get",
    "GET /metrics": "get_metrics_metrics_get",
}
# Schema names by class name, where they differ.
SCHEMA_NAMES = {
    "ClusterHealth": "Pulse",
    "InfrastructureRequest": "Infrastructure",
    "PartitionFigures": "PartitionTelemetry",
    "ResourceRequest": "Wishes",
    "Service": "HPCService",
}


def operation_id(route: APIRoute) -> str:
    """Return the operation id of a route; a documented route without one is a KeyError."""
    if not route.include_in_schema:
        return route.name
    return OPERATION_IDS[f"{' '.join(route.methods or ())} {route.path_format}"]
