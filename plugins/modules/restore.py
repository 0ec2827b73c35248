#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: restore
short_description: Restore from a Velero backup and wait for its end, or remove the record of a restore
version_added: 0.1.0
description:
  - Makes a Restore and waits until Velero is done with it, in any of the phases that Velero knows.
  - Names the cause where it fails or does not get further, with the layer that it is in and the remediation; see
    M(coffer.velero.backup).
  - A Restore is carried out once. One that exists under the name is taken where its spec is the same, and refused where
    it is another; a failed one is reported again.
  - A run that changes nothing sends 1 request where the restore is done.
author: The coffer.velero authors (@coffer-velero)
options:
  state:
    description:
      - V(present) makes sure that the restore was made.
      - V(absent) removes the Restore, and waits until Velero has removed its logs and results from the bucket. What was
        restored stays.
    type: str
    choices: ['present', 'absent']
    default: present
  backup_name:
    description: Name of the Backup. Required for O(state=present).
    type: str
  namespace_mapping:
    description:
      - The namespace to restore into, by the name of the namespace in the backup. It is made where it is missing.
    type: dict
  existing_resource_policy:
    description:
      - What to do with an object that exists and differs. V(none) leaves it as it is, with a warning, as Velero does
        where the option is not set; V(update) tries to patch it.
    type: str
    choices: ['none', 'update']
  restore_pvs:
    description: Whether to restore volumes from snapshots.
    type: bool
notes:
  - The credentials need, in O(namespace), C(get) and C(create) on C(restores) of C(velero.io),
    C(delete) to remove one, C(get) on C(backups), and C(get) and C(list) on C(backupstoragelocations).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - coffer.velero._velero
  - coffer.velero._velero.k8s
  - coffer.velero._velero.operation
seealso:
  - module: coffer.velero.backup
"""

EXAMPLES = r"""
- name: Restore a namespace beside the original
  coffer.velero.restore:
    name: shop-again
    backup_name: shop-before-upgrade
    included_namespaces: [shop]
    namespace_mapping:
      shop: shop-again

- name: Remove its record; what was restored stays
  coffer.velero.restore:
    name: shop-again
    state: absent
"""

RETURN = r"""
name:
  description: Name of the Restore.
  returned: success
  type: str
  sample: shop-again
namespace:
  description: Namespace of the Restore.
  returned: success
  type: str
  sample: velero
spec:
  description: The spec; in check mode as it would be, before Velero completes it.
  returned: when O(state=present)
  type: dict
  sample: {backupName: shop-before-upgrade, includedNamespaces: [shop], namespaceMapping: {shop: shop-again}}
phase:
  description: How the restore ended.
  returned: when O(wait=true) and O(state=present), not in check mode
  type: str
  sample: Completed
error_count:
  description: Number of items that could not be restored.
  returned: when O(wait=true) and O(state=present), not in check mode
  type: int
  sample: 0
warning_count:
  description: Number of warnings.
  returned: when O(wait=true) and O(state=present), not in check mode
  type: int
  sample: 0
restore:
  description: The Restore with its status.
  returned: when O(wait=true) and O(state=present), not in check mode
  type: dict
  sample:
    apiVersion: velero.io/v1
    kind: Restore
    metadata: {name: shop-again, namespace: velero}
    spec: {backupName: shop-before-upgrade, namespaceMapping: {shop: shop-again}}
    status: {phase: Completed, completionTimestamp: '2026-11-24T07:00:00Z', progress: {itemsRestored: 4, totalItems: 4}}
error:
  description: Where Velero failed, in parts.
  returned: when Velero failed or did not get further
  type: dict
  sample:
    object: Restore "shop-again"
    state: Failed
    layer: key
    cause: the key is disabled, so that nothing under it can be written or read
    remediation: Enable it (coffer.velero.kms_key with enabled=true), and find out who disabled it.
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._kube import Kube, kube_spec
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module
from ansible_collections.coffer.velero.plugins.module_utils._velero.operation import OPTIONS
from ansible_collections.coffer.velero.plugins.module_utils._velero.operation_api import RestoreResource, WaitOptions
from ansible_collections.coffer.velero.plugins.module_utils._velero.restore import DesiredRestore

SPEC = kube_spec(
    {
        **OPTIONS,
        "backup_name": {"type": "str"},
        "namespace_mapping": {"type": "dict"},
        "existing_resource_policy": {"type": "str", "choices": ["none", "update"]},
        "restore_pvs": {"type": "bool"},
    },
    required_if=[("state", "present", ["backup_name"])],
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    with Kube(params) as kube:
        resource = RestoreResource(kube, DesiredRestore.of(params), params["state"] == "absent", WaitOptions.of(params))
        return {**task.reconcile(resource), **task.wait_for(resource.confirm)}


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
