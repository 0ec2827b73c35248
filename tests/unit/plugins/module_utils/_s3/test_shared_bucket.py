# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What another installation in the bucket needs of its default encryption."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._documents import bucket_policy_statements
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.module_utils._s3.encryption import DesiredEncryption
from ansible_collections.coffer.velero.plugins.module_utils._s3.shared_bucket import refuse_conflicting_requirements
from tests.support.refusal import refusal

BUCKET = "velero-backups"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = KEY.replace("1234abcd", "abcd1234")
REMEDY = (
    "A bucket has one default encryption, and kopia's objects follow nothing else: keep to it, or use a bucket of its "
    "own. If that is this installation, say so with prefix. If it is gone, or changes too, remove its statements by "
    "their Sids with coffer.velero.s3_bucket_policy; its next run brings the new ones."
)

Document = dict[str, Any]


def statements(mode: str, prefix: str = "first", key: str = KEY) -> list[Document]:
    values = {
        "account_id": "111122223333",
        "region": "eu-central-1",
        "bucket": BUCKET,
        "prefix": prefix,
        "encryption_mode": mode,
        "kms_key_arn": key if "kms" in mode else None,
    }
    return bucket_policy_statements(StorageProfile.parse(values))


def rule(mode: str, key: str | None = KEY) -> Document:
    """The result of the module, of which these count."""
    return {
        "sse_algorithm": {"sse-kms": "aws:kms", "dsse-kms": "aws:kms:dsse"}.get(mode, "AES256"),
        "kms_master_key_id": key if "kms" in mode else None,
        "blocked_encryption_types": ["NONE" if mode == "sse-c" else "SSE-C"],
    }


def check(there: list[Document], desired: Document, prefix: str = "second") -> None:
    here = DesiredEncryption(bucket=BUCKET, region="eu-central-1", algorithm="AES256", prefix=prefix)
    refuse_conflicting_requirements({"Statement": there}, desired, objects_arn=here.objects_arn)


def sid(there: list[Document], purpose: str) -> str:
    (found,) = [one["Sid"] for one in there if one["Sid"].startswith(f"VeleroDeny{purpose}")]
    return str(found)


MODES = ("sse-s3", "sse-kms", "dsse-kms", "sse-c")


@pytest.mark.parametrize("prefix", ["first", ""])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("desired", MODES)
def test_only_the_same_mode_goes_together(desired: str, mode: str, prefix: str) -> None:
    """But for sse-c beside sse-s3: it takes a block away, and the default stays SSE-S3."""
    there = statements(mode, prefix)
    if mode == desired or (mode, desired) == ("sse-s3", "sse-c"):
        return check(there, rule(desired))
    place = f"arn:aws:s3:::{BUCKET}/first/*" if prefix else f"arn:aws:s3:::{BUCKET}/*"
    purpose = "CustomerKeys" if mode == "sse-c" else "OtherAlgorithm"
    option, given, requirement = (
        "sse_algorithm",
        rule(desired)["sse_algorithm"],
        f"requires {rule(mode)['sse_algorithm']}",
    )
    if (mode, desired) == ("sse-c", "sse-s3"):
        option, given, requirement = "blocked_encryption_types", "SSE-C", "lets SSE-C in"
    assert refusal(check, there, rule(desired)) == (
        f"{option}: {given} is not what another installation in the bucket relies on: the statement "
        f"{sid(there, purpose)} for {place} {requirement}. {REMEDY}"
    )
    return None


@pytest.mark.parametrize("mode", ["sse-kms", "dsse-kms"])
def test_another_key_is_refused(mode: str) -> None:
    there = statements(mode)
    assert refusal(check, there, rule(mode, OTHER_KEY)) == (
        f"kms_master_key_id: {OTHER_KEY} is not what another installation in the bucket relies on: the statement "
        f"{sid(there, 'OtherKey')} for arn:aws:s3:::{BUCKET}/first/* requires {KEY}. {REMEDY}"
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("desired", MODES)
def test_an_installation_may_change_its_own_mode_and_key(desired: str, mode: str) -> None:
    for prefix in ("first", ""):
        check(statements(mode, prefix), rule(desired, OTHER_KEY), prefix=prefix)


@pytest.mark.parametrize("mode", ["sse-s3", "sse-c"])
def test_what_an_earlier_mode_left_behind_does_not_count(mode: str) -> None:
    """Statements of the same Sid are replaced; the others stay."""
    merged = {one["Sid"]: one for one in [*statements("sse-kms"), *statements(mode)]}
    check(list(merged.values()), rule(mode, None))
    merged = {one["Sid"]: one for one in [*statements(mode), *statements("sse-kms")]}
    check(list(merged.values()), rule("sse-kms"))


@pytest.mark.parametrize(
    "unmanaged",
    [
        {"Sid": "DenyOtherKey", "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}},
        {"Sid": "VeleroDenyOtherAlgorithm12345678", "Condition": {"StringEquals": {"aws:PrincipalTag/a": "b"}}},
        {"Sid": "VeleroDenyOtherKey12345678"},
        {},
    ],
)
def test_foreign_statements_say_nothing(unmanaged: Document) -> None:
    check([{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", **unmanaged}], rule("sse-kms"))


def test_a_bucket_without_policy() -> None:
    refuse_conflicting_requirements(None, rule("sse-kms"), objects_arn=f"arn:aws:s3:::{BUCKET}/*")
