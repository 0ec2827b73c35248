#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_storage_location
short_description: Manage where Velero keeps its backups in S3
version_added: 0.1.0
description:
  - Creates, changes or removes a BackupStorageLocation of Velero for its plugin for AWS, and waits until Velero has
    validated it.
  - Refuses what the plugin would accept and silently do otherwise, such as O(kms_key_id) together with another
    algorithm.
  - Other keys of C(spec.config) and other fields of the object are kept, and the status is never touched.
  - The encryption options say how Velero's own objects are written (C(backups/), C(restores/)). Volume data that kopia
    writes follows the bucket's default encryption in every mode; see M(coffer.velero.s3_bucket_encryption).
  - No restart of Velero is needed; it reads the location again for every operation.
  - A run that changes nothing sends 1 request.
author: The coffer.velero authors (@coffer-velero)
options:
  name:
    description: Name of the BackupStorageLocation.
    type: str
    default: default
  state:
    description:
      - V(present) makes sure that the location is as described.
      - V(absent) removes the object from Kubernetes, and nothing from the bucket.
    type: str
    choices: ['present', 'absent']
    default: present
  provider:
    description:
      - Name of the object store plugin. V(aws) and V(velero.io/aws) are the same, and no other has these options.
    type: str
    default: aws
  bucket:
    description: Name of the bucket. Required for O(state=present).
    type: str
  prefix:
    description:
      - Path in the bucket under which Velero keeps everything. Nothing but Velero may write there. Slashes at its ends
        mean nothing.
      - Bucket and prefix of a location that holds backups are only changed with O(allow_relocation).
    type: str
    default: ''
  region:
    description:
      - Region of the bucket. Required for a new location, also with O(s3_url); otherwise the plugin would ask the
        bucket for it without credentials, which private networks do not allow.
    type: str
  kms_key_id:
    description:
      - Full ARN of the KMS key under which the plugin encrypts with C(aws:kms). Aliases and bare ids are refused, for
        S3 looks them up in the account of the principal that writes.
      - This, O(server_side_encryption), O(customer_key_encryption_secret) and O(customer_key_encryption_file) are one
        group. What of it a task does not name is removed from the location.
    type: str
  previous_kms_key_ids:
    description:
      - Keys that Velero's role may still decrypt with, by ARN.
      - A location that holds backups and has another KMS key than O(kms_key_id) is only changed where that key is
        listed here, for Velero needs it to read, restore and delete those backups. An alias is not resolved, see
        O(present_kms_key_arn).
      - A task without O(kms_key_id) and O(server_side_encryption) is refused so only where it has this option; the list
        may be empty.
    type: list
    elements: str
  present_kms_key_arn:
    description:
      - ARN of the key that is meant where the location names its present key by an alias, which only KMS can tell
        (M(coffer.velero.kms_key)). Without it a warning says that the key may be another one than O(kms_key_id).
    type: str
  server_side_encryption:
    description:
      - Algorithm that the plugin asks for. V(AES256) alone, or V(aws:kms) together with O(kms_key_id), which implies
        it.
      - V(aws:kms) without a key is refused, for S3 would then use the managed key C(aws/s3) and not the bucket's.
      - V(aws:kms:dsse) is refused, for the plugin cannot name a key with it. Leave the group out, and let the bucket's
        default encryption do it.
    type: str
    choices: ['', 'AES256', 'aws:kms', 'aws:kms:dsse']
  customer_key_encryption_secret:
    description:
      - Secret in O(namespace) that holds a customer-provided key (SSE-C) of 32 raw bytes, as C(name/key); see
        M(coffer.velero.sse_c_secret). Needs plugin 1.13.
      - A location reads only what was written with the same key. Switching to, from or between customer-provided keys
        is refused while the location holds backups, but for O(customer_provided_key_unchanged).
    type: str
  customer_key_encryption_file:
    description:
      - Absolute path in Velero's container of a file with a customer-provided key. The plugin takes its first 32 bytes
        and does not mind others, so prefer O(customer_key_encryption_secret). Works from plugin 1.11.1.
    type: str
  customer_provided_key_unchanged:
    description:
      - States that the customer-provided key is the same 32 bytes as before, only in another place, as when it comes
        from a Secret instead of a file. The module cannot compare them; of a file, the first 32 bytes count.
      - Then also a location that holds backups is changed.
    type: bool
    default: false
  s3_url:
    description:
      - URL of the S3 endpoint if it is not AWS's own, without a path. An empty string removes it, as with the other
        options for C(spec.config).
      - Another server for a location that holds backups needs O(allow_relocation). All of S3's own public endpoints
        are one server.
    type: str
  public_url:
    description: URL for downloads by C(velero backup logs) and the like, where O(s3_url) works only inside the cluster.
    type: str
  s3_force_path_style:
    description: Whether to address the bucket in the path; most servers other than AWS need it.
    type: bool
  insecure_skip_tls_verify:
    description: Whether to accept any certificate of the endpoint. Prefer O(object_storage_ca_cert).
    type: bool
  checksum_algorithm:
    description:
      - Checksum that the plugin asks the SDK for. Without the key in C(spec.config) it is V(CRC32); V('') asks for
        none, which some servers need.
    type: str
    choices: ['', 'CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256']
  tagging:
    description:
      - Tags for every object, as C(key=value&key=value). The plugin takes a single tag for an error; S3 allows ten.
      - The role of Velero needs C(s3:PutObjectTagging) then.
    type: str
  profile:
    description:
      - Profile in the credentials file. It wins over the role of Velero's pods, so that with AWS one that is there
        already and that the task does not name is refused.
    type: str
  object_storage_ca_cert:
    description: Certificate in PEM form that signs the endpoint's own (C(spec.objectStorage.caCert)).
    type: str
  object_storage_ca_cert_ref:
    description:
      - Key of a Secret in O(namespace) that holds that certificate (C(spec.objectStorage.caCertRef)). Needs Velero
        1.18.
    type: dict
    suboptions:
      name:
        description: Name of the Secret.
        type: str
      key:
        description: Key in the Secret.
        type: str
  credential:
    description:
      - Key of a Secret in O(namespace) with a credentials file for this location. It wins over the role of Velero's
        pods, so that with AWS one that is there already and that the task does not name is refused.
      - An empty dictionary takes it away. C(spec.config.credentialsFile) is taken away by both.
    type: dict
    suboptions:
      name:
        description: Name of the Secret.
        type: str
      key:
        description: Key in the Secret.
        type: str
  default:
    description:
      - Whether backups go here that name no location. Velero itself sets it on the location that its server is started
        with (C(--default-backup-storage-location), by default the one called C(default)) whenever it starts.
    type: bool
  access_mode:
    description: V(ReadOnly) refuses new backups and deletions. Restores still write their logs under C(restores/).
    type: str
    choices: ['ReadWrite', 'ReadOnly']
  validation_frequency:
    description: How often Velero validates the location, as in V(1m) or V(1h30m); V(0) for never again.
    type: str
  backup_sync_period:
    description: How often Velero looks for backups that others made, as in V(1m); V(0) for never.
    type: str
  wait:
    description:
      - Whether to wait until Velero has validated the location, and to fail where it is not Available, also where
        nothing had to be changed. An earlier failure counts only if the next validation fails as well.
      - Velero validates by listing the bucket. That a backup can be written and read is not proven by it.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait. Velero validates every minute where O(validation_frequency) does not say otherwise.
    type: int
    default: 150
  require_idle:
    description:
      - Refuses while a backup, a restore, a data mover or the maintenance of a repository is under way in the location,
        also where the location itself does not change, for a change of the bucket's default encryption.
      - A change of bucket, prefix, endpoint, key or mode is always refused then.
    type: bool
    default: false
  allow_relocation:
    description:
      - Changes O(bucket), O(prefix) or O(s3_url) also where the location holds backups. Velero then deletes the Backup
        objects that it does not find in the new place, within a minute; what is in the old place stays there.
    type: bool
    default: false
  allow_orphaned_backups:
    description:
      - Removes a location that holds backups. Their objects stay in the bucket, and Velero can no longer restore,
        expire or delete them.
    type: bool
    default: false
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - coffer.velero._velero
  - coffer.velero._velero.k8s
seealso:
  - module: coffer.velero.velero_identity
  - module: coffer.velero.sse_c_secret
  - module: coffer.velero.s3_bucket_encryption
"""

EXAMPLES = r"""
- name: Backups under a key of our own
  coffer.velero.backup_storage_location:
    bucket: velero-backups
    prefix: production
    region: eu-central-1
    kms_key_id: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    default: true

- name: Another key from now on; Velero may go on reading with the old one
  coffer.velero.backup_storage_location:
    bucket: velero-backups
    prefix: production
    region: eu-central-1
    kms_key_id: arn:aws:kms:eu-central-1:111122223333:key/5678abcd-56ab-78cd-90ef-567890abcdef
    previous_kms_key_ids: [arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab]

- name: Whatever the bucket's default encryption says (the way to DSSE-KMS)
  coffer.velero.backup_storage_location:
    bucket: velero-backups
    region: eu-central-1

- name: A customer-provided key (SSE-C), in a location of its own
  coffer.velero.backup_storage_location:
    name: customer-key
    bucket: velero-backups
    prefix: customer-key
    region: eu-central-1
    customer_key_encryption_secret: velero-sse-c/key

- name: Take a location away, and leave its objects where they are
  coffer.velero.backup_storage_location:
    name: old
    state: absent
    allow_orphaned_backups: true
"""

RETURN = r"""
name:
  description: Name of the location.
  returned: success
  type: str
  sample: default
namespace:
  description: Namespace of the location.
  returned: success
  type: str
  sample: velero
spec:
  description: The whole spec, with what was kept; in check mode as it would be.
  returned: when O(state=present)
  type: dict
  sample:
    provider: aws
    objectStorage: {bucket: velero-backups, prefix: production}
    config:
      region: eu-central-1
      kmsKeyId: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
previous_spec:
  description: The whole spec as it was before the task, V(null) where there was no location.
  returned: when O(state=present)
  type: dict
  sample:
    provider: aws
    objectStorage: {bucket: velero-backups, prefix: production}
    config: {region: eu-central-1}
api_server:
  description: URL of the API server of the cluster.
  returned: when O(state=present)
  type: str
  sample: https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com
annotations:
  description: Annotations of the location, which are kept.
  returned: when O(state=present)
  type: dict
  sample: {example.com/owner: platform}
phase:
  description:
    - What Velero says of the location, V(null) where it has said nothing.
    - With O(wait=true), and not in check mode, of the location as it is after the task, else as it was before.
  returned: when O(state=present)
  type: str
  sample: Available
last_validation_time:
  description: When Velero said so.
  returned: when O(wait=true) and O(state=present), not in check mode
  type: str
  sample: '2026-11-24T07:00:00Z'
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATE
from ansible_collections.coffer.velero.plugins.module_utils._kube import Kube, kube_spec
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module
from ansible_collections.coffer.velero.plugins.module_utils._velero.location import DesiredLocation
from ansible_collections.coffer.velero.plugins.module_utils._velero.location_api import LocationResource

_SECRET_KEY = {
    "type": "dict",
    "options": {"name": {"type": "str"}, "key": {"type": "str", "no_log": False}},
    "required_together": [("name", "key")],
}

_ALLOWED = ("allow_relocation", "allow_orphaned_backups", "require_idle")

SPEC = kube_spec(
    {
        "name": {"type": "str", "default": "default"},
        **STATE,
        "provider": {"type": "str", "default": "aws"},
        "bucket": {"type": "str"},
        "prefix": {"type": "str", "default": ""},
        **{name: {"type": "str"} for name in ("region", "s3_url", "public_url", "tagging", "profile")},
        **{name: {"type": "str", "no_log": False} for name in ("kms_key_id", "present_kms_key_arn")},
        "previous_kms_key_ids": {"type": "list", "elements": "str", "no_log": False},
        "server_side_encryption": {"type": "str", "choices": ["", "AES256", "aws:kms", "aws:kms:dsse"]},
        "customer_key_encryption_secret": {"type": "str", "no_log": False},
        "customer_key_encryption_file": {"type": "str"},
        **{name: {"type": "bool"} for name in ("s3_force_path_style", "insecure_skip_tls_verify", "default")},
        "checksum_algorithm": {"type": "str", "choices": ["", "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]},
        "object_storage_ca_cert": {"type": "str"},
        "object_storage_ca_cert_ref": _SECRET_KEY,
        "credential": _SECRET_KEY,
        "access_mode": {"type": "str", "choices": ["ReadWrite", "ReadOnly"]},
        **{name: {"type": "str"} for name in ("validation_frequency", "backup_sync_period")},
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": 150},
        **{name: {"type": "bool", "default": False} for name in (*_ALLOWED, "customer_provided_key_unchanged")},
    },
    required_if=[("state", "present", ["bucket"])],
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    desired = DesiredLocation(**{n: params[n] for n in DesiredLocation.__dataclass_fields__})
    absent = params["state"] == "absent"
    if not absent:
        desired.refuse_contradictions()
    with Kube(params) as kube:
        resource = LocationResource(
            kube,
            desired,
            absent=absent,
            **{name: params[name] for name in _ALLOWED},
            wait_timeout=params["wait_timeout"] if params["wait"] else None,
        )
        return {**task.reconcile(resource), **task.wait_for(resource.confirm)}


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
