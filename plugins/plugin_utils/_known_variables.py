# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which variables the roles know, so that one that is misspelt is not ignored. PRIVATE to coffer.velero.

A test compares the lists with the argument specs and the tasks of the roles.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError

#: What a user may set: the options of all argument specs.
OPTIONS = frozenset(
    [
        "backup_location_wait",
        "backup_location_wait_timeout",
        "backup_proof_dest",
        "backup_proof_max_requests_per_second",
        "backup_proof_namespace",
        "backup_proof_versions",
        "backup_proof_wait_timeout",
        "kms_audit_backup_schedule_hours",
        "kms_audit_bucket",
        "kms_audit_data_events",
        "kms_audit_fail_on",
        "kms_audit_kms_alias",
        "kms_audit_log_group_name",
        "kms_audit_log_retention_in_days",
        "kms_audit_subscriptions",
        "kms_audit_topic_arn",
        "kms_audit_trail",
        "kms_audit_trail_name",
        "kms_audit_usage_hours",
        "velero_access_mode",
        "velero_account_id",
        "velero_audit",
        "velero_backup_location_name",
        "velero_backup_sync_period",
        "velero_bucket",
        "velero_bucket_key_enabled",
        "velero_bucket_versioning",
        "velero_ca_cert",
        "velero_checksum_algorithm",
        "velero_cluster_name",
        "velero_credential",
        "velero_credential_profile",
        "velero_default_location",
        "velero_ebs_kms_key_arns",
        "velero_ebs_snapshots",
        "velero_encryption_mode",
        "velero_environment",
        "velero_irsa_backup_timeout",
        "velero_irsa_replace_role",
        "velero_irsa_wait",
        "velero_irsa_wait_timeout",
        "velero_kms_alias",
        "velero_kms_key_administrators",
        "velero_kms_key_arn",
        "velero_kms_previous_key_arns",
        "velero_kms_rotation_period_in_days",
        "velero_kms_tag_with_alias",
        "velero_manage_bucket",
        "velero_namespace",
        "velero_object_tagging",
        "velero_oidc_issuer_url",
        "velero_policy_name",
        "velero_policy_path",
        "velero_prefix",
        "velero_proof",
        "velero_accept_objects_before",
        "velero_accept_objects_until",
        "velero_proof_backup",
        "velero_public_url",
        "velero_region",
        "velero_role_max_session_duration",
        "velero_role_name",
        "velero_role_path",
        "velero_role_permissions_boundary",
        "velero_s3_force_path_style",
        "velero_s3_url",
        "velero_service_account",
        "velero_sse_c_create_if_missing",
        "velero_sse_c_secret",
        "velero_tags",
        "velero_update_encryption_arns",
        "velero_uses_kopia",
        "velero_validation_frequency",
    ]
)
#: What the roles set themselves.
FOUND = frozenset(
    [
        "backup_location_result",
        "backup_location_sse_c_secret",
        "backup_proof_backup",
        "backup_proof_metadata",
        "backup_proof_objects",
        "backup_proof_report",
        "backup_proof_restore",
        "bucket_encryption_bucket",
        "bucket_encryption_policy",
        "bucket_encryption_result",
        "kms_audit_alarms",
        "kms_audit_bucket_policy",
        "kms_audit_dashboard",
        "kms_audit_delivery_policy",
        "kms_audit_delivery_role",
        "kms_audit_key",
        "kms_audit_key_policy",
        "kms_audit_log_bucket",
        "kms_audit_log_group",
        "kms_audit_log_group_arn",
        "kms_audit_metric_filters",
        "kms_audit_own_trail",
        "kms_audit_recording_trail",
        "kms_audit_records_writes",
        "kms_audit_result",
        "kms_audit_rules",
        "kms_audit_topic",
        "kms_audit_usage",
        "kms_key_result",
        "velero_caller",
        "velero_irsa_identity",
        "velero_irsa_key_policy",
        "velero_irsa_oidc_provider",
        "velero_irsa_policy",
        "velero_irsa_role",
        "velero_kms_key_is_foreign",
        "velero_plan_active",
        "velero_plan_applied",
        "velero_plan_applies",
        "velero_plan_changes",
        "velero_plan_is_due",
        "velero_plan_is_verified",
        "velero_plan_profile_digest",
        "velero_plan_proof_is_due",
        "velero_plan_verified_profile",
        "velero_policy_arn",
        "velero_profile",
        "velero_profile_errors",
        "velero_role_arn",
        "velero_uses_kms",
    ]
)
_PREFIXES = tuple(sorted({"_".join(name.split("_")[:2]) + "_" for name in OPTIONS if not name.startswith("velero_")}))
#: How alike two names are where one is taken for the other with a slip; ``velero_version`` is nobody's slip.
_ALIKE = 0.85


def refuse_misspelt(names: Iterable[str]) -> None:
    """Refuse a name that is nearly that of a variable.

    :raises ValidationError: with the name that was meant
    """
    for name in sorted(map(str, names)):
        if not name.startswith(("velero_", *_PREFIXES)) or name in OPTIONS or name in FOUND:
            continue
        if near := get_close_matches(name, OPTIONS, 1, _ALIKE):
            raise ValidationError(name, "it", "is no variable of the roles", f"Did you mean {near[0]}? Rename it.")
