"""Each file of `deploy/` is read by the tool or the schema that it is written for."""

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from tests.support.paths import ROOT

DEPLOY = ROOT / "deploy"
KUBERNETES = "1.30"
RAYJOB_KEYS = {
    "spec": {
        *("entrypoint", "backoffLimit", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished"),
        "rayClusterSpec",
    },
    "rayClusterSpec": {
        *("rayVersion", "authOptions", "enableInTreeAutoscaling", "autoscalerOptions"),
        *("headGroupSpec", "workerGroupSpecs"),
    },
    "headGroupSpec": {"rayStartParams", "template"},
    "workerGroupSpecs": {
        *("groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"),
    },
}
"""Keys of a RayJob (ray.io/v1, KubeRay 1.6) that the file uses; no package has its schema."""


def program(name):
    """A program beside Python or on the path; the test is skipped where there is none."""
    found = shutil.which(name, path=Path(sys.executable).parent) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def passes(*command, **environment):
    result = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment or None
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_slurm_script_has_no_flaw_that_shellcheck_knows():
    passes(program("shellcheck"), "deploy/slurm.sh")


def test_the_dockerfile_has_no_flaw_that_hadolint_knows():
    passes(program("hadolint"), "deploy/Dockerfile")


def test_the_dockerfile_copies_what_there_is_and_installs_what_the_project_needs(tmp_path):
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", "")
    copied = [
        word for line in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE) for word in line.split()
    ]
    assert copied
    assert [word for word in copied if not (ROOT / word).exists()] == []
    code = re.search(r'RUN python3 -c "(.*)" > /tmp/requirements.txt', text)[1]
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    assert {"ray[default]>=2.52", "torch>=2.6", "transformers>=4.48"} <= set(printed)


def test_docker_compose_reads_its_file():
    compose = [program("docker"), "compose"]
    if subprocess.run([*compose, "version"], capture_output=True, check=False).returncode:
        compose = [program("docker-compose")]
        version = subprocess.run([*compose, "version"], capture_output=True, text=True, check=True)
        if "v2" not in version.stdout:
            pytest.skip("docker compose is not installed")
    secrets = dict.fromkeys(("RAY_AUTH_TOKEN", "S3_SECRET", "POSTGRES_PASSWORD"), "secret")
    passes(*compose, "-f", "deploy/compose.yaml", "--profile", "*", "config", "--quiet", **secrets)


def test_every_setting_of_the_compose_file_is_explained():
    names = set(re.findall(r"\$\{([A-Z0-9_]+)", (DEPLOY / "compose.yaml").read_text()))
    text = (ROOT / "docs" / "cluster.md").read_text()
    assert {name for name in names if name not in text} == set()


def test_the_page_of_clusters_leads_to_every_file():
    text = (ROOT / "docs" / "cluster.md").read_text()
    files = {path.name for path in DEPLOY.iterdir() if not path.name.endswith("env")}
    assert {name for name in files if f"](../deploy/{name})" not in text} == set()


@pytest.mark.parametrize("name", ["aws", "onprem"])
def test_ray_reads_its_cluster_files(name):
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((DEPLOY / f"ray-cluster-{name}.yaml").read_text())
    validate_config(prepare_config(config))  # the launcher's own schema
    assert "/auth_token" in str(config["file_mounts"])
    for command in [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]:
        assert command.startswith(". ~/mubench.env;")


@pytest.fixture(scope="module")
def manifests():
    text = (DEPLOY / "kuberay-rayjob.yaml").read_text()
    return {node["kind"]: node for node in yaml.safe_load_all(text)}


@pytest.mark.skipif(not find_spec("kubernetes_validate"), reason="kubernetes-validate is missing")
def test_the_parts_of_the_ray_job_that_are_kubernetes_own_are_valid(manifests):
    from kubernetes_validate import validate

    for kind in ("ConfigMap", "PersistentVolumeClaim"):
        validate(manifests[kind], KUBERNETES, strict=True)
    for group in _groups(manifests["RayJob"]):
        pod = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "pod"}}
        validate({**pod, "template": group["template"]}, KUBERNETES, strict=True)


def test_the_ray_job_has_no_key_that_kuberay_does_not_know(manifests):
    spec = manifests["RayJob"]["spec"]
    cluster = spec["rayClusterSpec"]
    assert set(spec) <= RAYJOB_KEYS["spec"]
    assert set(cluster) <= RAYJOB_KEYS["rayClusterSpec"]
    assert set(cluster["headGroupSpec"]) <= RAYJOB_KEYS["headGroupSpec"]
    for group in cluster["workerGroupSpecs"]:
        assert set(group) == RAYJOB_KEYS["workerGroupSpecs"]
    for group in _groups(manifests["RayJob"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


def test_the_sweep_of_the_ray_job_is_a_sweep(manifests, tmp_path):
    from mubench.sweep.load import load

    path = tmp_path / "sweep.yaml"
    path.write_text(manifests["ConfigMap"]["data"]["sweep.yaml"])
    assert load(str(path)).spec.name == "digits"


def _groups(job):
    cluster = job["spec"]["rayClusterSpec"]
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
