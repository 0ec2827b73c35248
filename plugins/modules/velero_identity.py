#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: velero_identity
short_description: Give Velero's pods an IAM role (IRSA)
version_added: 0.1.0
description:
  - Annotates Velero's ServiceAccount with the role, and restarts the pods of the server and of node-agent where they do
    not run with it yet, for EKS gives a pod its role only when the pod is created.
  - Finds Velero by what its containers run, so that C(velero install), Helm and OADP are the same.
  - Refuses where Velero's containers have a credential of their own, by which the SDK would not take the role - an
    access key, a credentials file, a profile, another role or container credentials in the environment, also from a
    Secret or ConfigMap that C(envFrom) names, or a volume at C(~/.aws) - and where Velero runs as another
    ServiceAccount than O(service_account).
  - Never restarts pods under a running backup or restore, which the new server would mark Failed. One that begins in
    the moment of the restart cannot be excluded.
  - The ServiceAccount and the pod templates get the annotation C(coffer.velero/identity-revision), by which a later run
    knows which pods are up to date. So the first run for an existing installation restarts its pods once.
  - The ServiceAccount is not created; Velero's installation creates it.
  - A task that changes something warns where the Secret C(velero-repo-credentials), the password of Velero's
    repositories, is not kept out of Velero's own backups (C(velero.io/exclude-from-backup)).
  - A run that changes nothing sends 3 requests, and 1 for each Secret or ConfigMap that C(envFrom) of Velero's
    containers names.
author: The coffer.velero authors (@coffer-velero)
options:
  service_account:
    description:
      - ServiceAccount that Velero runs as. Where it is not set, that of the Velero server, which C(velero install)
        calls V(velero) and the Helm chart V(velero-server).
    type: str
  role_arn:
    description: ARN of the role. Required for O(state=present).
    type: str
  state:
    description:
      - V(present) gives the pods the role.
      - V(absent) takes the annotation of the role away and restarts the pods.
    type: str
    choices: ['present', 'absent']
    default: present
  wait:
    description:
      - Whether to wait until all pods are new, the server answers a ServerStatusRequest and has the plugin
        C(velero.io/aws), also where an earlier run was cut before it could.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait for that, over all.
    type: int
    default: 300
  backup_timeout:
    description:
      - Seconds to wait for running backups and restores to end before pods are restarted; the task fails where they do
        not. V(0) fails at once. What has not moved for an hour is named as stuck, with what ends it.
      - Nothing is waited for where no pods have to be restarted, and where the server is down anyway.
    type: int
    default: 0
  ebs_snapshots:
    description:
      - Whether the role has the permissions for EBS snapshots. With V(false) a task that changes something warns of the
        VolumeSnapshotLocations that would need them.
    type: bool
  location:
    description:
      - Name of the BackupStorageLocation that the role is for. Where the pods have another role, by which Velero
        reaches other locations too, the task is refused, since the new role need not have the permissions for their
        buckets. A location with a credential of its own does not need the role.
    type: str
  replace_role:
    description: Whether to replace a role, or take it away, by which Velero reaches other locations.
    type: bool
    default: false
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - coffer.velero._velero
  - coffer.velero._velero.k8s
seealso:
  - module: coffer.velero.iam_role
  - module: coffer.velero.backup_storage_location
"""

EXAMPLES = r"""
- name: Velero runs as its own role
  coffer.velero.velero_identity:
    role_arn: arn:aws:iam::111122223333:role/velero

- name: An installation by Helm, with patience for the nightly backup
  coffer.velero.velero_identity:
    role_arn: arn:aws:iam::111122223333:role/velero
    backup_timeout: 3600

- name: Take the role away
  coffer.velero.velero_identity:
    state: absent
"""

RETURN = r"""
namespace:
  description: Namespace of Velero.
  returned: success
  type: str
  sample: velero
service_account:
  description: ServiceAccount of Velero.
  returned: success
  type: str
  sample: velero
audience:
  description:
    - Audience of the tokens that EKS gives the pods, by the annotation C(eks.amazonaws.com/audience) of the
      ServiceAccount. The role's trust policy must name it.
  returned: success
  type: str
  sample: sts.amazonaws.com
role_arn:
  description: ARN of the role; V(null) for none.
  returned: success
  type: str
  sample: arn:aws:iam::111122223333:role/velero
workloads:
  description: What runs as the ServiceAccount.
  returned: success
  type: list
  elements: str
  sample: [Deployment/velero, DaemonSet/node-agent]
restarted:
  description: Workloads whose pods were restarted, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [Deployment/velero, DaemonSet/node-agent]
rolled_out:
  description:
    - Whether all pods were up and made from the present template when the task began. V(false) where an earlier run was
      interrupted while it waited for them.
  returned: success and O(state=present)
  type: bool
  sample: true
server_version:
  description: Version of the Velero server that answered.
  returned: when pods were restarted and O(wait=true)
  type: str
  sample: v1.18.3
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATE
from ansible_collections.coffer.velero.plugins.module_utils._kube import Kube, kube_spec
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module
from ansible_collections.coffer.velero.plugins.module_utils._velero.identity import DesiredIdentity
from ansible_collections.coffer.velero.plugins.module_utils._velero.identity_api import IdentityResource

SPEC = kube_spec(
    {
        "service_account": {"type": "str"},
        "role_arn": {"type": "str"},
        **STATE,
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": 300},
        "backup_timeout": {"type": "int", "default": 0},
        "ebs_snapshots": {"type": "bool"},
        "location": {"type": "str"},
        "replace_role": {"type": "bool", "default": False},
    },
    required_if=[("state", "present", ["role_arn"])],
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    absent = params["state"] == "absent"
    role_arn = None if absent else params["role_arn"]
    desired = DesiredIdentity(params["namespace"], params["service_account"] or None, role_arn)
    desired.refuse_contradictions(absent=absent)
    wait_timeout = params["wait_timeout"] if params["wait"] else None
    with Kube(params) as kube:
        resource = IdentityResource(
            kube,
            desired,
            params["backup_timeout"],
            wait_timeout,
            params["ebs_snapshots"],
            params["location"],
            params["replace_role"],
        )
        return {**task.reconcile(resource), **task.wait_for(resource.confirm)}


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
