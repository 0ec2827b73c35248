# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a pod template on EKS: the pod, its volumes' files, its environment. No I/O but reads of the API."""

from __future__ import annotations

import base64
import copy
import datetime
import hashlib
import json
import secrets
from collections.abc import Callable

from .api import CONFIG_MAP, SECRET, Api, Json, Kind

ROLE = "eks.amazonaws.com/role-arn"
AUDIENCE = "eks.amazonaws.com/audience"
EXPIRATION = "eks.amazonaws.com/token-expiration"
IRSA_DIRECTORY = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
API_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount"
NODE_NAME = "stack"


class NotReadyError(RuntimeError):
    """A container cannot start yet, for example because a Secret is missing: kubelet tries again."""


def now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pod_of(workload: Json, service_account: Json, region: str) -> Json:
    """The pod of a template, as the API server stores it after admission on EKS."""
    template = workload["spec"]["template"]
    name = workload["metadata"]["name"]
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
    spec = copy.deepcopy(template["spec"])
    spec["nodeName"] = NODE_NAME
    _add_api_access(spec)
    _add_role(spec, service_account["metadata"].get("annotations") or {}, region)
    metadata = {
        "name": f"{name}-{digest}-{secrets.token_hex(3)[:5]}",
        "labels": template["metadata"].get("labels") or {},
        "annotations": template["metadata"].get("annotations") or {},
    }
    return {"metadata": metadata, "spec": spec}


def _add_api_access(spec: Json) -> None:
    """What the ServiceAccount admission plugin adds."""
    sources: list[Json] = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    _mount_everywhere(spec, "kube-api-access", API_DIRECTORY, sources)


def _add_role(spec: Json, annotations: Json, region: str) -> None:
    """What the EKS pod identity webhook adds; a variable that the template sets is left as it is."""
    role = annotations.get(ROLE)
    if not role:
        return
    values = {
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_ROLE_ARN": role,
        "AWS_WEB_IDENTITY_TOKEN_FILE": f"{IRSA_DIRECTORY}/token",
    }
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        present = {item["name"] for item in container.get("env", [])}
        added = [{"name": name, "value": value} for name, value in values.items() if name not in present]
        container["env"] = [*container.get("env", []), *added]
    token = {
        "audience": annotations.get(AUDIENCE, "sts.amazonaws.com"),
        "expirationSeconds": int(annotations.get(EXPIRATION, 86400)),
        "path": "token",
    }
    _mount_everywhere(spec, "aws-iam-token", IRSA_DIRECTORY, [{"serviceAccountToken": token}])


def _mount_everywhere(spec: Json, name: str, path: str, sources: list[Json]) -> None:
    spec["volumes"] = [*spec.get("volumes", []), {"name": name, "projected": {"sources": sources}}]
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        mount = {"name": name, "mountPath": path, "readOnly": True}
        container["volumeMounts"] = [*container.get("volumeMounts", []), mount]


def environment_of(api: Api, pod: Json, container: Json) -> dict[str, str]:
    """The variables of a container: envFrom first, then env, as kubelet does."""
    namespace = pod["metadata"]["namespace"]
    values: dict[str, str] = {}
    for source in container.get("envFrom", []):
        for field, kind in (("secretRef", SECRET), ("configMapRef", CONFIG_MAP)):
            if field in source:
                data = _data(api, kind, source[field], namespace)
                values |= {source.get("prefix", "") + key: value.decode() for key, value in data.items()}
    for item in container.get("env", []):
        value = _value(api, pod, item)
        if value is not None:
            values[item["name"]] = value
    return values


def _value(api: Api, pod: Json, item: Json) -> str | None:
    source = item.get("valueFrom")
    if not source:
        return str(item.get("value", ""))
    if "fieldRef" in source:
        return _field(pod, source["fieldRef"]["fieldPath"])
    for field, kind in (("secretKeyRef", SECRET), ("configMapKeyRef", CONFIG_MAP)):
        if field in source:
            reference = source[field]
            data = _data(api, kind, reference, pod["metadata"]["namespace"])
            if reference["key"] in data:
                return data[reference["key"]].decode()
            if not reference.get("optional"):
                raise NotReadyError(f"couldn't find key {reference['key']} in {kind.name} {reference['name']}")
    return None


def _field(pod: Json, path: str) -> str:
    value: object = pod
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return str(value)


def files_of(api: Api, pod: Json, volume: Json, token: Callable[[Json], str]) -> dict[str, bytes]:
    """The files of a volume; an emptyDir has none. ``token`` makes one for a serviceAccountToken source."""
    namespace = pod["metadata"]["namespace"]
    sources = volume["projected"]["sources"] if "projected" in volume else [volume]
    files: dict[str, bytes] = {}
    for source in sources:
        if "serviceAccountToken" in source:
            files[source["serviceAccountToken"]["path"]] = token(source["serviceAccountToken"]).encode()
        for item in source.get("downwardAPI", {}).get("items", []):
            files[item["path"]] = _field(pod, item["fieldRef"]["fieldPath"]).encode()
        for field, kind in (("secret", SECRET), ("configMap", CONFIG_MAP)):
            if field in source:
                files |= _selected(_data(api, kind, source[field], namespace), source[field])
    return files


def _selected(data: dict[str, bytes], source: Json) -> dict[str, bytes]:
    items = source.get("items")
    if not items:
        return data
    absent = [item["key"] for item in items if item["key"] not in data]
    if absent and not source.get("optional"):
        raise NotReadyError(f"references non-existent secret key: {', '.join(absent)}")
    return {item["path"]: data[item["key"]] for item in items if item["key"] in data}


def _data(api: Api, kind: Kind, reference: Json, namespace: str) -> dict[str, bytes]:
    """The bytes of a Secret or ConfigMap; none where it is absent and optional."""
    name = reference.get("secretName") or reference["name"]
    found = api.find(kind, name, namespace)
    if found is None:
        if reference.get("optional"):
            return {}
        raise NotReadyError(f'{kind.name.lower()} "{name}" not found')
    if kind == SECRET:
        return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
    return {key: str(value).encode() for key, value in (found.get("data") or {}).items()}


def with_string_audience(token: str) -> str:
    """The same token with its only audience as a string: MiniStack does not match a list, and checks no signature."""
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    (claims["aud"],) = claims["aud"]
    changed = base64.urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode())
    return f"{header}.{changed.rstrip(b'=').decode()}.{signature}"


def pod_status(pod: Json, state: Json, *, ready: bool, restarts: int) -> Json:
    """The status that kubelet would write for a pod with one container."""
    container = pod["spec"]["containers"][0]
    condition = "True" if ready else "False"
    initialized = "True" if ready or restarts else "False"
    kinds = {"PodScheduled": "True", "Initialized": initialized, "ContainersReady": condition, "Ready": condition}
    status = {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": ready,
        "started": ready,
        "restartCount": restarts,
        "state": state,
    }
    return {
        "phase": "Running" if initialized == "True" else "Computed",
        "conditions": [{"type": kind, "status": value, "lastTransitionTime": now()} for kind, value in kinds.items()],
        "hostIP": "127.0.0.1",
        "podIP": "127.0.0.1",
        "podIPs": [{"ip": "127.0.0.1"}],
        "startTime": pod["status"].get("startTime") or now(),
        "containerStatuses": [status],
    }


def deployment_status(deployment: Json, *, pods: int, ready: int, late: bool) -> Json:
    """The status that the Deployment controller would write for 0 or 1 pod of the newest template."""
    wanted = deployment["spec"].get("replicas", 1)
    available = ready >= wanted
    progressing = ("True", "NewReplicaSetAvailable") if available else ("True", "ReplicaSetUpdated")
    if late and not available:
        progressing = ("False", "ProgressDeadlineExceeded")
    reason = "MinimumReplicasAvailable" if available else "MinimumReplicasUnavailable"
    conditions = {"Available": ("True" if available else "False", reason), "Progressing": progressing}
    before = {item["type"]: item for item in deployment.get("status", {}).get("conditions", [])}
    return {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": pods,
        "updatedReplicas": pods,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(wanted - ready, 0),
        "conditions": [_condition(before.get(kind), kind, *value) for kind, value in conditions.items()],
    }


def daemon_set_status(daemon_set: Json, *, pods: int, ready: int) -> Json:
    """The status that the DaemonSet controller would write on a cluster of one node."""
    return {
        "observedGeneration": daemon_set["metadata"]["generation"],
        "desiredNumberScheduled": 1,
        "currentNumberScheduled": pods,
        "updatedNumberScheduled": pods,
        "numberReady": ready,
        "numberAvailable": ready,
        "numberUnavailable": 1 - ready,
        "numberMisscheduled": 0,
    }


def _condition(before: Json | None, kind: str, status: str, reason: str) -> Json:
    if before and (before["status"], before["reason"]) == (status, reason):
        return before
    changed = before["lastTransitionTime"] if before and before["status"] == status else now()
    text = {"type": kind, "status": status, "reason": reason, "message": f"{kind} is {status}: {reason}"}
    return {**text, "lastUpdateTime": now(), "lastTransitionTime": changed}
