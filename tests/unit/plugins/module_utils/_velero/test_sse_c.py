# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for the Secret of a customer's key, which know its length alone."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._velero.sse_c import (
    DesiredSecret,
    SecretState,
    decide_secret,
)
from tests.support.refusal import refusal

PATH = "/api/v1/namespaces/velero/secrets"
MAY = DesiredSecret("velero", "velero-sse-c/key", create_if_missing=True)
MUST = DesiredSecret("velero", "velero-sse-c/key")


@pytest.mark.parametrize(
    ("current", "actions"),
    [
        (None, [f"POST {PATH}"]),
        (SecretState("7", None, immutable=False), [f"PATCH {PATH}/velero-sse-c"]),
        (SecretState("7", 32, immutable=False), []),
        (SecretState("7", 32, immutable=True), []),
    ],
)
def test_key_is_made_where_there_is_none(current: SecretState | None, actions: list[str]) -> None:
    plan = decide_secret(MAY, current)
    assert [step.action for step in plan.steps] == actions
    assert len(plan.warnings) == len(actions)


def test_key_is_kept_out_of_the_backups() -> None:
    """Velero backs up its own namespace too."""
    label = {"velero.io/exclude-from-backup": "true"}
    for current in (None, SecretState("7", None, immutable=False, excluded=False)):
        (step,) = decide_secret(MAY, current).steps
        assert step.arguments["body"]["metadata"]["labels"] == label
    assert decide_secret(MAY, SecretState("7", 32, immutable=False, excluded=False)).warnings == (
        'Secret "velero-sse-c" in namespace velero has no label velero.io/exclude-from-backup=true, so that a backup '
        "of this namespace contains the key to itself: kubectl -n velero label secret velero-sse-c "
        "velero.io/exclude-from-backup=true. Keep a copy of it outside the cluster and the bucket.",
    )
    assert not decide_secret(MAY, SecretState("7", 32, immutable=False)).warnings


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0, "holds 0 bytes, not 32. Give exactly 32 random bytes."),
        (33, "holds 33 bytes, not 32. It looks like 32 bytes and a line break"),
        (44, "holds 44 bytes, not 32. It looks like base64 of a key"),
        (45, "holds 45 bytes, not 32. It looks like base64 of a key and a line break"),
        (65, "holds 65 bytes, not 32. It looks like a key in hexadecimal and a line break"),
    ],
)
@pytest.mark.parametrize("desired", [MAY, MUST])
def test_key_of_another_length_is_never_replaced(desired: DesiredSecret, length: int, text: str) -> None:
    assert refusal(decide_secret, desired, SecretState("7", length, immutable=False)).startswith(
        f'secret: Secret "velero-sse-c/key" {text}'
    )


@pytest.mark.parametrize(
    ("desired", "current", "text"),
    [
        (MUST, None, "does not exist in namespace velero. Make it: head -c 32"),
        (MUST, SecretState("7", None, immutable=True), "does not exist in namespace velero."),
        (MAY, SecretState("7", None, immutable=True), "cannot be added to its Secret, which is immutable."),
    ],
)
def test_key_that_may_not_be_made(desired: DesiredSecret, current: SecretState | None, text: str) -> None:
    assert f'Secret "velero-sse-c/key" {text}' in refusal(decide_secret, desired, current)
