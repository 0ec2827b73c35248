# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test asks of Velero: make a location, back up, restore, delete, and wait for each with a time limit."""

from __future__ import annotations

import secrets
from typing import Any

from .api import BACKUP, DELETE_BACKUP_REQUEST, LOCATION, RESTORE, SERVER_STATUS_REQUEST, Api, Json, Kind
from .processes import wait_for

TERMINAL = frozenset({"Completed", "PartiallyFailed", "Failed", "FailedValidation"})


class Operations:
    """Mixed into the stack; usable with any cluster that runs Velero."""

    api: Api
    namespace: str

    def create_location(
        self, name: str, bucket: str, prefix: str = "", *, config: dict[str, str] | None = None, default: bool = False
    ) -> Json:
        """A BackupStorageLocation on AWS; ``config`` is the plugin's."""
        storage = {"bucket": bucket, **({"prefix": prefix} if prefix else {})}
        spec = {"provider": "aws", "objectStorage": storage, "config": config or {}, "default": default}
        return self.create(LOCATION, name, spec)

    def wait_location(self, name: str, phase: str = "Available", *, touch: bool = False, seconds: float = 60) -> Json:
        """Wait until a location has a phase, which may be an old one; return its status.

        With ``touch`` it must have the phase by a new validation. Velero makes one at once when the spec changes, so
        ``validationFrequency`` is changed, and the time of the last one is taken away.
        """
        if touch:
            spec = self.api.get(LOCATION, name, self.namespace)["spec"]
            frequency = "4s" if spec.get("validationFrequency") == "5s" else "5s"
            patch = {"spec": {"validationFrequency": frequency}, "status": {"lastValidationTime": None}}
            self.api.patch(LOCATION, name, patch, self.namespace)

        def reached() -> Json | None:
            status = self.location_status(name)
            return status if status.get("lastValidationTime") and status.get("phase") == phase else None

        try:
            return wait_for(f"location {name} is {phase}", reached, seconds)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; its status: {self.location_status(name)}") from None

    def location_status(self, name: str) -> Json:
        status: Json = self.api.get(LOCATION, name, self.namespace).get("status") or {}
        return status

    def backup(
        self, name: str, namespaces: list[str], *, location: str = "default", seconds: float = 120, **spec: Any
    ) -> Json:
        """Make a backup of namespaces and return it once it is over, however it ended."""
        full = {
            "includedNamespaces": namespaces,
            "includeClusterResources": False,
            "snapshotVolumes": False,
            "storageLocation": location,
            "ttl": "1h0m0s",
            **spec,
        }
        self.create(BACKUP, name, full)
        return self._finished(BACKUP, name, seconds)

    def restore(
        self, name: str, backup: str, *, mapping: dict[str, str] | None = None, seconds: float = 120, **spec: Any
    ) -> Json:
        """Restore a backup, into other namespaces where ``mapping`` says so; return it once it is over."""
        self.create(RESTORE, name, {"backupName": backup, "namespaceMapping": mapping or {}, **spec})
        return self._finished(RESTORE, name, seconds)

    def delete_backup(self, name: str, *, seconds: float = 60) -> None:
        """Delete a backup and its objects; an error says why Velero refused."""
        request = self.create(DELETE_BACKUP_REQUEST, f"{name}-{secrets.token_hex(3)}", {"backupName": name})
        key = (DELETE_BACKUP_REQUEST, request["metadata"]["name"], self.namespace)

        def gone() -> bool:
            errors = ((self.api.find(*key) or {}).get("status") or {}).get("errors")
            if errors:
                raise RuntimeError(f"backup {name} was not deleted: {'; '.join(errors)}")
            return self.api.find(BACKUP, name, self.namespace) is None

        wait_for(f"backup {name} is deleted", gone, seconds)

    def server_status(self, seconds: float = 60) -> Json:
        """Version and plugins of the running server: the one proof that it serves."""
        request = self.create(SERVER_STATUS_REQUEST, f"stack-{secrets.token_hex(4)}", {})
        key = (SERVER_STATUS_REQUEST, request["metadata"]["name"], self.namespace)

        def processed() -> Json | None:
            status: Json = self.api.get(*key).get("status") or {}
            return status if status.get("phase") == "Processed" else None

        try:
            return wait_for("Velero answers", processed, seconds)
        finally:
            self.api.delete(*key)

    def create(self, kind: Kind, name: str, spec: Json) -> Json:
        return self.api.create(kind, {"metadata": {"name": name}, "spec": spec}, self.namespace)

    def _finished(self, kind: Kind, name: str, seconds: float) -> Json:
        def over() -> Json | None:
            item = self.api.get(kind, name, self.namespace)
            return item if (item.get("status") or {}).get("phase") in TERMINAL else None

        try:
            return wait_for(f"{kind.name} {name} ends", over, seconds)
        except TimeoutError as error:
            status = self.api.get(kind, name, self.namespace).get("status")
            raise TimeoutError(f"{error}; its status: {status}") from None
