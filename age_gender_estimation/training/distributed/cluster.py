"""TF_CONFIG: which machines train together, and which of them this is. Needs no TensorFlow."""

import json
from dataclasses import dataclass

from age_gender_estimation.errors import SettingError

DISTRIBUTE = NONE, MIRRORED, MULTI_WORKER = "none", "mirrored", "multi_worker"
# Names of Kubeflow's training operator, in lower case. The chief evaluates: there is no evaluator.
TASK_TYPES = CHIEF, WORKER = "chief", "worker"
EXAMPLE = (
    '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


@dataclass(frozen=True)
class Cluster:
    """The machines that train together, seen from one of them.

    Attributes:
      tf_config: the JSON text that says so.
      others: HOST:PORT of the other machines.
      task_type: of this machine, of TASK_TYPES.
      index: of this machine among those of its type.
      is_chief: whether this machine evaluates, writes the model folder and exports: the chief, or
        the first worker of a cluster without one.
    """

    tf_config: str
    others: tuple[str, ...]
    task_type: str
    index: int
    is_chief: bool


def read_cluster(distribute: str, tf_config: str) -> Cluster | None:
    """Returns the Cluster of multi_worker; None for the other values of --distribute.

    Args:
      distribute: of DISTRIBUTE.
      tf_config: the text of the environment variable, "" if it is not set.

    Raises:
      SettingError: it is missing or wrong, or it names several machines and --distribute does not.
    """
    if distribute != MULTI_WORKER:
        # Each of the machines would train on its own, all into one model folder.
        if tf_config and _parse(tf_config).others:
            raise SettingError(
                f"TF_CONFIG names several machines: expected --distribute {MULTI_WORKER}, "
                f"got {distribute}; use that, or unset TF_CONFIG"
            )
        return None
    if not tf_config:
        raise SettingError(
            f"--distribute {MULTI_WORKER}: expected the environment variable TF_CONFIG, "
            f"such as {EXAMPLE}, found none; see docs/distributed.md"
        )
    cluster = _parse(tf_config)
    if not cluster.others:
        raise SettingError(
            f"--distribute {MULTI_WORKER}: expected two or more machines in TF_CONFIG, found one; "
            f"use {MIRRORED} for the GPUs of one machine"
        )
    return cluster


def _parse(tf_config: str) -> Cluster:
    def wrong(what):
        return SettingError(f"TF_CONFIG: {what}; expected something like {EXAMPLE}")

    try:
        content = json.loads(tf_config)
        machines = {name: list(addresses) for name, addresses in content["cluster"].items()}
        task_type, index = content["task"]["type"], int(content["task"]["index"])
    except ValueError as error:
        raise wrong(f"not valid JSON ({error})") from None
    except (LookupError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise wrong(f"no cluster, or no task's type and index ({reason})") from None
    for name in (*machines, task_type):
        if name not in TASK_TYPES:
            raise wrong(f"unknown task type {name!r}, choose from {', '.join(TASK_TYPES)}")
    addresses = sum(machines.values(), [])
    if not all(isinstance(item, str) and item.rpartition(":")[2].isdigit() for item in addresses):
        raise wrong(f"expected addresses HOST:PORT, got {', '.join(map(str, addresses))}")
    if len(set(addresses)) < len(addresses):
        raise wrong(f"an address occurs twice in {', '.join(addresses)}")
    if not 0 <= index < len(machines.get(task_type, ())):
        raise wrong(f"there is no {task_type} {index} in its cluster")
    if len(machines.get(CHIEF, ())) > 1:
        raise wrong(f"expected one chief, got {len(machines[CHIEF])}")
    is_chief = task_type == CHIEF or CHIEF not in machines and index == 0
    others = tuple(address for address in addresses if address != machines[task_type][index])
    return Cluster(tf_config, others, task_type, index, is_chief)
