# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of object_encryption_info as evidence: complete, consistent, bounded. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.coffer.velero.plugins.module_utils._objects.model import VERDICTS
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.module_utils._report.part import Part

Told = dict[str, t.Any]

#: The most entries of each list. The complete list of objects is a file of its own.
MOST = 1000
_KINDS = ("backup", "restore", "kopia", "other")
_RERUN = "Give the result of coffer.velero.object_encryption_info as it is."


def objects_of(result: Part, profile: StorageProfile) -> Told:
    """The objects in the words of the document.

    :raises ValidationError: where the result is of another place than the profile, or contradicts itself
    """
    _refuse_another_place(result, profile)
    counts = _counts(_required(result, "counts"))
    groups = [_group(part) for part in result.parts("groups")]
    keys = [_key(part) for part in result.parts("by_key")]
    offenders = [_offender(part) for part in result.parts("offenders")]
    uploads = [_upload(part) for part in result.parts("unfinished_uploads")]
    told = {
        "verdict": verdict_of(counts),
        "counts": counts,
        "delete_markers": result.number("delete_markers"),
        "by_algorithm": _numbers(result.part("by_algorithm")),
        "by_key": sorted(keys, key=lambda key: -int(key["count"]))[:MOST],
        "by_key_omitted": max(len(keys) - MOST, 0),
        "groups": groups[:MOST],
        "groups_omitted": result.number("groups_omitted") + max(len(groups) - MOST, 0),
        "offenders": offenders[:MOST],
        "offenders_omitted": result.number("offenders_omitted") + max(len(offenders) - MOST, 0),
        "unfinished_uploads": uploads[:MOST],
        "unfinished_uploads_omitted": max(len(uploads) - MOST, 0),
        "notes": result.texts("notes")[:MOST],
    }
    _refuse_contradiction(result, told)
    return told


def verdict_of(counts: Mapping[str, int]) -> str:
    """The verdict on all of it; the one that was handed over is only checked against it.

    Where everything was deleted meanwhile there is nothing that could be called proven.
    """
    if counts["total"] == counts["gone"]:
        return "empty"
    if counts["wrong"]:
        return "wrong"
    return "incomplete" if counts["unreadable"] or counts["unproven"] else "proven"


def _refuse_another_place(result: Part, profile: StorageProfile) -> None:
    bucket, prefix = result.text("bucket"), (result.text("prefix") or "").strip("/")
    if (bucket, prefix) != (profile.bucket, profile.prefix):
        place = f"{profile.bucket}/{profile.prefix}"
        result.refuse(f"is of {bucket}/{prefix}, the profile is of {place}", "Look at the objects of the profile.")


def _refuse_contradiction(result: Part, told: Told) -> None:
    """Evidence that contradicts itself is none."""
    counts = told["counts"]
    if counts["total"] != sum(counts[verdict] for verdict in VERDICTS):
        result.refuse("has a total that is not the sum of its verdicts", _RERUN, "counts")
    said = result.text("verdict")
    if said not in (None, told["verdict"]):
        result.refuse(f"is {said}, its counts say {told['verdict']}", _RERUN, "verdict")
    if sum(told["by_algorithm"].values()) > counts["total"]:
        result.refuse("has more objects than there are", _RERUN, "by_algorithm")
    named = len(told["offenders"]) + told["offenders_omitted"]
    if named != counts["wrong"] + counts["unreadable"]:
        result.refuse("has another number of objects than counts", _RERUN, "offenders")


def _required(result: Part, name: str) -> Part:
    return result.part(name) or result.refuse("is missing", _RERUN, name)


def _numbers(part: Part | None) -> dict[str, int]:
    return {str(name): part.number(name) for name in sorted(part.values)} if part else {}


def _counts(part: Part | None) -> dict[str, int]:
    part = part or Part("counts", {})
    return {name: part.number(name) for name in ("total", *VERDICTS)}


def _choice(part: Part, name: str, choices: tuple[str, ...]) -> str:
    value = part.text(name)
    return value if value in choices else part.refuse(f"is none of {', '.join(choices)}", _RERUN, name)


def _group(part: Part) -> Told:
    return {
        "kind": _choice(part, "kind", _KINDS),
        "name": part.text("name") or "",
        "counts": _counts(part.part("counts")),
    }


def _key(part: Part) -> Told:
    return {
        "key_arn": part.text("key_arn"),
        "algorithm": part.text("algorithm"),
        "bucket_key_enabled": bool(part.flag("bucket_key_enabled")),
        "count": part.number("count"),
    }


def _offender(part: Part) -> Told:
    return {
        "key": str(part.get("key") or ""),
        "version_id": part.text("version_id"),
        "is_latest": bool(part.flag("is_latest")),
        "verdict": _choice(part, "verdict", ("wrong", "unreadable")),
        "reasons": part.texts("reasons"),
        "remediation": part.text("remediation"),
        "algorithm": part.text("algorithm"),
        "key_arn": part.text("key_arn"),
        "bucket_key_enabled": bool(part.flag("bucket_key_enabled")),
        "size": part.number("size"),
        "last_modified": part.text("last_modified"),
    }


def _upload(part: Part) -> Told:
    return {"key": str(part.get("key") or ""), **{name: part.text(name) for name in ("upload_id", "initiated")}}
