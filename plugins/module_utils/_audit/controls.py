# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every control, in the order in which they are told. Pure. PRIVATE to coffer.velero.

Titles, severities and requirements of those that are not ours are Security Hub's ("Security Hub CSPM controls for
Amazon S3", "... AWS KMS", "... CloudTrail", "... CloudWatch", "... Amazon SNS"). docs/controls.md is made of it.

A control passes only as it is written: where it speaks of all buckets or all trails, those of
Velero are not enough.
"""

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils._audit.access import ACCESS
from ansible_collections.coffer.velero.plugins.module_utils._audit.bucket import BUCKET
from ansible_collections.coffer.velero.plugins.module_utils._audit.key import KEY
from ansible_collections.coffer.velero.plugins.module_utils._audit.model import Control
from ansible_collections.coffer.velero.plugins.module_utils._audit.notice import NOTICE
from ansible_collections.coffer.velero.plugins.module_utils._audit.trail import TRAIL

GROUPS: tuple[tuple[str, tuple[Control, ...]], ...] = (
    ("The key", KEY),
    ("The bucket", BUCKET),
    ("Roles and access", ACCESS),
    ("The trail", TRAIL),
    ("What notices", NOTICE),
)
CONTROLS: tuple[Control, ...] = tuple(control for _title, controls in GROUPS for control in controls)
