#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_metadata_info
short_description: Compare a Velero backup with what the bucket says of it
version_added: 0.1.0
description:
  - Reads C(velero-backup.json) of a backup from S3 and compares it with the Backup object of the cluster.
  - Velero sets a Backup to C(Completed) before it writes that to the bucket, and goes on where the write fails, for
    example because a key or a policy was changed meanwhile. The cluster then says C(Completed), the bucket says
    C(Finalizing), other clusters never see the backup, and after a loss of the cluster it cannot be restored.
  - Reads with the credentials of the task, which need C(s3:GetObject) on the object and C(kms:Decrypt) on its key.
    Velero offers this object to nobody (no DownloadRequest leads to it).
  - Sends 1 request. An object that cannot be read is an error; one that does not exist is a mismatch.
author: The coffer.velero authors (@coffer-velero)
options:
  bucket:
    description: Name of the bucket.
    type: str
    required: true
  prefix:
    description: Prefix of the backup location.
    type: str
    default: ''
  backup:
    description:
      - The Backup, as RV(coffer.velero.backup#module:backup) or RV(kubernetes.core.k8s_info#module:resources) has it.
    type: dict
    required: true
  customer_key:
    description: Key of a location with a customer's key (SSE-C), 32 bytes in base64.
    type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero.info
  - coffer.velero._velero.aws
seealso:
  - module: coffer.velero.backup
"""

EXAMPLES = r"""
- name: A backup
  coffer.velero.backup:
    name: nightly
    included_namespaces: [shop]
  register: nightly

- name: What the bucket says of it
  coffer.velero.backup_metadata_info:
    bucket: velero-backups
    prefix: production
    backup: "{{ nightly.backup }}"
  register: metadata
  failed_when: metadata.failed or not metadata.matches
"""

RETURN = r"""
matches:
  description: Whether the object exists and matches the Backup.
  returned: success
  type: bool
  sample: true
exists:
  description: Whether the object is there.
  returned: success
  type: bool
  sample: true
key:
  description: Key of the object.
  returned: success
  type: str
  sample: production/backups/nightly/velero-backup.json
mismatches:
  description: The fields in which the two differ, with both values.
  returned: success
  type: list
  elements: dict
  sample:
    - {field: status.phase, backup: Completed, metadata: Finalizing}
remediation:
  description: What to do, where they do not match.
  returned: when RV(matches) is false
  type: str
  sample: Make another backup, and delete this one.
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module
from ansible_collections.coffer.velero.plugins.module_utils._velero.metadata import REMEDY, mismatches
from ansible_collections.coffer.velero.plugins.module_utils._velero.metadata_api import read_metadata

SPEC = aws_spec(
    {
        "bucket": {"type": "str", "required": True},
        "prefix": {"type": "str", "default": ""},
        "backup": {"type": "dict", "required": True},
        "customer_key": {"type": "str", "no_log": True},
    }
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    backup = params["backup"]
    key, written = read_metadata(Aws(params), params["bucket"], params["prefix"], backup, params["customer_key"])
    found = mismatches(backup, written) if written is not None else []
    matches = written is not None and not found
    result = {"changed": False, "key": key, "exists": written is not None, "matches": matches, "mismatches": found}
    return result if matches else {**result, "remediation": REMEDY}


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
