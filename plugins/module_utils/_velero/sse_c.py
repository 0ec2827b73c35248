# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Secret with a customer-provided key: what there is, and a plan. Pure. PRIVATE to coffer.velero.

The key itself never gets here: only its length is known, and a new one is a pending value until it is sent.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._errors import ValidationError
from .._plan import Computed, Difference, Plan, Step
from .._types import Document
from .model import object_path
from .validators import validate_secret_key

KEY_BYTES = 32

#: Keeps an object out of Velero's own backups.
EXCLUDE_LABEL = {"velero.io/exclude-from-backup": "true"}
LABEL_TEXT = "velero.io/exclude-from-backup=true"

#: A new key in base64, chosen when it is sent.
NEW_KEY = Computed("key", "")

#: What a wrong length usually comes from.
_MISTAKES = {
    33: "It looks like 32 bytes and a line break: write the file without one.",
    44: "It looks like base64 of a key: give Kubernetes the 32 raw bytes, which it encodes itself.",
    45: "It looks like base64 of a key and a line break: give Kubernetes the 32 raw bytes.",
    64: "It looks like a key in hexadecimal: give the 32 raw bytes.",
    65: "It looks like a key in hexadecimal and a line break: give the 32 raw bytes.",
}


@dataclass(frozen=True)
class DesiredSecret:
    """The Secret that should hold a key.

    :param reference: ``name/key``, as the plugin's customerKeyEncryptionSecret
    """

    namespace: str
    reference: str
    create_if_missing: bool = False

    def refuse_contradictions(self) -> None:
        validate_secret_key(self.reference, option="secret")

    @property
    def name(self) -> str:
        return self.reference.split("/")[0]

    @property
    def key(self) -> str:
        return self.reference.split("/")[1]

    @property
    def path(self) -> str:
        return object_path("v1", "secrets", self.namespace, self.name)


class SecretState(t.NamedTuple):
    """What may be known of an existing Secret.

    :param length: of the value under the key, ``None`` where there is none
    :param excluded: whether it is kept out of Velero's own backups
    """

    resource_version: str
    length: int | None
    immutable: bool
    excluded: bool = True


def decide_secret(desired: DesiredSecret, current: SecretState | None) -> Plan:
    """The plan that makes a key where there is none; a key that exists is never touched.

    :raises ValidationError: where the Secret does not hold 32 bytes and none may be made
    """
    resource = f'Secret "{desired.reference}"'
    result = {"namespace": desired.namespace, "secret": desired.reference}
    if current is not None and current.length is not None:
        if current.length != KEY_BYTES:
            mistake = _MISTAKES.get(current.length, "Give exactly 32 random bytes.")
            remediation = f"{mistake} Where backups were written with another key, put that one there."
            raise ValidationError("secret", resource, f"holds {current.length} bytes, not {KEY_BYTES}", remediation)
        return Plan(
            result=result, warnings=() if current.excluded else (exclude_warning(desired.namespace, desired.name),)
        )
    if not desired.create_if_missing:
        raise _missing(desired, resource)
    if current is not None and current.immutable:
        remediation = "Name another Secret (velero_sse_c_secret in the roles), or replace this one."
        raise ValidationError("secret", resource, "cannot be added to its Secret, which is immutable", remediation)
    warning = (
        f"{resource} in namespace {desired.namespace} gets a new random key. Keep a copy of it outside this cluster: "
        "without it every backup that is written with it is lost."
    )
    difference = Difference(desired.reference, None, f"{KEY_BYTES} random bytes")
    return Plan((_write(desired, current),), (difference,), result, (warning,))


def _write(desired: DesiredSecret, current: SecretState | None) -> Step:
    """The precondition makes sure that a key that was created meanwhile is not overwritten."""
    data = {desired.key: NEW_KEY}
    if current is not None:
        metadata: Document = {"resourceVersion": current.resource_version, "labels": EXCLUDE_LABEL}
        body: Document = {"metadata": metadata, "data": data}
        return Step(f"PATCH {desired.path}", {"body": body})
    metadata = {"name": desired.name, "namespace": desired.namespace, "labels": EXCLUDE_LABEL}
    body = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": data}
    return Step(f"POST {object_path('v1', 'secrets', desired.namespace)}", {"body": body})


def exclude_warning(namespace: str, name: str) -> str:
    """What is said of a Secret that its own backups would contain."""
    return (
        f'Secret "{name}" in namespace {namespace} has no label {LABEL_TEXT}, so that a backup of this namespace '
        f"contains the key to itself: kubectl -n {namespace} label secret {name} {LABEL_TEXT}. Keep a copy of it "
        "outside the cluster and the bucket."
    )


def _missing(desired: DesiredSecret, resource: str) -> ValidationError:
    remediation = (
        f"Make it: head -c 32 /dev/urandom > sse-c.key; kubectl -n {desired.namespace} create secret generic "
        f"{desired.name} --from-file={desired.key}=sse-c.key; kubectl -n {desired.namespace} label secret "
        f"{desired.name} {LABEL_TEXT}; keep the file in a safe place, for without it the backups are "
        "lost. create_if_missing=true creates a random key once. In the roles that is "
        "velero_sse_c_create_if_missing."
    )
    return ValidationError("secret", resource, f"does not exist in namespace {desired.namespace}", remediation)
