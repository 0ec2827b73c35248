# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role of Velero's pods: what is wanted, what there is, and a plan. Pure. PRIVATE to coffer.velero.

EKS gives a pod the role of its ServiceAccount when the pod is created, so that a changed annotation needs new pods.
Which pods those are is written down where it cannot be lost: the patch that changes the ServiceAccount also gives it a
new revision, and each pod template bears the revision that its pods were made with. Where they differ, pods are
restarted; where they agree, no pod runs with an earlier role of this module's, wherever a run was cut. So nobody has to
list pods.
"""

from __future__ import annotations

import os.path
import re
import typing as t
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .._errors import ValidationError
from .._plan import Difference, Plan, Step
from .model import PLUGIN, enumerate_names, object_path, other_managers

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
REVISION_ANNOTATION = "coffer.velero/identity-revision"

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
AUDIENCE_ANNOTATION = "eks.amazonaws.com/audience"
#: What EKS asks a token for where the annotation does not say otherwise.
AUDIENCE = "sts.amazonaws.com"

_ROLE_VARIABLE = "AWS_ROLE_ARN"
#: EKS leaves a container alone that has these already, whatever the ServiceAccount says.
_ROLE_VARIABLES = (_ROLE_VARIABLE, "AWS_WEB_IDENTITY_TOKEN_FILE")
#: What else the SDK finds a credential by. For a credentials file the plugin unsets the variables of the role
#: (config.go), keys are preferred to them, and a profile that is not there is an error. The order of the others has
#: changed between versions of the SDK, and kopia's is not the plugin's: a container has one identity.
_CREDENTIAL_VARIABLES = (
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_ACCESS_KEY",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)
#: Where the SDK looks for files that nothing names, in the home of the user.
_CREDENTIAL_DIRECTORY = ".aws"


@dataclass(frozen=True)
class DesiredIdentity:
    """The role that Velero's pods should have; ``None`` for none.

    :param service_account: ``None`` for that of the Velero server
    """

    namespace: str
    service_account: str | None
    role_arn: str | None

    def refuse_contradictions(self, *, absent: bool) -> None:
        """Refuse a role that is none; one that is null by mistake must not take the present one away."""
        if self.role_arn is None and not absent:
            remediation = "Give arn:aws:iam::ACCOUNT:role/NAME, as coffer.velero.iam_role returns it, or state=absent."
            raise ValidationError("role_arn", "it", "is not set", remediation)
        if self.role_arn is not None and not _ROLE.fullmatch(self.role_arn):
            remediation = "Write arn:aws:iam::ACCOUNT:role/NAME."
            raise ValidationError("role_arn", self.role_arn or "it", "is not the ARN of a role", remediation)

    def found(self, servers: Sequence[Workload]) -> DesiredIdentity:
        """The same with the ServiceAccount of the server where none is named."""
        name = next((server.service_account for server in servers), "velero")
        return replace(self, service_account=self.service_account or name)

    @property
    def path(self) -> str:
        return object_path("v1", "serviceaccounts", self.namespace, str(self.service_account))

    @property
    def resource(self) -> str:
        return f'ServiceAccount "{self.service_account}"'


@dataclass(frozen=True)
class Workload:
    """A Deployment or DaemonSet."""

    kind: t.Literal["Deployment", "DaemonSet"]
    content: Mapping[str, t.Any]

    @property
    def metadata(self) -> Mapping[str, t.Any]:
        return t.cast("Mapping[str, t.Any]", self.content["metadata"])

    @property
    def title(self) -> str:
        return f"{self.kind}/{self.metadata['name']}"

    @property
    def path(self) -> str:
        plural = f"{self.kind.lower()}s"
        return object_path("apps/v1", plural, self.metadata["namespace"], self.metadata["name"])

    @property
    def template(self) -> Mapping[str, t.Any]:
        return t.cast("Mapping[str, t.Any]", self.content["spec"]["template"])

    @property
    def labelled(self) -> bool:
        """Whether its pods have a label that installations of Velero give to the server."""
        labels = (self.template.get("metadata") or {}).get("labels") or {}
        known = {"component": "velero", "deploy": "velero", "app.kubernetes.io/name": "velero"}
        return bool(labels.items() & known.items())

    @property
    def selector(self) -> Mapping[str, str]:
        return self.content["spec"]["selector"].get("matchLabels") or {}

    @property
    def service_account(self) -> str:
        pod = self.template["spec"]
        return str(pod.get("serviceAccountName") or pod.get("serviceAccount") or "default")

    @property
    def revision(self) -> str | None:
        return _annotations(self.template.get("metadata") or {}).get(REVISION_ANNOTATION)

    @property
    def replicas(self) -> int:
        """How many pods a Deployment should have."""
        return int(self.content["spec"].get("replicas", 1))

    @property
    def rolls_out(self) -> bool:
        return (self.content["spec"].get("updateStrategy") or {}).get("type") != "OnDelete"

    @property
    def available(self) -> bool:
        """Whether a pod of it is up."""
        return bool(self._status("availableReplicas") or self._status("numberAvailable"))

    @property
    def rolled_out(self) -> bool:
        """Whether all its pods are up and made from the present template, in the way kubectl rollout status sees it."""
        if not self.rolls_out:
            return True
        if self._status("observedGeneration") < self.metadata.get("generation", 0):
            return False
        if self.kind == "DaemonSet":
            desired = self._status("desiredNumberScheduled")
            return min(self._status("updatedNumberScheduled"), self._status("numberAvailable")) >= desired
        desired, updated = self.replicas, self._status("updatedReplicas")
        return min(updated, self._status("availableReplicas")) >= desired and self._status("replicas") <= updated

    @property
    def progress(self) -> str:
        """How far the rollout is, for a sentence."""
        if self.kind == "DaemonSet":
            updated, desired = self._status("updatedNumberScheduled"), self._status("desiredNumberScheduled")
        else:
            updated, desired = self._status("updatedReplicas"), self.replicas
        available = self._status("availableReplicas") or self._status("numberAvailable")
        return f"{updated} of {desired} pods restarted, {available} available"

    def _status(self, name: str) -> int:
        return int((self.content.get("status") or {}).get(name) or 0)

    def runs(self, *words: str) -> bool:
        """Whether a container of it is ``velero`` with these words."""
        for container in self.template["spec"].get("containers", ()):
            command = [*(container.get("command") or ()), *(container.get("args") or ())]
            if not container.get("command") and "velero" in str(container.get("image")):
                command.insert(0, "velero")
            if command and os.path.basename(command[0]) == "velero" and tuple(command[1 : 1 + len(words)]) == words:
                return True
        return False

    @property
    def containers(self) -> Sequence[Mapping[str, t.Any]]:
        """Those that run Velero; what an init container may use is not Velero's."""
        return self.template["spec"].get("containers") or ()

    @property
    def environment_sources(self) -> frozenset[Source]:
        """The Secrets and ConfigMaps whose keys are variables of its containers."""
        return frozenset(source for container in self.containers for source, _prefix in _sources(container))

    def other_credentials(self, role_arn: str, keys: Mapping[Source, Collection[str]]) -> list[str]:
        """What gives its containers another identity than the role.

        :param keys: of its environment's Secrets and ConfigMaps
        """
        found = (text for one in self.containers for text in _other_credentials(one, role_arn, keys))
        return sorted({*found, *self._credential_files()})

    def _credential_files(self) -> Iterable[str]:
        empty = {one["name"] for one in self.template["spec"].get("volumes") or () if one.get("emptyDir") is not None}
        for container in self.containers:
            for mount in container.get("volumeMounts") or ():
                if mount["name"] not in empty and _CREDENTIAL_DIRECTORY in str(mount["mountPath"]).split("/"):
                    yield f"the volume {mount['name']} at {mount['mountPath']}"


class Source(t.NamedTuple):
    """What the variables of a container come from."""

    kind: t.Literal["Secret", "ConfigMap"]
    name: str


def _sources(container: Mapping[str, t.Any]) -> Iterable[tuple[Source, str]]:
    """With the prefix of the variables."""
    for entry in container.get("envFrom") or ():
        prefix = entry.get("prefix") or ""
        if name := (entry.get("secretRef") or {}).get("name"):
            yield Source("Secret", name), prefix
        if name := (entry.get("configMapRef") or {}).get("name"):
            yield Source("ConfigMap", name), prefix


def _other_credentials(
    container: Mapping[str, t.Any], role_arn: str, keys: Mapping[Source, Collection[str]]
) -> Iterable[str]:
    own = {v["name"]: v.get("value") for v in container.get("env") or () if v.get("value") or v.get("valueFrom")}
    if own.get(_ROLE_VARIABLE) == role_arn:  # it is the role, by a token that is mounted by hand
        unwanted = frozenset(_CREDENTIAL_VARIABLES)
    else:
        unwanted = frozenset((*_CREDENTIAL_VARIABLES, *_ROLE_VARIABLES))
    yield from (f"the variable {name}" for name in own if name in unwanted)
    overridden = {variable["name"] for variable in container.get("env") or ()}
    for source, prefix in _sources(container):
        variables = {prefix + key for key in keys.get(source, ())} - overridden
        yield from (f"the variable {name} from {source.kind} {source.name}" for name in variables & unwanted)


@dataclass(frozen=True)
class Installation:
    """Velero in its namespace, as far as its identity goes; what is not there is ``None`` or empty.

    :param keys: without their values, of the Secrets and ConfigMaps that become variables
    """

    service_account: Mapping[str, t.Any] | None
    servers: tuple[Workload, ...]
    node_agents: tuple[Workload, ...]
    keys: Mapping[Source, Collection[str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        service_account: Mapping[str, t.Any] | None,
        deployments: Iterable[Mapping[str, t.Any]],
        daemon_sets: Iterable[Mapping[str, t.Any]],
    ) -> Installation:
        """Names differ between velero install, Helm and OADP, so that workloads are found by what they run."""
        candidates = [Workload("Deployment", item) for item in deployments]
        servers = [item for item in candidates if item.runs("server")] or [i for i in candidates if i.labelled]
        servers = [item for item in servers if item.replicas] or servers  # one that is scaled to zero disturbs no other
        agents = [Workload("DaemonSet", item) for item in daemon_sets]
        agents = [item for item in agents if item.runs("node-agent", "server") or item.runs("restic", "server")]
        return cls(service_account, tuple(servers), tuple(agents))

    @property
    def workloads(self) -> tuple[Workload, ...]:
        return self.servers + self.node_agents

    @property
    def annotations(self) -> Mapping[str, str]:
        return _annotations((self.service_account or {}).get("metadata") or {})

    def has_other_role(self, role_arn: str | None) -> bool:
        return self.annotations.get(ROLE_ANNOTATION) not in (None, "", role_arn)


def _annotations(metadata: Mapping[str, t.Any]) -> Mapping[str, str]:
    return metadata.get("annotations") or {}


def decide_identity(desired: DesiredIdentity, current: Installation) -> Plan:
    """The plan that gives Velero's pods the role, or takes it away.

    :raises ValidationError: where the role could not have an effect
    """
    desired = desired.found(current.servers)
    _refuse_ambiguous(desired, current)
    if desired.role_arn:
        _refuse_incomplete(desired, current)
        for workload in current.workloads:
            if workload.service_account == desired.service_account:
                _refuse_other_credentials(workload, workload.other_credentials(desired.role_arn, current.keys))
    role, revision = current.annotations.get(ROLE_ANNOTATION), current.annotations.get(REVISION_ANNOTATION)
    steps: list[Step] = []
    differences: list[Difference] = []
    if role != desired.role_arn:
        differences.append(Difference("role_arn", role, desired.role_arn))
    if role != desired.role_arn or (role is not None and revision is None):
        metadata = (current.service_account or {}).get("metadata") or {}
        revision = str(metadata.get("resourceVersion", ""))
        annotations = {ROLE_ANNOTATION: desired.role_arn, REVISION_ANNOTATION: revision}
        body = {"resourceVersion": revision or None, "annotations": annotations}
        steps.append(Step(f"PATCH {desired.path}", {"body": {"metadata": body}}))
    users = [item for item in current.workloads if item.service_account == desired.service_account]
    outdated = [item for item in users if item.revision != revision]
    _refuse_paused(outdated)
    if outdated:
        differences.append(Difference("restarted", None, [item.title for item in outdated]))
        # Another template is what makes a controller restart its pods.
        template = {"metadata": {"annotations": {REVISION_ANNOTATION: revision}}}
        steps.extend(Step(f"PATCH {one.path}", {"body": {"spec": {"template": template}}}) for one in outdated)
    result = {
        "namespace": desired.namespace,
        "service_account": desired.service_account,
        "audience": current.annotations.get(AUDIENCE_ANNOTATION) or AUDIENCE,
        "role_arn": desired.role_arn,
        "workloads": [item.title for item in users],
        "restarted": [item.title for item in outdated],
        "rolled_out": all(item.rolled_out for item in users),
    }
    return Plan(tuple(steps), tuple(differences), result, tuple(_warnings(desired, current, outdated)))


def _refuse_ambiguous(desired: DesiredIdentity, current: Installation) -> None:
    if len(current.servers) > 1:
        names = enumerate_names(item.title for item in current.servers)
        remediation = "Remove all but one, or scale them to zero: two servers disturb each other's backups."
        reason = f"has several Velero servers ({names})"
        raise ValidationError("namespace", f'namespace "{desired.namespace}"', reason, remediation)
    for server in current.servers:
        if server.service_account != desired.service_account:
            reason = f'is not what {server.title} runs as: that is "{server.service_account}"'
            remediation = (
                f"Leave service_account out (velero_service_account in the roles), or set it to "
                f"{server.service_account}; the role's trust policy must name the same."
            )
            raise ValidationError("service_account", desired.resource, reason, remediation)


def refuse_other_locations(
    desired: DesiredIdentity, current: Installation, locations: Iterable[Mapping[str, t.Any]], own: str | None
) -> None:
    """Refuse to replace or remove the role by which Velero reaches other BackupStorageLocations than ``own``.

    A role that is new to the pods need not have the permissions for their buckets, and those that are there cannot be
    read from here.
    """
    others = [one["metadata"]["name"] for one in locations if one["metadata"]["name"] != own and _uses_role(one)]
    if not others or not current.has_other_role(desired.role_arn):
        return
    role = current.annotations[ROLE_ANNOTATION]
    reason = (
        f"is not the role that Velero's pods have, by which Velero reaches BackupStorageLocation "
        f"{enumerate_names(others)}: {role}"
    )
    remediation = (
        f"Use that role (velero_role_name and velero_role_path in the roles), which can serve several locations. Where "
        f"the new one has the permissions for {enumerate_names(others)} too, set replace_role=true "
        "(velero_irsa_replace_role)."
    )
    if desired.role_arn is None:
        reason = f"has the role by which Velero reaches BackupStorageLocation {enumerate_names(others)}: {role}"
        remediation = "Remove the locations first, or set replace_role=true."
        raise ValidationError("state", desired.resource, reason, remediation)
    raise ValidationError("role_arn", desired.role_arn, reason, remediation)


def _uses_role(location: Mapping[str, t.Any]) -> bool:
    spec = location["spec"]
    return f"velero.io/{spec.get('provider')}".endswith(PLUGIN) and not spec.get("credential")


def _refuse_other_credentials(workload: Workload, found: Sequence[str]) -> None:
    if found:
        reason = f"has a credential of its own ({', '.join(found)}), which wins over the role of the ServiceAccount"
        remediation = (
            "Take it away first: Helm chart with credentials.useSecret=false and without credentials.extraSecretRef, "
            "velero install --no-secret, or remove the variable or volume."
        )
        raise ValidationError("role_arn", workload.title, reason, remediation)


def _refuse_paused(workloads: Iterable[Workload]) -> None:
    for workload in workloads:
        if workload.content["spec"].get("paused"):
            remediation = f"Resume it: kubectl rollout resume {workload.title.lower()}."
            reason = "is paused, so that its pods would not be restarted"
            raise ValidationError("role_arn", workload.title, reason, remediation)


def _warnings(desired: DesiredIdentity, current: Installation, outdated: Sequence[Workload]) -> Iterable[str]:
    for agent in current.node_agents:
        if agent.service_account != desired.service_account:
            yield (
                f'{agent.title} runs as "{agent.service_account}" and does not get the role; volume data that it '
                "writes needs one too."
            )
    for item in outdated:
        if not item.rolls_out:
            yield f"{item.title} restarts its pods only when they are deleted (OnDelete): delete them."
        manager = other_managers({"ownerReferences": item.metadata.get("ownerReferences")})
        if manager:
            yield f"{item.title} belongs to {manager}, which may undo the change of its template."


def _refuse_incomplete(desired: DesiredIdentity, current: Installation) -> None:
    """What has to be there before a role can be given to anything."""
    place = f'namespace "{desired.namespace}"'
    if not current.servers:
        remediation = (
            "Install Velero first: velero install --no-secret --sa-annotations ..., or the Helm chart with "
            "credentials.useSecret=false."
        )
        raise ValidationError("namespace", place, "has no Velero server", remediation)
    if current.service_account is None:
        reason = f"does not exist in {place}"
        remediation = "Velero's installation creates it (Helm: serviceAccount.server.create), so create it there."
        raise ValidationError("service_account", desired.resource, reason, remediation)
