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
options: {}
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
      - V(absent) removes the statements with the Sids of O(statements) and O(sids), whatever they say.
    type: str
    choices: ['present', 'absent']
    default: present
  purge_statements:
    description:
      - Removes every statement that is not among O(statements), also those without C(Sid). Only for O(state=present).
    type: bool
    default: false
notes:
  - AWS replaces a policy as a whole and takes no condition on what it replaces. A statement that somebody else writes
    between this module's read and its write, a moment later, is lost.
"""

    PROFILE = r"""
options:
  _input:
    description:
      - The storage profile, a dictionary with at least C(account_id), C(region) and C(bucket).
      - Further keys are C(partition), C(prefix), C(encryption_mode), C(kms_key_arn), C(kms_previous_key_arns),
        C(kms_key_administrators), C(bucket_key_enabled), C(role_arns), C(oidc_issuer_url), C(namespace),
        C(service_account), C(s3_url), C(s3_force_path_style), C(ebs_snapshots), C(tagging) and C(sse_c_secret).
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
  with_created_key:
    description:
      - Whether a key that is yet to be created is taken as created, with an id of zeros.
      - Without it, a mode that needs a key is an error until its key is known.
    type: bool
    default: false
"""
