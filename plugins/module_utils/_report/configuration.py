# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The desired configuration beside the actual one. Pure. PRIVATE to coffer.velero.

The actual side of a part is either the document that a task read, or what the collection's own module returned in check
mode, which compares as it does when it writes. The plan of the roles is a part too: it knows everything that they
manage, and a report must not say less than it.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from .. import _documents, _policy
from .._audit.policies import differing_elements
from .._profile import StorageProfile
from .._types import Document
from .._velero.location import ENCRYPTION
from .evidence_reader import EvidenceReader, outcome
from .formatting import be, many

#: What is compared, in this order, by the name that the page gives it.
TITLES = {
    "key": "Key",
    "key_policy_statements": "Key policy",
    "encryption_rule": "Default encryption of the bucket",
    "bucket_policy_statements": "Bucket policy",
    "backup_storage_location_spec": "Backup storage location",
    "bucket": "Bucket",
    "oidc_provider": "OIDC provider of the cluster",
    "iam_policy": "IAM policy of the role",
    "trust_policy_statements": "IAM role and its trust policy",
    "identity": "Identity of Velero's pods",
    "plan": "Plan of the roles",
}
#: Those that a task compares. What is nowhere compared is refused, for it would look as if it were.
_COMPARED = tuple(name for name in TITLES if name != "plan")
#: The parts that only a module compares; without its result nobody asked for them.
_CHECKED = ("bucket", "oidc_provider", "iam_policy", "trust_policy_statements", "identity")
_KEY_FIELDS = ("key_arn", "alias", "key_state", "multi_region", "rotation_enabled", "rotation_period_in_days")


def desired_documents(profile: StorageProfile) -> dict[str, t.Any]:
    """What the profile asks for, part by part; a part that its mode does not have is left out."""
    key = {"key_arn": profile.kms_key_arn, "key_state": "Enabled"}
    documents = {
        "key": key if profile.encrypts_with_kms else {},
        "key_policy_statements": _documents.key_policy_statements(profile),
        "encryption_rule": _documents.encryption_rule(profile),
        "bucket_policy_statements": _documents.bucket_policy_statements(profile),
        "backup_storage_location_spec": _documents.backup_storage_location_spec(profile),
        "bucket": {"bucket": profile.bucket},
        "oidc_provider": {"issuer_url": profile.oidc_issuer_url} if profile.oidc_issuer_url else {},
        "iam_policy": _documents.iam_policy(profile),
        "trust_policy_statements": _documents.trust_policy_statements(profile),
        "identity": {"service_account": profile.service_account, "role_arns": list(profile.role_arns)},
    }
    return {name: document for name, document in documents.items() if document}


def compare_configuration(profile: StorageProfile, given: EvidenceReader | None) -> Document:
    """Every part with what is desired, what is actual, and the differences."""
    given = given or EvidenceReader("evidence.configuration", {})
    desired = {**desired_documents(profile), **_documents_of(given.child("desired"))}
    actual = _documents_of(given.child("actual"))
    checks, external = given.child("checks"), given.texts("externally_managed")
    _refuse_unknown(checks, checks.values)
    _refuse_unknown(given, external)
    parts = []
    for name in (name for name in TITLES if name in desired):
        check = checks.mapping(name)
        if name in external:
            parts.append(_part(name, desired[name], "not_applicable", "externally_managed"))
        elif name in _CHECKED and not check:
            continue
        elif name in actual:
            parts.append(_by_document(name, desired[name], actual[name], profile.partition))
        elif check:
            parts.append(_by_check(name, desired[name], check))
        else:
            parts.append(_part(name, desired[name], "not_evaluated", "not_requested"))
    if given.get("planned_changes") is not None:
        changes = given.texts("planned_changes")
        parts.append(_compared("plan", [], [_difference(line, None, None) for line in changes]))
    return {**_outcome(parts), "parts": parts}


def _refuse_unknown(given: EvidenceReader, names: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(_COMPARED))
    if unknown:
        given.refuse(f"has {unknown[0]}, which is not compared", "", f"Known are {', '.join(_COMPARED)}.")


def _outcome(parts: list[Document]) -> Document:
    statuses = [part["status"] for part in parts]
    same, differ, skipped = map(statuses.count, ("compliant", "non_compliant", "not_evaluated"))
    number, more = many(same + differ + skipped, "part"), f"; {skipped} {be(skipped)} not compared" if skipped else ""
    if differ:
        verb = "differs" if differ == 1 else "differ"
        return outcome("non_compliant", "differs", f"{differ} of {number} {verb} from the desired configuration{more}.")
    if same:
        message = f"{same} of {number} {'is' if same == 1 else 'are'} as desired{more}."
        return outcome("not_evaluated" if skipped else "compliant", "partly_compared", message)
    reason = "not_requested" if all(part["reason"] == "not_requested" for part in parts) else "check_failed"
    return outcome("not_evaluated", reason, "The actual configuration was not compared with the desired one.")


def _documents_of(given: EvidenceReader) -> dict[str, t.Any]:
    _refuse_unknown(given, given.values)
    # No task read what is null, empty or skipped. An empty list is a policy without statements, which a task has read.
    return {
        name: value
        for name, value in given.values.items()
        if value is not None and not (isinstance(value, Mapping) and (not value or value.get("skipped")))
    }


def _part(name: str, desired: t.Any, status: str, reason: str | None = None, **more: t.Any) -> Document:
    head = {"name": name, "status": status, "reason": reason, "message": None}
    return {**head, "desired": desired, "actual": None, "differences": [], "unmanaged_statements": [], **more}


def _compared(name: str, desired: t.Any, differences: list[Document], **more: t.Any) -> Document:
    status, reason = ("non_compliant", "differs") if differences else ("compliant", None)
    return _part(name, desired, status, reason, differences=differences, **more)


def _by_check(name: str, desired: t.Any, check: EvidenceReader) -> Document:
    """As the module that would write it says."""
    if check.flag("failed"):
        return _part(name, desired, "not_evaluated", "check_failed", message=check.text("msg"))
    kept = check.texts("kept_statements")
    planned = check.mapping("planned")  # of a task of the plan
    if not (planned or check.flag("changed")):
        # What others added to the policy of the role, Velero may do too; another installation has its own there.
        added = [one for one in kept if name == "iam_policy" and not _documents.is_iam_sid(one)]
        return _compared(name, desired, [_difference(one, None, "added") for one in added], unmanaged_statements=kept)
    diff = planned or check.mapping("diff") or check
    before, after = (diff.get(side) if isinstance(diff.get(side), Mapping) else {} for side in ("before", "after"))
    paths = list(dict.fromkeys([*before, *after])) or [name]
    differences = [_difference(path, after.get(path), before.get(path)) for path in paths]
    return _compared(name, desired, differences, unmanaged_statements=kept)


def _difference(path: str, desired: t.Any, actual: t.Any) -> Document:
    return {"path": path, "desired": desired, "actual": actual}


def _by_document(name: str, desired: t.Any, actual: t.Any, partition: str) -> Document:
    if name.endswith("_statements"):
        return _statements(name, desired, actual, partition)
    for side in (desired, actual):
        EvidenceReader(f"evidence.configuration.{name}", side)  # refuses what is not a mapping
    if name == "key":
        actual = {field: actual[field] for field in _KEY_FIELDS if actual.get(field) is not None}
    if name == "backup_storage_location_spec":
        actual = actual["spec"] if isinstance(actual.get("spec"), Mapping) else actual
    found = flatten(actual)
    differences = [
        _difference(path, value, found.get(path))
        for path, value in sorted(_strict(name, desired).items())
        if _normal(value) != _normal(found.get(path))
    ]
    return _compared(name, desired, differences, actual=actual)


def _strict(name: str, desired: Mapping[str, t.Any]) -> Document:
    """What is desired, with what must be absent; every other field may have any value."""
    absent: Document = {}
    if name == "encryption_rule":
        absent = {"ApplyServerSideEncryptionByDefault.KMSMasterKeyID": None}
    if name == "backup_storage_location_spec":
        absent = {"objectStorage.prefix": None, **{f"config.{key}": None for key in ENCRYPTION.values()}}
    return {**absent, **flatten(desired)}


def _normal(value: t.Any) -> t.Any:
    """Absent, false and empty are the same in these documents, and no list of them has an order."""
    return sorted(map(str, value)) if isinstance(value, (list, tuple)) else value or None


def flatten(document: Mapping[str, t.Any], parent: str = "") -> Document:
    """``{"config.region": ...}``; a list is one value."""
    flat: Document = {}
    for name, value in document.items():
        path = f"{parent}.{name}" if parent else str(name)
        flat.update(flatten(value, path) if isinstance(value, Mapping) else {path: value})
    return flat


def _statements(name: str, desired: t.Any, actual: t.Any, partition: str) -> Document:
    """Owned statements by Sid, compared by meaning; the others of the policy are named and not evaluated."""
    document = {"Statement": list(actual)} if isinstance(actual, (list, tuple)) else actual
    option = f"evidence.configuration.actual.{name}"
    found = dict(_policy.named_statements(_policy.parse(document, option=option, resource="it")))
    owned = {str(statement["Sid"]): statement for statement in desired}
    differences = []
    for sid, statement in owned.items():
        actual = found.get(sid)
        if actual is None:
            differences.append(_difference(sid, statement, None))
            continue
        for element in differing_elements(statement, actual, partition):
            differences.append(_difference(f"{sid}.{element}", statement.get(element), actual.get(element)))
    in_force = [found[sid] for sid in owned if sid in found]
    unmanaged = [sid for sid in found if sid not in owned]
    return _compared(name, desired, differences, actual=in_force, unmanaged_statements=unmanaged)
