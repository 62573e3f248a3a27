"""Compares deploy/tfjob.yaml with what train.py understands. It has never run on a cluster."""

import json

import yaml

from age_gender_estimation.training.distributed.cluster import TASK_TYPES, read_cluster
from tests.conftest import ROOT


def job():
    return yaml.safe_load((ROOT / "deploy/tfjob.yaml").read_text(encoding="utf-8"))["spec"]


def test_the_replica_kinds_make_a_cluster_that_is_accepted():
    replicas = job()["tfReplicaSpecs"]
    assert {kind.lower() for kind in replicas} == set(TASK_TYPES)
    # As the operator writes it: kinds in lower case, a name and port 2222 for each replica.
    cluster = {
        kind.lower(): [
            f"faces-{kind.lower()}-{number}.default.svc:2222" for number in range(spec["replicas"])
        ]
        for kind, spec in replicas.items()
    }
    read = [
        read_cluster(
            "multi_worker",
            json.dumps({"cluster": cluster, "task": {"type": kind, "index": number}}),
        )
        for kind, addresses in cluster.items()
        for number in range(len(addresses))
    ]
    assert [each.is_chief for each in read] == [True] + [False] * (len(read) - 1) and len(read) > 1


def test_train_understands_the_command_line(script, crops, tmp_path, monkeypatch):
    """It runs as it is, on other folders, up to the TF_CONFIG that only the operator sets."""
    monkeypatch.delenv("TF_CONFIG", raising=False)
    for spec in job()["tfReplicaSpecs"].values():
        (container,) = spec["template"]["spec"]["containers"]
        python, name, *arguments = container["command"]
        assert (container["name"], python, name) == ("tensorflow", "python3", "bin/train.py")
        arguments = [
            each.replace("=/data", f"={crops}").replace("=/models", f"={tmp_path}")
            for each in arguments
        ]
        done = script("train.py", *arguments, check=False)
        assert done.returncode == 2, done.stderr
        assert "expected the environment variable TF_CONFIG" in done.stderr
        (batch,) = (int(each.partition("=")[2]) for each in arguments if "--batch-size" in each)
        assert batch % sum(each["replicas"] for each in job()["tfReplicaSpecs"].values()) == 0


def test_all_replicas_share_the_folders_have_a_gpu_and_start_again():
    for spec in job()["tfReplicaSpecs"].values():
        pod = spec["template"]["spec"]
        (container,) = pod["containers"]
        assert spec["restartPolicy"] == "OnFailure"
        assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
        claims = {
            each["name"]: each["persistentVolumeClaim"]["claimName"] for each in pod["volumes"]
        }
        folders = {claims[each["name"]]: each["mountPath"] for each in container["volumeMounts"]}
        assert folders == {"faces-data": "/data", "faces-models": "/models"}
        used = [each.partition("=")[2] for each in container["command"] if "=/" in each]
        assert used and all(path.startswith(tuple(folders.values())) for path in used)
