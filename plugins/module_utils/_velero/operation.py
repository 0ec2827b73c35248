# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Backup and Restore have in common: phases, and a spec that can be written only once. Pure. PRIVATE to
coffer.velero.

Both are operations rather than settings: Velero runs one once, and nothing of it can be changed afterwards. So an
object that exists is taken where it says the same, and refused where it does not.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, fields

from .._argspec import STATE, Options
from .._errors import ValidationError
from .._plan import Difference, Plan, Step
from . import model
from .validators import validate_duration

Object = Mapping[str, t.Any]

#: How an operation can end.
TERMINAL = ("Completed", "PartiallyFailed", "Failed", "FailedValidation")

#: The options that both modules have, see the doc fragment ``operation``.
OPTIONS: Options = {
    "name": {"type": "str", "required": True},
    **STATE,
    "included_namespaces": {"type": "list", "elements": "str"},
    "excluded_namespaces": {"type": "list", "elements": "str"},
    "included_resources": {"type": "list", "elements": "str"},
    "excluded_resources": {"type": "list", "elements": "str"},
    "include_cluster_resources": {"type": "bool"},
    "label_selector": {"type": "dict"},
    "item_operation_timeout": {"type": "str"},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 600},
    "stall_timeout": {"type": "int", "default": 60},
    "accepted_phases": {"type": "list", "elements": "str", "choices": list(TERMINAL), "default": ["Completed"]},
}

#: The last write that Velero makes, and may try again and again.
FINALIZING = frozenset({"Finalizing", "FinalizingPartiallyFailed"})

#: Data movers and other plugins are at work.
WAITING = frozenset({"WaitingForPluginOperations", "WaitingForPluginOperationsPartiallyFailed"})

#: The server has not begun yet; the last two came with Velero 1.18.
UNSTARTED = frozenset({"New", "Queued", "ReadyToStart"})

#: What a spec selects: unlike other fields, a field that is not named says something too, namely everything.
_SELECTION = (
    "includedNamespaces",
    "includedResources",
    "includeClusterResources",
    "labelSelector",
    "orLabelSelectors",
    "includedClusterScopedResources",
    "includedNamespaceScopedResources",
    "namespaceMapping",
)


def phase_of(item: Object) -> str:
    return (item.get("status") or {}).get("phase") or "New"


@dataclass(frozen=True, kw_only=True)
class DesiredOperation:
    """An operation as a task wants it. ``None`` means: as Velero does it by itself.

    ``KIND`` and ``PLURAL`` name the kind. All other names are those of the options.
    """

    name: str
    namespace: str
    included_namespaces: list[str] | None = None
    excluded_namespaces: list[str] | None = None
    included_resources: list[str] | None = None
    excluded_resources: list[str] | None = None
    include_cluster_resources: bool | None = None
    label_selector: Mapping[str, t.Any] | None = None
    item_operation_timeout: str | None = None

    KIND: t.ClassVar[str]
    PLURAL: t.ClassVar[str]

    @classmethod
    def of(cls, params: Mapping[str, t.Any]) -> t.Self:
        """From the options of a task."""
        desired = cls(**{field.name: params[field.name] for field in fields(cls)})
        desired.refuse_contradictions()
        return desired

    @property
    def resource(self) -> str:
        return f'{self.KIND} "{self.name}"'

    @property
    def path(self) -> str:
        return model.velero_path(self.PLURAL, self.namespace, self.name)

    def spec(self) -> dict[str, t.Any]:
        """What the options say, by Velero's names for them."""
        options = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("name", "namespace")}
        return {_field(option): value for option, value in options.items() if value not in (None, [], {}, "")}

    def refuse_contradictions(self) -> None:
        """Refuse what the schema of the kind takes, and Velero then does not."""
        for option in ("ttl", "item_operation_timeout"):
            validate_duration(getattr(self, option, None) or None, option=option)


def _field(option: str) -> str:
    """The field of the spec that an option is for: ``restore_pvs`` is restorePVs."""
    first, *others = option.split("_")
    return first + "".join("PVs" if word == "pvs" else word.capitalize() for word in others)


def decide_operation(desired: DesiredOperation, current: Object | None) -> Plan:
    """The plan that starts an operation, where it was not started already.

    :raises ValidationError: where another operation has the name
    """
    spec = desired.spec()
    result = {"name": desired.name, "namespace": desired.namespace}
    if current is None:
        body = {"apiVersion": model.API_VERSION, "kind": desired.KIND, "metadata": result, "spec": spec}
        step = Step(f"POST {model.velero_path(desired.PLURAL, desired.namespace)}", {"body": body})
        differences = tuple(Difference(name, None, value) for name, value in spec.items())
        return Plan((step,), differences or (Difference("spec", None, {}),), {**result, "spec": spec})
    if phase_of(current) == "Deleting" or current["metadata"].get("deletionTimestamp"):
        remediation = "Run the task again when it is gone, or choose another name."
        raise ValidationError("name", desired.resource, "is being deleted", remediation)
    present = current.get("spec") or {}
    if other := disagreements(spec, present):
        texts = ", ".join(f"{name} is {present.get(name)!r}, not {spec.get(name)!r}" for name in other)
        remediation = (
            f"A {desired.KIND} is carried out once and never changed: choose another name, or remove it first."
        )
        raise ValidationError("name", desired.resource, f"exists with another spec ({texts})", remediation)
    return Plan(result={**result, "spec": present})


def disagreements(desired: Object, present: Object) -> list[str]:
    """The fields in which a spec says something else than it should."""
    names = [*desired, *(name for name in _SELECTION if name not in desired and name in present)]
    differing = [name for name in names if _meaning(name, desired.get(name)) != _meaning(name, present.get(name))]
    # To these Velero adds its own.
    extended = {
        name
        for name in ("excludedNamespaces", "excludedResources")
        if set(desired.get(name) or ()) <= set(present.get(name) or ())
    }
    return [name for name in differing if name not in extended]


def _meaning(name: str, value: t.Any) -> t.Any:
    if name in ("ttl", "itemOperationTimeout"):
        return model.duration_seconds(value or "0")
    if isinstance(value, list):
        return None if value in ([], ["*"]) else sorted(map(str, value))
    return None if value in ({}, "") else value


def remove(desired: DesiredOperation, current: Object | None, step: Step) -> Plan:
    """The plan that removes an operation, in one step, where there is one."""
    result = {"name": desired.name, "namespace": desired.namespace}
    if current is None:
        return Plan(result=result)
    differences = tuple(Difference(name, value, None) for name, value in (current.get("spec") or {}).items() if value)
    return Plan((step,), differences or (Difference("spec", {}, None),), result)
