# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of docs/modes.md says what the documents say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.coffer.velero.plugins.module_utils import _documents
from ansible_collections.coffer.velero.plugins.module_utils._profile import MODES, StorageProfile

PAGE = Path(__file__).resolve().parents[3] / "docs" / "modes.md"
PAGE_LINES = 60
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd"


def profile(mode: str, **values: Any) -> StorageProfile:
    base = {
        "account_id": "111122223333",
        "region": "eu-central-1",
        "bucket": "acme-backups",
        "encryption_mode": mode,
        "kms_key_arn": KEY if mode.endswith("kms") else None,
        "kms_key_administrators": ["arn:aws:iam::111122223333:role/admin"],
        "role_arns": ["arn:aws:iam::111122223333:role/velero"],
        "oidc_issuer_url": "https://oidc.example.com",
    }
    return StorageProfile.parse(base | values)


def default(of: StorageProfile) -> dict[str, Any]:
    return dict(_documents.encryption_rule(of)["ApplyServerSideEncryptionByDefault"])


def code(*values: str) -> str:
    return ", ".join(f"`{value}`" for value in values).replace(KEY, "KEY") or "-"


def bucket_key(of: StorageProfile) -> str:
    on, off = (
        _documents.encryption_rule(profile(of.encryption_mode, bucket_key_enabled=wish))["BucketKeyEnabled"]
        for wish in (True, False)
    )
    return "`velero_bucket_key_enabled`" if on and not off else "no"


def location(of: StorageProfile) -> str:
    config = _documents.backup_storage_location_spec(of)["config"]
    return code(*(f"{name}: {value}" for name, value in config.items() if name != "region"))


def iam(of: StorageProfile) -> str:
    actions = [statement["Action"] for statement in _documents.iam_policy(of)["Statement"]]
    flat = [action for group in actions for action in (group if isinstance(group, list) else [group])]
    return code(*(action for action in flat if action.startswith("kms:")))


def purposes(statements: list[dict[str, Any]], prefix: str) -> str:
    mine = _documents.sid(profile("sse-s3"), "")[-8:]
    return code(*(statement["Sid"].removeprefix(prefix).partition(mine)[0] for statement in statements))


ROWS: dict[str, Callable[[StorageProfile], str]] = {
    "Bucket's default: algorithm": lambda of: code(default(of)["SSEAlgorithm"]),
    "Bucket's default: key": lambda of: code(*filter(None, [default(of).get("KMSMasterKeyID")])),
    "Bucket's default: Bucket Key": bucket_key,
    "Bucket's default: blocked": lambda of: code(
        *_documents.encryption_rule(of)["BlockedEncryptionTypes"]["EncryptionType"]
    ),
    "Backup location: `config`": location,
    "Bucket policy: `VeleroDeny...`": lambda of: purposes(_documents.bucket_policy_statements(of), "VeleroDeny"),
    "IAM policy: beside S3": iam,
    "Key policy: `Velero...`": lambda of: purposes(_documents.key_policy_statements(of), "Velero"),
    "Trust policy: `Velero...`": lambda of: code(
        *{s["Sid"][:20].removeprefix("Velero") for s in _documents.trust_policy_statements(of)}
    ),
}


def table() -> str:
    """The table as it should be: what to paste into the page where this test fails."""
    lines = [["Document", *(f"`{mode}`" for mode in MODES)], ["---"] * (len(MODES) + 1)]
    lines += [[row, *(cell(profile(mode)) for mode in MODES)] for row, cell in ROWS.items()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def test_table() -> None:
    assert table() in PAGE.read_text()


def test_page_is_short() -> None:
    assert len(PAGE.read_text().splitlines()) <= PAGE_LINES
