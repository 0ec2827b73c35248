# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every control, in the order in which the findings list them. Pure. PRIVATE to coffer.velero.

Titles and severities of the Security Hub controls are Security Hub's ("Security Hub CSPM controls for Amazon S3", "...
AWS KMS", "... CloudTrail", "... CloudWatch", "... Amazon SNS"). docs/controls.md is generated from this table.
"""

from __future__ import annotations

from .access import ACCESS
from .bucket import BUCKET
from .key import KEY
from .lifecycle import LIFECYCLE
from .model import Control
from .monitoring import MONITORING
from .trail import TRAIL

GROUPS: tuple[tuple[str, tuple[Control, ...]], ...] = (
    ("KMS key", KEY),
    ("S3 bucket", BUCKET),
    ("IAM roles and policies", ACCESS),
    ("CloudTrail trail", TRAIL),
    ("Monitoring and alerting", MONITORING),
    ("Lifecycle rules", LIFECYCLE),
)
CONTROLS: tuple[Control, ...] = tuple(control for _title, controls in GROUPS for control in controls)
