#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kms_key
short_description: Manage the KMS key that a bucket's objects are encrypted under
version_added: 0.1.0
description:
  - Creates a symmetric KMS key with its alias, or finds it by either, and manages its description, tags, automatic
    rotation with its period, and the replicas of a multi-Region key.
  - Never enables a disabled key, cancels a deletion or moves an alias unless asked to by an option of its own.
  - The key policy is left alone; see M(coffer.velero.kms_key_policy).
  - A run that changes nothing sends at most 3 requests, and one more where both O(alias) and O(key_id) are given.
author: The coffer.velero authors (@coffer-velero)
options:
  alias:
    description:
      - Alias of the key, with or without C(alias/). The key is found by it, and created where it does not exist.
      - A key that is created is tagged with its alias (C(coffer.velero:alias)). A run that was cut before the alias
        existed is completed by the next one, which finds the key by this tag (C(tag:GetResources)) instead of creating
        a second one, and says so. The tag is never shown or purged.
      - A tagged key whose policy or rotation was changed since (C(kms:GetKeyPolicy), C(kms:GetKeyRotationStatus)) has
        served under the alias before, and is left alone.
    type: str
  key_id:
    description: Id or ARN of an existing key, also one of another account for reading. No key is created then.
    type: str
    aliases: ['key_arn']
  state:
    description:
      - V(present) makes sure that the key exists as described.
      - V(absent) schedules the deletion of the key after O(pending_window_in_days) and deletes the alias. What the key
        encrypted cannot be read from that moment on; deletion can be cancelled until the window ends. A key whose
        policy still lets the role of an installation use it is not deleted.
      - A key that has lost its alias, or has never got it, is deleted by O(key_id) only.
    type: str
    choices: ['present', 'absent']
    default: present
  description:
    description: Description of the key.
    type: str
  enabled:
    description:
      - V(true) enables a disabled key and V(false) disables an enabled one.
      - Where it is not set, the key is left as it is and a warning reports a disabled one.
    type: bool
  require_usable_for_s3:
    description:
      - Whether to refuse a key that S3 cannot encrypt with for a role, because it is disabled, is pending deletion
        or import, is asymmetric or of HMAC, or is managed by AWS, so that its policy cannot be edited.
      - It is judged as the other options leave it, and so is not refused where O(enabled) enables it. Only for
        O(state=present).
    type: bool
    default: false
  cancel_deletion:
    description:
      - Cancels the deletion of a key that is pending deletion. The key is disabled then; set O(enabled) too to use it.
      - Without this a key that is pending deletion is an error.
    type: bool
    default: false
  repoint_alias:
    description:
      - Points an existing alias at the key of O(key_id). Without this an alias that points at another key is an error.
    type: bool
    default: false
  rotation_enabled:
    description: Whether KMS rotates the key material. Left alone where neither this nor the period is set.
    type: bool
  rotation_period_in_days:
    description: Days between two rotations, 90 to 2560. Implies O(rotation_enabled=true).
    type: int
  creation_defaults:
    description:
      - What a key gets that the module creates, and keeps. It is corrected where the key has the tag of such a key
        (C(coffer.velero:alias)).
      - A key that others created stays as it is. The options of the same names apply to every key, and come first.
    type: dict
    suboptions:
      description:
        description: Description of the key.
        type: str
      rotation_period_in_days:
        description: Days between two rotations, 90 to 2560.
        type: int
  tag_with_alias:
    description:
      - Whether a key that is created gets the tag C(coffer.velero:alias).
      - Without it a run that was cut before the alias existed leaves a key behind, and O(creation_defaults) are applied
        at the creation only.
    type: bool
    default: true
  multi_region:
    description: Whether the key is a multi-Region key. KMS fixes this when the key is created.
    type: bool
  replica_regions:
    description: Regions in which a replica of the multi-Region key must exist. Replicas elsewhere are left alone.
    type: list
    elements: str
  pending_window_in_days:
    description: Days until KMS deletes the key, 7 to 30. Only for O(state=absent).
    type: int
    default: 30
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero
  - coffer.velero._velero.aws
  - coffer.velero._velero.tags
"""

EXAMPLES = r"""
- name: A key for the backups, rotated every year
  coffer.velero.kms_key:
    alias: velero-backups
    description: Velero backups of the production cluster
    rotation_period_in_days: 365
    tags:
      service: velero

- name: A key for the backups, or the key of others with that alias as it is
  coffer.velero.kms_key:
    alias: shared/backups
    creation_defaults:
      description: Velero backups of the production cluster
      rotation_period_in_days: 365

- name: Check that S3 can encrypt with an existing key
  coffer.velero.kms_key:
    key_id: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    require_usable_for_s3: true
  register: key

- name: Schedule the deletion of a key that nothing needs any more
  coffer.velero.kms_key:
    alias: velero-backups-2021
    state: absent
    pending_window_in_days: 30
"""

RETURN = r"""
key_arn:
  description: ARN of the key. In check mode the id of a key that would be created is all zeros.
  returned: when the key exists or would be created
  type: str
  sample: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
key_id:
  description: Id of the key.
  returned: when the key exists or would be created
  type: str
  sample: 1234abcd-12ab-34cd-56ef-1234567890ab
alias:
  description: The alias as KMS spells it.
  returned: success
  type: str
  sample: alias/velero-backups
account_id:
  description: Account that owns the key.
  returned: when O(state=present)
  type: str
  sample: '111122223333'
key_state:
  description: State of the key in KMS's words.
  returned: success
  type: str
  sample: Enabled
description:
  description: Description of the key.
  returned: when O(state=present)
  type: str
  sample: Velero backups of the production cluster
multi_region:
  description: Whether the key is a multi-Region key.
  returned: when O(state=present)
  type: bool
  sample: false
rotation_enabled:
  description: Whether the key material is rotated automatically; V(null) where it was not asked for.
  returned: when O(state=present)
  type: bool
  sample: true
rotation_period_in_days:
  description: Days between two rotations.
  returned: when O(state=present)
  type: int
  sample: 365
tags:
  description: Tags of the key; empty where O(tags) is not set.
  returned: when O(state=present)
  type: dict
  sample: {service: velero}
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATE, TAGS
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._kms.api import KeyResource
from ansible_collections.coffer.velero.plugins.module_utils._kms.decide import DesiredKey, alias_name, validate_window
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

SPEC = aws_spec(
    {
        "alias": {"type": "str"},
        "key_id": {"type": "str", "aliases": ["key_arn"]},
        **STATE,
        "description": {"type": "str"},
        "enabled": {"type": "bool"},
        "require_usable_for_s3": {"type": "bool", "default": False},
        "cancel_deletion": {"type": "bool", "default": False},
        "repoint_alias": {"type": "bool", "default": False},
        "rotation_enabled": {"type": "bool"},
        "rotation_period_in_days": {"type": "int"},
        "creation_defaults": {
            "type": "dict",
            "options": {"description": {"type": "str"}, "rotation_period_in_days": {"type": "int"}},
        },
        "tag_with_alias": {"type": "bool", "default": True},
        "multi_region": {"type": "bool"},
        "replica_regions": {"type": "list", "elements": "str"},
        "pending_window_in_days": {"type": "int", "default": 30},
        **TAGS,
    },
    required_one_of=[("alias", "key_id")],
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    desired = DesiredKey(
        alias=None if params["alias"] is None else alias_name(params["alias"]),
        **{name: params[name] for name in DesiredKey.__dataclass_fields__ if name != "alias"},
    )
    desired.refuse_contradictions()
    validate_window(params["pending_window_in_days"])
    delete_after = params["pending_window_in_days"] if params["state"] == "absent" else None
    return task.reconcile(KeyResource(Aws(params), desired, params["key_id"], delete_after, task.sleep))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
