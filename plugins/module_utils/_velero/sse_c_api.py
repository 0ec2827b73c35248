# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests that read and create a customer-provided key. PRIVATE to coffer.velero."""

from __future__ import annotations

import base64
import secrets
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._errors import ConflictError, ServiceError, ValidationError
from .._kube import Kube
from .._plan import Plan
from . import model
from .location import PLURAL
from .sse_c import EXCLUDE_LABEL, KEY_BYTES, NEW_KEY, DesiredSecret, SecretState, decide_secret


@dataclass
class SecretResource:
    """A Secret with a customer-provided key, for the runner."""

    kube: Kube
    desired: DesiredSecret

    def read(self) -> SecretState | None:
        """The Secret without what is in it."""
        found = self.kube.get_or_none(self.desired.path)
        if found is None:
            return None
        value = (found.get("data") or {}).get(self.desired.key)
        length = None if value is None else len(base64.b64decode(value))
        metadata = found["metadata"]
        excluded = EXCLUDE_LABEL.items() <= (metadata.get("labels") or {}).items()
        return SecretState(metadata["resourceVersion"], length, bool(found.get("immutable")), excluded)

    def decide(self, current: SecretState | None) -> Plan:
        return decide_secret(self.desired, current)

    def guard(self, plan: Plan) -> None:
        """A new key must not take the place of a lost one: it would read none of the backups, and look like it did."""
        namespace, reference = self.desired.namespace, self.desired.reference
        try:
            locations = self.kube.list(model.velero_path(PLURAL, namespace))
        except ServiceError as error:
            if error.code == "404":  # Velero is installed later
                return
            raise
        names = [
            location["metadata"]["name"]
            for location in locations
            if (location["spec"].get("config") or {}).get("customerKeyEncryptionSecret") == reference
        ]
        if names and (backups := model.backups_in(self.kube.list(model.velero_path("backups", namespace)), names)):
            reason = (
                f"does not exist, and {backups} in {model.enumerate_names(names)} can be read with its old key only"
            )
            remediation = (
                "Put that key back from your copy. If there is none, these backups are lost: delete them, or name "
                "another Secret and make a location of its own for it (velero_sse_c_secret and "
                "velero_backup_location_name in the roles)."
            )
            raise ValidationError("secret", f'Secret "{reference}"', reason, remediation)

    def apply(self, plan: Plan) -> Mapping[str, t.Any]:
        key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
        try:
            self.kube.apply(plan, {NEW_KEY.name: key})
        except (ConflictError, ServiceError) as error:
            if key[:8] in str(error):  # an admission webhook may quote what it refuses, or a proxy the beginning of it
                raise ServiceError("POST Secret", "refused", "the answer quotes the key and is not shown") from None
            raise
        return {}
