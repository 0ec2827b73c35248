# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every module declares of itself."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - The module reads the current state and returns what it would create, names and ARNs included.
        What only AWS can choose, such as the id of a new key, is shown as zeros.
  diff_mode:
    description: Returns details on what has changed, or would change in C(check_mode), when in diff mode.
    support: full
    details:
      - The diff of a check run equals the diff of the real run.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled/queried by the module has not changed in a relevant way.
    support: full
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - The module only reads.
  diff_mode:
    description: Returns details on what has changed, or would change in C(check_mode), when in diff mode.
    support: N/A
    details:
      - The module changes nothing.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled/queried by the module has not changed in a relevant way.
    support: full
"""

    AWS = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/coffer.velero.aws) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - coffer.velero.aws
requirements:
  - python >= 3.11
  - boto3 >= 1.41.0
notes:
  - On a local connection the module runs in the controller's own process, which takes a fraction of the time.
    With C(become), C(async), another connection or another Python interpreter it runs as any module does.
seealso:
  - module: amazon.aws.aws_caller_info
"""

    K8S = r"""
options:
  namespace:
    description: Namespace of Velero.
    type: str
    default: velero
attributes:
  action_group:
    description: Use C(group/coffer.velero.k8s) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - coffer.velero.k8s
requirements:
  - python >= 3.11
  - kubernetes >= 24.2.0
notes:
  - On a local connection the module runs in the controller's own process, which takes a fraction of the time.
    With C(become), C(async), another connection or another Python interpreter it runs as any module does.
"""

    OPERATION = r"""
options:
  name:
    description: Name of the Backup or Restore.
    type: str
    required: true
  included_namespaces:
    description:
      - Namespaces to back up or restore, as they are called in the backup; all where the option is not set. This and
        the other options that select something are also compared with an existing object where they are not set.
    type: list
    elements: str
  excluded_namespaces:
    description:
      - Namespaces not to back up or restore. To those of a Backup Velero adds the ones with the label
        C(velero.io/exclude-from-backup).
    type: list
    elements: str
  included_resources:
    description: Kinds to back up or restore, as in V(configmaps) or V(deployments.apps); all where it is not set.
    type: list
    elements: str
  excluded_resources:
    description:
      - Kinds not to back up or restore. To those of a Restore Velero adds the ones that it never restores, such as
        nodes and events.
    type: list
    elements: str
  include_cluster_resources:
    description:
      - Whether to take what is in no namespace. Where it is not set, Velero takes what belongs to the rest, such as the
        volumes of claims.
    type: bool
  label_selector:
    description: What to back up or restore, as C(matchLabels) and C(matchExpressions).
    type: dict
  item_operation_timeout:
    description: How long data movers may take, as in V(4h).
    type: str
  wait:
    description: Whether to wait for the end, and to fail where it is not among O(accepted_phases).
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait. Velero goes on when they are over, and another run goes on waiting.
    type: int
    default: 600
  stall_timeout:
    description:
      - Seconds without any progress after which the cause is looked for. Where it is one that waiting does not help,
        the task fails at once; otherwise it goes on waiting.
      - To do so, the module asks the server for its status, lists what else it is at work on, and reads an object of
        the Backup or Restore by a URL that Velero signs. Where the credentials of the task do not allow one of these,
        it does without.
    type: int
    default: 60
  accepted_phases:
    description:
      - Phases in which it may end. A V(PartiallyFailed) one lacks something; such a backup can be restored all the
        same.
    type: list
    elements: str
    choices: ['Completed', 'PartiallyFailed', 'Failed', 'FailedValidation']
    default: ['Completed']
notes:
  - To name causes the credentials should also have C(create), C(get) and C(delete) on C(serverstatusrequests) and
    C(downloadrequests), C(patch) and C(list) on the kind itself, and C(list) on C(backuprepositories), on the kinds of
    Velero's data movers and on C(deployments).
"""

    TAGS = r"""
options:
  tags:
    description:
      - Tags of the resource. Left alone where the option is not set.
    type: dict
    aliases: ['resource_tags']
  purge_tags:
    description:
      - Whether tags that O(tags) does not name are removed. Tags of AWS itself (C(aws:)) never are.
    type: bool
    default: true
"""

    STATEMENTS = r"""
options:
  statements:
    description:
      - The statements to own, as IAM writes them, each with a C(Sid) and complete. A statement is found again by its
        C(Sid), replaced in its place where it means something else, and left as it is written where it means the same.
      - Every other statement is unmanaged and kept to the letter, as are C(Version) and C(Id) of the policy.
      - Compared by meaning, so that the order of a list, a list of one, the case of an action or of a condition key, an
        account id for the ARN of its root and the like are no difference.
      - Required where O(state=present).
    type: list
    elements: dict
  sids:
    description: The C(Sid) of each statement to remove, besides those of O(statements). Only for O(state=absent).
    type: list
    elements: str
  state:
    description:
      - V(present) makes sure that the statements are in the policy.
      - V(absent) removes the statements with the Sids of O(statements) and O(sids).
    type: str
    choices: ['present', 'absent']
    default: present
  purge_statements:
    description:
      - Removes every statement that is not among O(statements), also those without C(Sid). Only for O(state=present).
    type: bool
    default: false
notes:
  - AWS replaces a policy as a whole and takes no condition on what it replaces, so that the later of two runs at once
    takes back what the earlier one has put in. A second after a change this module looks whether its own statements are
    still there, and puts them in again where they are not. A statement that somebody else writes between its read and
    its write is lost.
"""

    REPLACE_SIDS = r"""
options:
  replace_sids:
    description:
      - The C(Sid) of each statement that is replaced, or removed, whoever wrote it.
      - Without it, a statement under one of the task's Sids is taken for an earlier form of the task's own only where
        it has the same C(Effect) and names nobody whom the task does not name. One that names everybody or a service
        must be about the same actions or the same resources, one of a policy of IAM about the same resources. Every
        other one is somebody else's, and refused. So is a C(Sid) to remove that two statements have.
    type: list
    elements: str
    default: []
"""

    PROFILE = r"""
options:
  _input:
    description:
      - The storage profile, a dictionary with at least C(account_id), C(region) and C(bucket).
      - Further keys are C(partition), C(prefix), C(encryption_mode), C(kms_key_arn), C(kms_previous_key_arns),
        C(kms_key_administrators), C(bucket_key_enabled), C(role_arns), C(policy_arns),
        C(update_encryption_arns), C(oidc_issuer_url), C(oidc_audience), C(namespace), C(service_account),
        C(s3_url), C(s3_force_path_style), C(ebs_snapshots), C(ebs_kms_key_arns), C(tagging) and
        C(sse_c_secret).
    type: dict
    required: true
"""

    FOUND = r"""
options:
  account_id:
    description:
      - Id of the account of Velero's role and of the bucket. Zeros stand for an account that is not known yet.
    type: str
  partition:
    description: Partition of that account. The one of the Region if not set.
    type: str
  kms_key_arn:
    description: ARN of the key that was created or found, used where C(velero_kms_key_arn) is not set.
    type: str
  oidc_issuer_url:
    description: Issuer that was read from the cluster, used in place of C(velero_oidc_issuer_url).
    type: str
  identity:
    description:
      - Result of M(coffer.velero.velero_identity), of which the ServiceAccount is used where C(velero_service_account)
        is not set, and the audience of its tokens.
    type: dict
  location:
    description:
      - Result of M(coffer.velero.backup_storage_location). What it keeps counts where C(velero_object_tagging),
        C(velero_s3_url) or C(velero_s3_force_path_style) is not set; the endpoint of another server than S3 has to be
        named by its variable.
    type: dict
  with_created_key:
    description:
      - Whether a key that is yet to be created is taken as created, with an id of zeros.
      - Without it, a mode that needs a key is an error until its key is known.
    type: bool
    default: false
"""
