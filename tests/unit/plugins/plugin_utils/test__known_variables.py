# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names are slips, and which are of somebody else."""

from __future__ import annotations

import pytest

from ansible_collections.coffer.velero.plugins.plugin_utils._known_variables import FOUND, OPTIONS, refuse_misspelt
from tests.support.refusal import refusal


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("velero_kms_key_arns", "velero_kms_key_arn"),
        ("velero_enviroment", "velero_environment"),
        ("velero_kms_previous_key_arn", "velero_kms_previous_key_arns"),
        ("kms_audit_trails", "kms_audit_trail"),
        ("backup_proof_name_space", "backup_proof_namespace"),
    ],
)
def test_slips(name: str, meant: str) -> None:
    text = refusal(refuse_misspelt, ["other", name])
    assert text == f"{name}: it is no variable of the roles. Did you mean {meant}? Rename it."


def test_others() -> None:
    refuse_misspelt([*OPTIONS, *FOUND, "velero_version", "velero_chart_values", "kms_key_id", "valero_bucket", "x"])
