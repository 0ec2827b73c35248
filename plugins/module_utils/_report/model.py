# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The evidence: one document, from which both files are written. Pure. PRIVATE to coffer.velero.

docs/evidence.schema.json describes it. The same evidence gives the same document: it has no time of its own.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping

from .._documents import SSE_ALGORITHMS
from .._errors import ValidationError
from .._objects.model import SSE_C
from .._profile import VARIABLE_PREFIX, StorageProfile
from .._types import Document
from .._version import VERSION
from .audit import read_audit
from .backup_restore import read_backup_restore
from .configuration import compare_configuration
from .evidence_reader import EvidenceReader, outcome
from .limitations import limitations
from .objects import read_objects

FORMAT = "coffer.velero/evidence"
#: Incremented when a reader of the former version would misread the document.
FORMAT_VERSION = 1
_LOCATION = ("account_id", "partition", "region", "bucket", "prefix", "s3_url", "namespace")
#: Whose report it is; where many have one, the bucket alone does not say.
INSTALLATION = ("inventory_host", "cluster", "backup_storage_location")
#: The parts that have a status, by the name that the page gives them.
PARTS = {
    "objects": "Objects",
    "backup_and_restore": "Backup and restore",
    "configuration": "Configuration",
    "audit": "Audit",
}


def assemble(values: Mapping[str, t.Any], manifest: Mapping[str, t.Any] | None = None) -> Document:
    """The document, from what the tasks returned.

    :param manifest: the complete list of objects as a file: its path, and its digest and size where it was found
    :raises ValidationError: where the evidence is not what the modules return, or contradicts itself
    """
    evidence = EvidenceReader("evidence", values)
    profile = _profile(evidence)
    result = evidence.mapping("objects")
    if result is None:
        evidence.refuse("is missing", "objects", "Give the result of coffer.velero.object_encryption_info.")
    desired = _desired(profile, evidence.texts("accepted_kms_key_arns"))
    objects = read_objects(result, profile, desired)
    parts = {
        "objects": objects,
        "backup_and_restore": read_backup_restore(evidence, objects),
        "configuration": compare_configuration(profile, evidence.mapping("configuration")),
        "audit": read_audit(evidence.mapping("audit"), profile),
    }
    document: Document = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "collection": {"name": "coffer.velero", "version": VERSION},
        **_outcome(parts),
        "installation": evidence.child("installation").fields(text=INSTALLATION),
        "location": {name: getattr(profile, name) for name in _LOCATION},
        "desired": desired,
        "scan": _scan(evidence, result),
        **parts,
        "object_manifest": manifest,
    }
    document["limitations"] = limitations(document, profile, evidence)
    plain: Document = json.loads(json.dumps(document, default=str))
    return plain


def _profile(evidence: EvidenceReader) -> StorageProfile:
    given = evidence.mapping("profile")
    if given is None:
        evidence.refuse("is missing", "profile", "Give the storage profile that the objects were evaluated by.")
    try:
        return StorageProfile.parse(given.values)
    except ValidationError as refusal:
        option = f"evidence.profile.{refusal.option.removeprefix(VARIABLE_PREFIX)}"
        raise ValidationError(option, refusal.resource, refusal.reason, refusal.remediation) from refusal


def _desired(profile: StorageProfile, accepted: list[str]) -> Document:
    mode = profile.encryption_mode
    return {
        "encryption_mode": mode,
        "algorithm": SSE_C if mode == "sse-c" else SSE_ALGORITHMS[mode],
        "kms_key_arn": profile.kms_key_arn,
        "accepted_kms_key_arns": list(dict.fromkeys(accepted)),
        "bucket_key_enabled": mode == "sse-kms" and profile.bucket_key_enabled,
    }


def _scan(evidence: EvidenceReader, result: EvidenceReader) -> Document:
    caller, source = evidence.child("caller"), result.mapping("source")
    # An S3 Inventory report may lack the noncurrent versions that the task asked for.
    versions = False if source and source.flag("versions") is False else result.flag("versions")
    return {
        "caller_arn": caller.text("arn"),
        "account_id": caller.text("account_id"),
        "started": result.required("started_at"),
        "finished": result.required("finished_at"),
        "seconds": result.fraction("seconds"),
        "objects_per_second": result.fraction("objects_per_second"),
        "resumed": bool(result.flag("resumed")),
        "endpoint_url": result.child("judged_by").text("endpoint_url"),
        "versions": versions,
        "source": dict(source.values) if source else {"kind": "list"},
    }


def _outcome(parts: Mapping[str, Document]) -> Document:
    """The worst status of the parts. A part that was not requested makes nothing worse, and the report says so.

    A part of the configuration that was not compared makes nothing worse either: only the objects show how they are
    encrypted. And the audit is no part of it: a control that fails today does not change how the objects are encrypted,
    nor do controls that pass show it.
    """
    objects, restore_test = parts["objects"], parts["backup_and_restore"]
    found = [parts[name] for name in PARTS if name != "audit" and parts[name]["status"] == "non_compliant"]
    faults = [part for part in found if part["reason"] != "accepted"]
    if faults:
        return outcome("non_compliant", faults[0]["reason"], " ".join(part["message"] for part in found))
    is_unfinished = restore_test["status"] == "not_evaluated" and restore_test["reason"] != "not_requested"
    worst = restore_test if (objects["status"] == "compliant" or found) and is_unfinished else objects
    return outcome(worst["status"], worst["reason"], worst["message"])


def to_json(document: Document) -> str:
    """The file for machines: ASCII only, so that no name in it can disturb a terminal."""
    return json.dumps(document, indent=2) + "\n"
