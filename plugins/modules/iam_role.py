#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_role
short_description: Manage the IAM role that Velero runs as
version_added: 0.1.0
description:
  - Creates a role with its trust policy and attaches managed policies, or brings an existing role to that state.
  - Owns the trust statements that it is given, by their C(Sid), and the policies that it is given. Trust statements and
    attachments of others are kept and named, unless purging them is asked for.
  - Never creates an instance profile and never touches inline policies but for O(state=absent) with O(purge_policies).
  - A policy that was created a moment ago may not exist everywhere in IAM yet; attaching it is tried again for up to
    15 seconds.
  - IAM lets the later of two runs at once take back what the earlier one has put into the trust policy. So a second
    after a change of it the module looks whether its own statements are still there, and puts them in again where they
    are not.
  - A run that changes nothing sends 2 requests.
author: The coffer.velero authors (@coffer-velero)
options:
  name:
    description: Name of the role, by which it is found. Names are unique in an account, whatever the path.
    type: str
    required: true
  path:
    description:
      - Path of the role, V(/) for a new one where it is not set. IAM cannot move a role, so a role at another path is
        an error, in check mode too. So is one whose name differs in its case alone.
    type: str
  state:
    description:
      - V(present) makes sure that the role exists as described.
      - V(absent) takes the statements of O(trust_statements) and O(absent_sids) out. Where neither is given, or no
        other statement is left, it detaches the policies that O(managed_policies) names and deletes the role. A role
        that has other policies, attached or inline, is not deleted without O(purge_policies), and one in an instance
        profile never is.
    type: str
    choices: ['present', 'absent']
    default: present
  trust_statements:
    description:
      - Statements of the trust policy (C(AssumeRolePolicyDocument)), each with a C(Sid), by which it is found again.
        A statement with the same C(Sid) is replaced where it means something else, and one that is missing is added.
      - The filter P(coffer.velero.trust_policy_statements#filter) makes the statements for IRSA.
      - A role that does not exist needs at least one.
      - An C(Allow) for an OIDC provider must have a condition on C(<issuer>:sub) that requires a namespace and a
        ServiceAccount in it (C(StringEquals), C(StringEqualsIgnoreCase) or C(StringLike)); without it every
        ServiceAccount of the cluster could assume the role. Only in place of the ServiceAccount may a wildcard stand
        alone.
    type: list
    elements: dict
  purge_trust_statements:
    description:
      - Whether trust statements that O(trust_statements) does not name are removed. They are kept by default, and a
        warning names those that let others assume the role.
    type: bool
    default: false
  absent_sids:
    description: The Sids of trust statements that must not be there.
    type: list
    elements: str
    default: []
    aliases: ['sids']
  managed_policies:
    description:
      - ARNs of managed policies to attach. Names are not taken, since finding a policy by its name means listing every
        policy of AWS.
    type: list
    elements: str
  purge_policies:
    description:
      - Whether policies that O(managed_policies) does not name are detached. With O(state=absent), whether they are
        detached, and inline policies deleted, to delete the role.
    type: bool
    default: false
  description:
    description: Description of the role.
    type: str
  max_session_duration:
    description:
      - Seconds that a session may last, 3600 to 43200; IAM's default for a new role is 3600.
      - kopia in Velero keeps the credentials it started with, so a session that is shorter than the longest backup ends
        it with C(The provided token has expired).
    type: int
  permissions_boundary:
    description: ARN of the managed policy that bounds what the role may do. An empty string removes the boundary.
    type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero
  - coffer.velero._velero.aws
  - coffer.velero._velero.replace_sids
  - coffer.velero._velero.tags
"""

EXAMPLES = r"""
- name: The role of Velero's ServiceAccount
  coffer.velero.iam_role:
    name: velero
    trust_statements:
      - Sid: VeleroServiceAccount
        Effect: Allow
        Principal:
          Federated: arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE
        Action: sts:AssumeRoleWithWebIdentity
        Condition:
          StringEquals:
            oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE:aud: sts.amazonaws.com
            oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE:sub: system:serviceaccount:velero:velero
    managed_policies: [arn:aws:iam::111122223333:policy/velero-backups]
    tags:
      service: velero
  register: role

- name: The same by EKS Pod Identity
  coffer.velero.iam_role:
    name: velero
    trust_statements:
      - Sid: VeleroPodIdentity
        Effect: Allow
        Principal:
          Service: pods.eks.amazonaws.com
        Action: [sts:AssumeRole, sts:TagSession]
        Condition:
          StringEquals:
            aws:RequestTag/kubernetes-namespace: velero
            aws:RequestTag/kubernetes-service-account: velero
    managed_policies: [arn:aws:iam::111122223333:policy/velero-backups]

- name: Take the role away
  coffer.velero.iam_role:
    name: velero
    managed_policies: [arn:aws:iam::111122223333:policy/velero-backups]
    state: absent
"""

RETURN = r"""
role_arn:
  description: ARN of the role, in check mode that of the role that would be created.
  returned: when the role exists or would be created
  type: str
  sample: arn:aws:iam::111122223333:role/velero
role_id:
  description: Unique id of the role. In check mode that of a role that would be created ends in zeros.
  returned: when O(state=present)
  type: str
  sample: AROA1234567890EXAMPLE
role_name:
  description: Name of the role.
  returned: success
  type: str
  sample: velero
path:
  description: Path of the role.
  returned: when O(state=present)
  type: str
  sample: /
description:
  description: Description of the role.
  returned: when O(state=present)
  type: str
  sample: Velero in the production cluster
trust_statements:
  description: All statements of the trust policy.
  returned: when O(state=present)
  type: list
  elements: dict
  sample:
    - Sid: VeleroPodIdentity
      Effect: Allow
      Principal: {Service: pods.eks.amazonaws.com}
      Action: ['sts:AssumeRole', 'sts:TagSession']
kept_trust_statements:
  description: The trust statements of others, by C(Sid), else by position such as V(#2).
  returned: when O(state=present)
  type: list
  elements: str
  sample: ['BreakGlass']
managed_policies:
  description: ARNs of all attached policies; empty where O(managed_policies) is not set.
  returned: when O(state=present)
  type: list
  elements: str
  sample: ['arn:aws:iam::111122223333:policy/velero-backups']
kept_policies:
  description: ARNs of the attached policies that O(managed_policies) does not name.
  returned: when O(state=present)
  type: list
  elements: str
  sample: []
max_session_duration:
  description: Seconds that a session may last.
  returned: when O(state=present)
  type: int
  sample: 3600
permissions_boundary:
  description: ARN of the permissions boundary; empty where there is none.
  returned: when O(state=present)
  type: str
  sample: ''
tags:
  description: Tags of the role.
  returned: when O(state=present)
  type: dict
  sample: {service: velero}
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import REPLACE_SIDS, STATE, TAGS
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._iam.api import Account, RoleResource
from ansible_collections.coffer.velero.plugins.module_utils._iam.decide_role import DesiredRole
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

SPEC = aws_spec(
    {
        "name": {"type": "str", "required": True},
        "path": {"type": "str"},
        **STATE,
        "trust_statements": {"type": "list", "elements": "dict"},
        "purge_trust_statements": {"type": "bool", "default": False},
        "absent_sids": {"type": "list", "elements": "str", "default": [], "aliases": ["sids"]},
        **REPLACE_SIDS,
        "managed_policies": {"type": "list", "elements": "str"},
        "purge_policies": {"type": "bool", "default": False},
        "description": {"type": "str"},
        "max_session_duration": {"type": "int"},
        "permissions_boundary": {"type": "str"},
        **TAGS,
    },
)


def run(task: Task) -> dict[str, t.Any]:
    desired = DesiredRole.of(task.params)
    aws = Aws(task.params)
    return task.reconcile(RoleResource(aws, desired, Account(aws), task.sleep))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
