"""What we ship for containers: linters accept it, and nothing in it may more than it must."""

import json
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from hpc_gateway_commands.demo import stack

ROOT = Path(__file__).parents[3]
COMMANDS = Path(sys.executable).parent
DOCKERFILES = sorted((ROOT / "deploy" / "images").glob("*.Dockerfile"))
MANIFESTS = sorted(
    set((ROOT / "deploy" / "kubernetes").glob("*.yaml")) - {ROOT / "deploy/kubernetes/kustomization.yaml"}
)
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PODS = [
    (document["metadata"]["name"], document["spec"]["template"]["spec"])
    for path in MANIFESTS
    for document in yaml.safe_load_all(path.read_text())
    if document["kind"] in {"Deployment", "Job"}
]


def accepts(*argv: str | Path) -> None:
    linter = subprocess.run(
        [COMMANDS / argv[0], *argv[1:]], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert linter.returncode == 0, linter.stdout + linter.stderr


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_accepts(path: Path) -> None:
    accepts("hadolint", path)


def test_the_compose_schema_accepts() -> None:
    accepts("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")


def test_the_schemas_of_kubernetes_accept() -> None:
    accepts("kubernetes-validate", "--strict", *MANIFESTS)


def test_a_kustomization_lists_every_manifest() -> None:
    listed = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == [path.name for path in MANIFESTS]


def test_the_api_flower_and_the_store_alone_are_published_and_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "api": ["${PUBLISH_ADDRESS:-127.0.0.1}:${API_PORT:-8080}:8080"],
        "flower": ["${PUBLISH_ADDRESS:-127.0.0.1}:${FLOWER_PORT:-5555}:5555"],
        "s3": ["${PUBLISH_ADDRESS:-127.0.0.1}:${STORE_PORT:-8333}:8333"],
    }


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service["restart"] in {"unless-stopped", "on-failure"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_limits_of_memory_cpus_and_processes(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[1-9][0-9]*[mg]", service["mem_limit"])
    assert service["cpus"] == "${SERVICE_CPUS:-2}"
    assert 0 < service["pids_limit"] <= 1024


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_are_files_of_their_own(name: str) -> None:
    names = [each if isinstance(each, str) else each["source"] for each in SERVICES[name].get("secrets", [])]
    assert set(names) <= set(COMPOSE["secrets"])
    for variable, value in SERVICES[name].get("environment", {}).items():
        secret = any(word in variable for word in ("PASSWORD", "SECRET", "KEY", "URL"))
        assert not secret or str(value).startswith("/run/secrets/"), variable


def test_only_the_workers_of_clusters_join_data_and_cluster() -> None:
    both = {name for name, service in SERVICES.items() if {"data", "cluster"} <= set(service["networks"])}
    assert both == {"worker-excess"}
    assert COMPOSE["networks"]["data"] == COMPOSE["networks"]["cluster"] == {"internal": True}


@pytest.mark.parametrize(("name", "pod"), PODS, ids=[name for name, _ in PODS])
def test_a_pod_meets_the_restricted_standard(name: str, pod: dict[str, Any]) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"].keys() == {"cpu", "memory"}


def test_compose_and_the_demo_allow_the_port_of_their_store_alone(tmp_path: Path) -> None:
    port = next(word for word in SERVICES["s3"]["command"] if word.startswith("-s3.port=")).partition("=")[2]
    assert COMPOSE["x-gateway"]["environment"]["GATEWAY_ALLOWED_ENDPOINTS"] == f"s3:{port}"
    demo = stack._lay_out(tmp_path, {}, 8080, 5555)  # noqa: SLF001  laid out, and not started
    assert demo.env["GATEWAY_ALLOWED_ENDPOINTS"] == f"127.0.0.1:{demo.store.port}"


def test_no_users_account_of_compose_has_the_gateways_bucket(tmp_path: Path) -> None:
    script = Path(shutil.copy(ROOT / "deploy/compose/secrets.sh", tmp_path))
    subprocess.run(["/bin/sh", script], check=True)
    accounts = json.loads((tmp_path / "secrets/s3_accounts").read_text())["identities"]
    bucket = COMPOSE["x-with-store"]["environment"]["GATEWAY_STORE_BUCKET"]
    readers = {each["name"] for each in accounts for act in each["actions"] if _covers(act, bucket)}
    assert readers == {(tmp_path / "secrets/store_access_key").read_text()}
    assert all(":" in action for each in accounts for action in each["actions"])


def _covers(action: str, bucket: str) -> bool:
    return fnmatch(bucket, action.partition(":")[2])


CHECKS = [
    *(service["healthcheck"].get("test", []) for service in SERVICES.values() if "healthcheck" in service),
    *(
        container["livenessProbe"]["exec"]["command"]
        for _, pod in PODS
        for container in pod["containers"]
        if "exec" in container.get("livenessProbe", {})
    ),
    *(
        json.loads(words)
        for path in DOCKERFILES
        for words in re.findall(r"HEALTHCHECK[^\n]*(?:\\\n[^\n]*)?CMD (\[.*\])", path.read_text())
    ),
]


@pytest.mark.parametrize("words", CHECKS, ids=" ".join)
def test_a_health_check_imports_nothing_from_its_folder(words: list[str]) -> None:
    """Celery looks in its folder, and so does python without -P."""
    line = " ".join(words)
    assert "celery" not in line or "cd / && celery" in line
    assert "python" not in line or "python -P" in line


def test_the_health_checks_are_found() -> None:
    lines = [" ".join(words) for words in CHECKS]
    assert sum("celery" in line for line in lines) >= 3
    assert sum("urllib" in line for line in lines) >= 2


def test_a_container_with_the_home_of_a_cluster_works_elsewhere() -> None:
    last = re.findall(r"^WORKDIR (.*)$", (ROOT / "deploy/images/slurm.Dockerfile").read_text(), re.MULTILINE)[
        -1
    ]
    assert last == "/"
