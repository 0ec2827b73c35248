# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sentences of errors, and what they keep for whoever catches them."""

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils._errors import ConflictError, ServiceError, ValidationError


def test_refusal_names_option_object_reason_and_remediation() -> None:
    refused = ValidationError("bucket", "acme", "is taken", "Choose another one.")
    assert str(refused) == "bucket: acme is taken. Choose another one."
    assert (refused.option, refused.resource, refused.reason) == ("bucket", "acme", "is taken")
    assert refused.remediation == "Choose another one."


def test_error_of_a_service_with_its_hint() -> None:
    error = ServiceError("kms:DescribeKey", "AccessDeniedException", "no.", status=400, hint="Ask for it.")
    assert str(error) == "kms:DescribeKey failed: AccessDeniedException: no. Ask for it."
    error.add_hint("Try again.")
    assert str(error) == "kms:DescribeKey failed: AccessDeniedException: no. Ask for it. Try again."
    assert (error.action, error.code, error.status) == ("kms:DescribeKey", "AccessDeniedException", 400)
    assert str(ConflictError(error)) == str(error)
