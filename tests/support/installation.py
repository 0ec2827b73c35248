# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A location that ``site.yml`` makes on the real stack, its backups, and how each of its objects is encrypted."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

from botocore.exceptions import ClientError

from tests.stack import Stack, kopia_repository
from tests.stack.api import CONFIG_MAP, LOCATION, NAMESPACE, Json
from tests.support.emulators import Emulator, Moto
from tests.support.site import COLLECTION, PLAYBOOK_SECONDS, Site

SHOP = "shop"
ITEMS = 3


class Encryption(NamedTuple):
    """How S3 says that an object is encrypted; ``algorithm`` is ``refused`` where it does not say so without a key."""

    algorithm: str | None
    key: str | None = None
    bucket_key: bool = False


REFUSED = Encryption("refused")


def open_shop(stack: Stack) -> None:
    """Something to back up."""
    stack.api.create(NAMESPACE, {"metadata": {"name": SHOP}})
    for number in range(ITEMS):
        stack.api.create(CONFIG_MAP, {"metadata": {"name": f"price-{number}"}, "data": {"euro": "1"}}, SHOP)


@dataclass
class Installation:
    """One location with a bucket and a policy of its own; all have the one role that Velero's pods have.

    ``url`` is where Ansible finds AWS, ``store`` where Velero finds the bucket.
    """

    directory: Path
    stack: Stack
    aws: Moto
    name: str
    store: Emulator
    url: str = ""
    variables: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.variables = {
            "velero_proof": "never",
            "velero_region": self.aws.region,
            "velero_bucket": f"backups-{self.name}",
            "velero_prefix": "production",
            "velero_backup_location_name": self.name,
            "velero_policy_name": f"velero-{self.name}",
            "velero_oidc_issuer_url": self.stack.issuer_url,
            "velero_s3_url": self.store.url,
            "velero_s3_force_path_style": True,
            **self.variables,
        }

    def with_(self, **variables: Any) -> Self:
        """The same, asked for with other variables."""
        return replace(self, variables={**self.variables, **variables})

    # --- site.yml ---

    @property
    def site(self) -> Site:
        environment = self.stack.environment | ({"AWS_ENDPOINT_URL": self.url} if self.url else {})
        return Site(self.directory, environment, self.variables, self.name)

    def install(self, *options: str) -> dict[str, dict[str, Any]]:
        """Run ``site.yml``; what its modules returned, by module, without those of the plan."""
        records = self.site.run(*options)
        return {line["action"].removeprefix(COLLECTION): line["result"] for line in records if not line["check"]}

    def changed(self, *options: str) -> set[str]:
        """Run ``site.yml``; the modules that changed something."""
        return {module for module, result in self.install(*options).items() if result["changed"]}

    def refused(self, *options: str) -> str:
        """Run ``site.yml``, which must fail; what the task says that failed."""
        site = self.site
        process = site.start(*options)
        output, dummy = process.communicate(timeout=PLAYBOOK_SECONDS)
        assert process.returncode == 2, output
        return str(site.records()[-1]["result"]["msg"])

    # --- Velero ---

    @property
    def location(self) -> Json:
        found: Json = self.stack.api.get(LOCATION, self.name, self.stack.namespace)
        return found

    def back_up(self, name: str) -> Json:
        backup: Json = self.stack.backup(name, [SHOP], location=self.name)
        return backup

    def complete_backup(self, name: str) -> None:
        backup = self.back_up(name)
        assert backup["status"]["phase"] == "Completed", backup["status"]

    def restore(self, backup: str, into: str) -> None:
        """Restore a backup into a new namespace, and look whether everything is there."""
        restore = self.stack.restore(into, backup, mapping={SHOP: into})
        assert restore["status"]["phase"] == "Completed", restore["status"]
        assert len(self.stack.api.list(CONFIG_MAP, into)) == ITEMS

    def write_volume_data(self, volume_namespace: str = SHOP) -> str:
        """What Velero's data mover writes, without a header; its prefix."""
        place = (self.variables["velero_bucket"], self.variables["velero_prefix"], volume_namespace)
        prefix: str = kopia_repository(self.store, *place)
        return prefix

    # --- the bucket ---

    def keys(self, under: str = "") -> Iterator[str]:
        prefix = f"{self.variables['velero_prefix']}/{under}"
        pages = self.store.client("s3").get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.variables["velero_bucket"], Prefix=prefix):
            yield from (entry["Key"] for entry in page.get("Contents", ()))

    def encryptions(self, under: str = "", customer_key: bytes = b"") -> dict[str, Encryption]:
        """How each object is encrypted: every one is listed, and asked for."""
        s3 = self.store.client("s3")
        return {key: self._encryption(s3, key, customer_key) for key in self.keys(under)}

    def _encryption(self, s3: Any, key: str, customer_key: bytes) -> Encryption:
        more = customer_key_arguments(customer_key) if customer_key else {}
        try:
            head = s3.head_object(Bucket=self.variables["velero_bucket"], Key=key, **more)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403):
                return REFUSED
            raise
        if head.get("SSECustomerAlgorithm"):
            return Encryption(f"customer:{head['SSECustomerAlgorithm']}")
        bucket_key = bool(head.get("BucketKeyEnabled"))
        return Encryption(head.get("ServerSideEncryption"), head.get("SSEKMSKeyId"), bucket_key)


def customer_key_arguments(key: bytes) -> dict[str, str]:
    """The three headers of SSE-C, spelled out so that no SDK changes them."""
    return {
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": base64.b64encode(key).decode(),
        "SSECustomerKeyMD5": base64.b64encode(hashlib.md5(key).digest()).decode(),
    }
