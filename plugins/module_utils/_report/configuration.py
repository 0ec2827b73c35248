# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was to be configured beside what is. Pure. PRIVATE to coffer.velero.

The live side of a part is either the document that somebody read, or what the collection's own module said in check
mode, which compares as it does when it writes.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.coffer.velero.plugins.module_utils import _documents, _policy
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.module_utils._report.part import Part
from ansible_collections.coffer.velero.plugins.module_utils._velero.location import ENCRYPTION

Difference = dict[str, t.Any]
Compared = dict[str, t.Any]

#: What is compared, in this order, each with the fields of its live side that are no statement of a policy.
PARTS = (
    "key",
    "key_policy_statements",
    "encryption_rule",
    "bucket_policy_statements",
    "backup_storage_location_spec",
)
_KEY_FIELDS = ("key_arn", "alias", "key_state", "multi_region", "rotation_enabled", "rotation_period_in_days")


def wanted_documents(profile: StorageProfile) -> dict[str, t.Any]:
    """What the profile asks for, part by part; a part that its mode does not have is not there."""
    key = {"key_arn": profile.kms_key_arn, "key_state": "Enabled"}
    documents = {
        "key": key if profile.encrypts_with_kms else {},
        "key_policy_statements": _documents.key_policy_statements(profile),
        "encryption_rule": _documents.encryption_rule(profile),
        "bucket_policy_statements": _documents.bucket_policy_statements(profile),
        "backup_storage_location_spec": _documents.backup_storage_location_spec(profile),
    }
    return {name: document for name, document in documents.items() if document}


def compare_configuration(profile: StorageProfile, given: Part | None) -> dict[str, t.Any]:
    """Every part with what is wanted, what is there and the differences."""
    given = given or Part("evidence.configuration", {})
    wanted = {**wanted_documents(profile), **_documents_of(given.part("wanted"))}
    live = _documents_of(given.part("live"))
    checks = given.part("checks")
    parts = []
    for name in PARTS:
        if name not in wanted:
            continue
        check = checks.part(name) if checks else None
        if name in live:
            parts.append(_by_document(name, wanted[name], live[name], profile.partition))
        elif check:
            parts.append(_by_check(name, wanted[name], check))
        else:
            parts.append(_part(name, wanted[name], "not_compared"))
    return {"verdict": _verdict([part["verdict"] for part in parts]), "parts": parts}


def _verdict(verdicts: list[str]) -> str:
    if "differs" in verdicts:
        return "wrong"
    if "not_compared" not in verdicts:
        return "proven"
    return "incomplete" if "same" in verdicts else "not_done"


def _documents_of(part: Part | None) -> dict[str, t.Any]:
    if part is None:
        return {}
    unknown = sorted(set(part.values) - set(PARTS))
    if unknown:
        part.refuse(f"has {unknown[0]}, which is not compared", f"Known are {', '.join(PARTS)}.")
    return {name: value for name, value in part.values.items() if not _is_absent(value)}


def _is_absent(value: t.Any) -> bool:
    """Whether nobody looked. An empty list is a policy without statements, which somebody has seen."""
    return value is None or (isinstance(value, Mapping) and (not value or bool(value.get("skipped"))))


def _part(name: str, wanted: t.Any, verdict: str, live: t.Any = None, **more: t.Any) -> Compared:
    empty: Compared = {"differences": [], "foreign_statements": [], "reason": None}
    return {"name": name, "verdict": verdict, "wanted": wanted, "live": live, **empty, **more}


def _by_check(name: str, wanted: t.Any, check: Part) -> Compared:
    """By the word of the module that would write it."""
    if check.flag("failed"):
        return _part(name, wanted, "not_compared", reason=check.text("msg"))
    if not check.flag("changed"):
        return _part(name, wanted, "same")
    diff = check.part("diff") or check
    before, after = (diff.get(side) if isinstance(diff.get(side), Mapping) else {} for side in ("before", "after"))
    names = list(dict.fromkeys([*before, *after])) or [name]
    differences = [{"path": path, "wanted": after.get(path), "live": before.get(path)} for path in names]
    return _part(name, wanted, "differs", differences=differences)


def _by_document(name: str, wanted: t.Any, live: t.Any, partition: str) -> Compared:
    if name.endswith("_statements"):
        return _statements(name, wanted, live, partition)
    if not isinstance(live, Mapping) or not isinstance(wanted, Mapping):
        Part(f"evidence.configuration.{name}", live if isinstance(wanted, Mapping) else wanted)
    if name == "key":
        live = {field: live[field] for field in _KEY_FIELDS if live.get(field) is not None}
    if name == "backup_storage_location_spec":
        live = live["spec"] if isinstance(live.get("spec"), Mapping) else live
    differences = _differences(_strict(name, wanted), live)
    return _part(name, wanted, "differs" if differences else "same", live, differences=differences)


def _strict(name: str, wanted: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What is wanted, with what must not be there; everything else that is not wanted may be as it likes."""
    flat = flatten(wanted)
    absent: dict[str, t.Any] = {}
    if name == "encryption_rule":
        absent = {"ApplyServerSideEncryptionByDefault.KMSMasterKeyID": None}
    if name == "backup_storage_location_spec":
        absent = {"objectStorage.prefix": None, **{f"config.{key}": None for key in ENCRYPTION.values()}}
    return {**absent, **flat}


def _differences(wanted: Mapping[str, t.Any], live: Mapping[str, t.Any]) -> list[Difference]:
    found = flatten(live)
    return [
        {"path": path, "wanted": value, "live": found.get(path)}
        for path, value in sorted(wanted.items())
        if _normal(value) != _normal(found.get(path))
    ]


def _normal(value: t.Any) -> t.Any:
    """Absent, false and empty are the same in these documents, and no list of them has an order."""
    return sorted(map(str, value)) if isinstance(value, (list, tuple)) else value or None


def flatten(document: Mapping[str, t.Any], place: str = "") -> dict[str, t.Any]:
    """``{"config.region": ...}``; a list is one value."""
    flat: dict[str, t.Any] = {}
    for name, value in document.items():
        path = f"{place}.{name}" if place else str(name)
        flat.update(flatten(value, path) if isinstance(value, Mapping) else {path: value})
    return flat


def _statements(name: str, wanted: t.Any, live: t.Any, partition: str) -> Compared:
    """Ours by Sid, compared by meaning; what others own in the policy is named and not judged."""
    document = {"Statement": list(live)} if isinstance(live, (list, tuple)) else live
    option = f"evidence.configuration.live.{name}"
    found = dict(_policy.named_statements(_policy.parse(document, option=option, resource="it")))
    ours = {str(statement["Sid"]): statement for statement in wanted}
    differences = [
        difference
        for sid, statement in ours.items()
        for difference in _statement(sid, statement, found.get(sid), partition)
    ]
    return _part(
        name,
        wanted,
        "differs" if differences else "same",
        [found[sid] for sid in ours if sid in found],
        differences=differences,
        foreign_statements=[sid for sid in found if sid not in ours],
    )


def _statement(sid: str, wanted: _policy.Statement, live: _policy.Statement | None, partition: str) -> list[Difference]:
    if live is None:
        return [{"path": sid, "wanted": wanted, "live": None}]
    elements = list(dict.fromkeys([*wanted, *live]))
    return [
        {"path": f"{sid}.{element}", "wanted": wanted.get(element), "live": live.get(element)}
        for element in elements
        if not _policy.same_statement(_only(wanted, element), _only(live, element), partition=partition)
    ]


def _only(statement: _policy.Statement, element: str) -> _policy.Statement:
    return {element: statement[element]} if element in statement else {}
