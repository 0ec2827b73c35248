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

from ansible_collections.coffer.velero.plugins.module_utils._documents import SSE_ALGORITHMS
from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._objects.model import SSE_C
from ansible_collections.coffer.velero.plugins.module_utils._profile import VARIABLE_PREFIX, StorageProfile
from ansible_collections.coffer.velero.plugins.module_utils._report.audit import audit_of, audit_sentence
from ansible_collections.coffer.velero.plugins.module_utils._report.configuration import compare_configuration
from ansible_collections.coffer.velero.plugins.module_utils._report.happened import backup_and_restore
from ansible_collections.coffer.velero.plugins.module_utils._report.limits import limits
from ansible_collections.coffer.velero.plugins.module_utils._report.objects import objects_of
from ansible_collections.coffer.velero.plugins.module_utils._report.part import Part
from ansible_collections.coffer.velero.plugins.module_utils._report.words import be, many
from ansible_collections.coffer.velero.plugins.module_utils._types import Document
from ansible_collections.coffer.velero.plugins.module_utils._version import VERSION

FORMAT = "coffer.velero/evidence"
#: Counted up when a reader of the former version would misread the document.
FORMAT_VERSION = 1

_AS_RETURNED = "Give it as it was returned."

#: The complete list of objects as a file, where it is at hand: its path, and its digest and size.
ListFile = Mapping[str, t.Any]


def assemble(values: Mapping[str, t.Any], list_file: ListFile | None = None) -> Document:
    """The document, from what the tasks returned.

    :raises ValidationError: where the evidence is not what the modules return, or contradicts itself
    """
    evidence = Part("evidence", values)
    profile = _profile(evidence)
    result = evidence.part("objects")
    if result is None:
        evidence.refuse("is missing", "Give the result of coffer.velero.object_encryption_info.", "objects")
    objects = objects_of(result, profile)
    document: Document = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "collection": {"name": "coffer.velero", "version": VERSION},
        "verdict": {},
        "location": _location(profile),
        "wanted": _wanted(profile, [*result.texts("accepted_kms_key_arns"), *evidence.texts("accepted_kms_key_arns")]),
        "examination": _examination(evidence, result),
        "configuration": compare_configuration(profile, evidence.part("configuration")),
        "objects": objects,
        "backup_and_restore": backup_and_restore(evidence, objects),
        "audit": audit_of(evidence.part("audit"), profile),
        "complete_list": list_file or _list(result),
    }
    document["verdict"] = _verdict(document)
    document["not_proven"] = limits(document, profile)
    plain: Document = json.loads(json.dumps(document, default=str))
    return plain


def _profile(evidence: Part) -> StorageProfile:
    part = evidence.part("profile")
    if part is None:
        evidence.refuse("is missing", "Give the storage profile that the objects were judged by.", "profile")
    try:
        return StorageProfile.parse(part.values)
    except ValidationError as refusal:
        option = f"evidence.profile.{refusal.option.removeprefix(VARIABLE_PREFIX)}"
        raise ValidationError(option, refusal.resource, refusal.reason, refusal.remediation) from refusal


def _location(profile: StorageProfile) -> Document:
    names = ("account_id", "partition", "region", "bucket", "prefix", "s3_url", "namespace")
    return {name: getattr(profile, name) for name in names}


def _wanted(profile: StorageProfile, accepted: list[str]) -> Document:
    mode = profile.encryption_mode
    return {
        "encryption_mode": mode,
        "algorithm": SSE_C if mode == "sse-c" else SSE_ALGORITHMS[mode],
        "kms_key_arn": profile.kms_key_arn,
        "accepted_kms_key_arns": list(dict.fromkeys(accepted)),
        "bucket_key_enabled": mode == "sse-kms" and profile.bucket_key_enabled,
    }


def _examination(evidence: Part, result: Part) -> Document:
    caller = evidence.part("caller")
    source = result.part("source")
    return {
        "caller_arn": caller.text("arn") if caller else None,
        "account_id": caller.text("account_id") if caller else None,
        "started": result.text("started_at") or result.refuse("is missing", _AS_RETURNED, "started_at"),
        "finished": result.text("finished_at") or result.refuse("is missing", _AS_RETURNED, "finished_at"),
        "seconds": result.fraction("seconds"),
        "objects_per_second": result.fraction("objects_per_second"),
        "continued": bool(result.flag("continued")),
        "versions": _versions(result, source),
        "source": dict(source.values) if source else {"kind": "list"},
    }


def _versions(result: Part, source: Part | None) -> bool | None:
    """Whether noncurrent versions were looked at; an Inventory report need not have them."""
    return False if source and source.flag("versions") is False else result.flag("versions")


def _list(result: Part) -> Document | None:
    path = result.text("path")
    return {"path": path, "sha256": None, "size": None} if path else None


# --- the verdict -----------------------------------------------------------------------------------------------------


def _verdict(document: Document) -> Document:
    """The worst of what was looked at. What nobody asked for (not_done) makes nothing worse, and is said.

    A part of the configuration that was not compared is said, too: objects are proven by looking at objects. And the
    audit has a verdict of its own: a control that fails today does not undo how the objects are encrypted, nor do good
    ones prove it.
    """
    objects, trial = document["objects"]["verdict"], document["backup_and_restore"]["verdict"]
    configuration = document["configuration"]["verdict"]
    if "wrong" in (objects, trial, configuration):
        overall = "wrong"
    elif objects == "proven" and trial == "incomplete":
        overall = "incomplete"
    else:
        overall = objects
    return {
        "overall": overall,
        "objects": objects,
        "configuration": configuration,
        "backup_and_restore": trial,
        "audit": document["audit"]["verdict"],
        "reasons": {
            "objects": objects_sentence(document),
            "configuration": configuration_sentence(document),
            "backup_and_restore": trial_sentence(document),
            "audit": audit_sentence(document),
        },
    }


def objects_sentence(document: Document) -> str:
    counts = document["objects"]["counts"]
    there = counts["total"] - counts["gone"]
    open_ones = counts["unreadable"] + counts["unproven"]
    algorithm = document["wanted"]["algorithm"]
    under = " under the wanted key" if document["wanted"]["kms_key_arn"] else ""
    if document["objects"]["verdict"] == "empty" or not there:
        return "There is no object under this location, so that there is nothing to prove."
    if counts["wrong"]:
        be = "is" if counts["wrong"] == 1 else "are"
        also = f", and {open_ones:,} more could not be proven" if open_ones else ""
        return f"{counts['wrong']:,} of {many(there, 'object version')} {be} not encrypted as wanted{also}."
    if open_ones:
        return f"Nothing wrong was found, but {open_ones:,} of {many(there, 'object version')} could not be proven."
    if there == 1:
        return f"The only object version is encrypted with {algorithm}{under}."
    if document["wanted"]["encryption_mode"] == "sse-c":
        return f"All {there:,} object versions are encrypted as wanted: SSE-C, and AES256 for the data of kopia."
    return f"All {there:,} object versions are encrypted with {algorithm}{under}."


def configuration_sentence(document: Document) -> str:
    parts = document["configuration"]["parts"]
    count = {
        verdict: sum(part["verdict"] == verdict for part in parts) for verdict in ("same", "differs", "not_compared")
    }
    number, differs, skipped = many(len(parts), "part"), count["differs"], count["not_compared"]
    more = f"; {skipped} {be(skipped)} not compared" if skipped else ""
    if differs:
        return f"{differs} of {number} {'differs' if differs == 1 else 'differ'} from what is wanted{more}."
    if count["same"]:
        return f"{count['same']} of {number} {'is' if count['same'] == 1 else 'are'} as wanted{more}."
    return "What is in force was not compared with what is wanted."


def trial_sentence(document: Document) -> str:
    told = document["backup_and_restore"]
    if told["verdict"] == "proven":
        items = many(len(told["content"]["items"]), "item")
        return f"A backup and a restore really happened, and {items} came back as put in."
    if told["verdict"] == "not_done":
        return "No backup was made for this report."
    return " ".join(told["reasons"])


def to_json(document: Document) -> str:
    """The file for machines: ASCII only, so that no name in it can disturb whoever prints it."""
    return json.dumps(document, indent=2, sort_keys=False, ensure_ascii=True) + "\n"
