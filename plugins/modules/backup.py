#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup
short_description: Make a Velero backup and wait for its end, or delete one
version_added: 0.1.0
description:
  - Makes a Backup and waits until Velero is done with it, in any of the phases that Velero knows.
  - Names the cause where it fails or does not get further, with the layer that it is in and the remediation, from the
    server over its plugin, the location, the role, the key and the bucket to kopia's repository.
  - A Backup is carried out once. One that exists under the name is taken where its spec is the same, and refused where
    it is another; a failed one is reported again.
  - A phase of C(Completed) is what the cluster says. M(coffer.velero.backup_metadata_info) compares it with what Velero
    wrote to the bucket, and M(coffer.velero.object_encryption_info) says how it is encrypted.
  - A run that changes nothing sends 1 request where the backup is done.
author: The coffer.velero authors (@coffer-velero)
options:
  state:
    description:
      - V(present) makes sure that the backup was made.
      - V(absent) asks Velero to delete the backup, its objects, its snapshots and its restores (a DeleteBackupRequest),
        and waits until it is gone. What kopia wrote is only removed by Velero's maintenance of the repository, later.
      - A backup that failed its validation has no objects. Only its Backup is removed.
    type: str
    choices: ['present', 'absent']
    default: present
  storage_location:
    description: Name of the BackupStorageLocation; the default one where the option is not set.
    type: str
  ttl:
    description: How long to keep the backup, as in V(72h); the server's default of 30 days where it is not set.
    type: str
  snapshot_volumes:
    description: Whether to take snapshots of volumes; where it is not set, they are taken where there is a way to.
    type: bool
  snapshot_move_data:
    description: Whether to move the data of CSI snapshots into the bucket.
    type: bool
  default_volumes_to_fs_backup:
    description: Whether to copy the files of the pods' volumes with kopia, without a snapshot.
    type: bool
notes:
  - The credentials need, in O(namespace), C(get) and C(create) on C(backups) of C(velero.io),
    C(create) on C(deletebackuprequests) to delete one, and C(get) and C(list) on C(backupstoragelocations).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - coffer.velero._velero
  - coffer.velero._velero.k8s
  - coffer.velero._velero.operation
seealso:
  - module: coffer.velero.restore
  - module: coffer.velero.backup_metadata_info
  - module: coffer.velero.backup_storage_location
"""

EXAMPLES = r"""
- name: Back up a namespace
  coffer.velero.backup:
    name: shop-before-upgrade
    included_namespaces: [shop]
    ttl: 720h

- name: A small backup that proves the way to the bucket
  coffer.velero.backup:
    name: proof
    included_namespaces: [velero-proof]
    include_cluster_resources: false
    snapshot_volumes: false
    storage_location: default
    ttl: 1h

- name: Delete it, with its objects
  coffer.velero.backup:
    name: proof
    state: absent
"""

RETURN = r"""
name:
  description: Name of the Backup.
  returned: success
  type: str
  sample: proof
namespace:
  description: Namespace of the Backup.
  returned: success
  type: str
  sample: velero
spec:
  description: The spec; in check mode as it would be, before Velero completes it.
  returned: when O(state=present)
  type: dict
  sample: {includedNamespaces: [velero-proof], storageLocation: default, ttl: 1h0m0s}
phase:
  description: How the backup ended.
  returned: when O(wait=true) and O(state=present), not in check mode
  type: str
  sample: Completed
error_count:
  description: Number of items that could not be backed up.
  returned: when O(wait=true) and O(state=present), not in check mode
  type: int
  sample: 0
warning_count:
  description: Number of warnings.
  returned: when O(wait=true) and O(state=present), not in check mode
  type: int
  sample: 0
backup:
  description: The Backup with its status.
  returned: when O(wait=true) and O(state=present), not in check mode
  type: dict
  sample:
    apiVersion: velero.io/v1
    kind: Backup
    metadata: {name: proof, namespace: velero, uid: 0b0c5c4e-5c1e-4b8e-9d53-2f6f0f6f5a11}
    spec: {includedNamespaces: [velero-proof], storageLocation: default, ttl: 1h0m0s}
    status: {phase: Completed, completionTimestamp: '2026-11-24T07:00:00Z', progress: {itemsBackedUp: 4, totalItems: 4}}
error:
  description: Where Velero failed, in parts.
  returned: when Velero failed or did not get further
  type: dict
  sample:
    object: Backup "proof"
    state: Finalizing
    layer: key
    cause: Velero's role may not decrypt what it wrote (kms:Decrypt)
    remediation: Allow kms:GenerateDataKey and kms:Decrypt on the key to Velero's role.
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._kube import Kube, kube_spec
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module
from ansible_collections.coffer.velero.plugins.module_utils._velero.backup import DesiredBackup
from ansible_collections.coffer.velero.plugins.module_utils._velero.operation import OPTIONS
from ansible_collections.coffer.velero.plugins.module_utils._velero.operation_api import BackupResource, WaitOptions

SPEC = kube_spec(
    {
        **OPTIONS,
        "storage_location": {"type": "str"},
        "ttl": {"type": "str"},
        "snapshot_volumes": {"type": "bool"},
        "snapshot_move_data": {"type": "bool"},
        "default_volumes_to_fs_backup": {"type": "bool"},
    }
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    with Kube(params) as kube:
        resource = BackupResource(kube, DesiredBackup.of(params), params["state"] == "absent", WaitOptions.of(params))
        return {**task.reconcile(resource), **task.wait_for(resource.confirm)}


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
