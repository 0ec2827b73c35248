#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: evidence_report
short_description: Write an evidence report of a backup location, as HTML and as JSON
version_added: 0.1.0
description:
  - Writes two files from what other tasks returned - a page to be read, on a screen or on paper, and the same as JSON
    with a published schema (C(docs/evidence.schema.json)).
  - The page is one file without a script that loads nothing. Findings and the report's limitations come first.
  - The module refuses evidence of another location and evidence that contradicts itself.
  - The report keeps only the known values of the evidence. No key, token or content of a Secret is among them.
  - Sends no request. The same evidence gives the same files, byte by byte; the time in them is that of the evidence.
author: The coffer.velero authors (@coffer-velero)
options:
  evidence:
    description: What other tasks returned, as it was registered. A result that is empty or skipped counts as missing.
    type: dict
    required: true
    suboptions:
      profile:
        description: The storage profile that the objects were evaluated by.
        type: dict
        required: true
      objects:
        description: The result of M(coffer.velero.object_encryption_info) for the bucket and prefix of the profile.
        type: dict
        required: true
      accepted_kms_key_arns:
        description: The further keys under which objects were accepted.
        type: list
        elements: str
      caller:
        description: The principal that scanned, as M(coffer.velero.aws_caller_info) returns it.
        type: dict
      installation:
        description: Whose report it is, for the head of the page.
        type: dict
        suboptions:
          inventory_host:
            description: Its name in the inventory.
            type: str
          cluster:
            description: URL of the API server of the cluster.
            type: str
          backup_storage_location:
            description: Name of the BackupStorageLocation.
            type: str
      cluster:
        description:
          - Objects of the cluster, from which the report says which backups go elsewhere, which of the Secrets travel
            in the backups they protect, and when the backups of non-compliant objects expire.
        type: dict
        suboptions:
          locations:
            description: The BackupStorageLocations of the namespace.
            type: list
            elements: dict
          schedules:
            description: The Schedules of the namespace.
            type: list
            elements: dict
          backups:
            description: The Backups of the namespace.
            type: list
            elements: dict
          secrets:
            description: The C(metadata) of the Secrets that Velero's keys and passwords are in, and no more of them.
            type: list
            elements: dict
      configuration:
        description:
          - The actual configuration, to be compared with the desired one. Its parts are C(key), C(encryption_rule),
            C(key_policy_statements), C(bucket_policy_statements) and C(backup_storage_location_spec), and where
            C(checks) has them C(bucket), C(oidc_provider), C(iam_policy), C(trust_policy_statements) and C(identity).
        type: dict
        suboptions:
          desired:
            description: The desired configuration, by part, where it is not what the filters make of the profile.
            type: dict
          actual:
            description:
              - The actual configuration, by part, as AWS and Kubernetes return it. A policy may be given whole, as
                text, or as a list of its statements; unmanaged ones are named and not evaluated. An empty list says
                that there are none, V(null) that no task read them.
            type: dict
          checks:
            description: What the module that manages a part returned in check mode, by part.
            type: dict
          externally_managed:
            description: The parts that others manage. They are C(not_applicable).
            type: list
            elements: str
          planned_changes:
            description: Everything that the roles would change, a line each; none of it is as desired.
            type: list
            elements: str
      backup:
        description: The result of M(coffer.velero.backup), also of a failed one.
        type: dict
      metadata:
        description: The result of M(coffer.velero.backup_metadata_info) for the backup.
        type: dict
      restore:
        description: The result of M(coffer.velero.restore), also of a failed one.
        type: dict
      content:
        description: What was backed up beside what was restored.
        type: dict
        suboptions:
          namespace:
            description: The namespace that was backed up.
            type: str
          restored_namespace:
            description: The namespace that it was restored to.
            type: str
          items:
            description: Each object that was compared. No values, for one may be a secret.
            type: list
            elements: dict
            suboptions:
              kind:
                description: Its kind, as in V(ConfigMap).
                type: str
                required: true
              name:
                description: Its name.
                type: str
                required: true
              matches:
                description: Whether it was restored as it was backed up.
                type: bool
                required: true
      audit:
        description: The result of M(coffer.velero.audit_info) for the location. It does not change RV(status).
        type: dict
  dest:
    description:
      - Path of the files; C(.html) and C(.json) are added. In a directory, one that exists or that is given with a
        slash at its end, they are named by bucket, prefix and time of the evidence.
    type: path
    required: true
  mode:
    description: Permissions of the files, which hold names of objects.
    type: str
    choices: ['0600', '0640']
    default: '0600'
attributes:
  action_group:
    description: The module has no connection and no defaults to share.
    support: N/A
    membership: []
requirements:
  - python >= 3.11
  - jinja2 >= 3.0, which ansible-core brings to the controller
extends_documentation_fragment:
  - coffer.velero._velero
seealso:
  - module: coffer.velero.audit_info
  - module: coffer.velero.object_encryption_info
  - module: coffer.velero.backup
  - module: coffer.velero.restore
"""

EXAMPLES = r"""
- name: Evaluate every object
  coffer.velero.object_encryption_info:
    storage_profile: "{{ velero_profile }}"
    path: /srv/evidence/objects.jsonl
  register: objects

- name: Get the caller
  coffer.velero.aws_caller_info:
  register: caller

- name: Write the report
  coffer.velero.evidence_report:
    evidence:
      profile: "{{ velero_profile }}"
      caller: "{{ caller }}"
      objects: "{{ objects }}"
    dest: /srv/evidence/
  register: report

- name: Stop unless everything is compliant
  ansible.builtin.assert:
    that: report.status == 'compliant' or report.reason == 'no_objects'
    fail_msg: "{{ report.message }} See {{ report.html_path }}."
"""

RETURN = r"""
status:
  description:
    - The worst status of RV(parts). V(non_compliant) where a part is, V(not_evaluated) where no part is but an object
      could not be evaluated, the test backup and restore did not complete, or there is no object, else V(compliant).
    - The audit does not count, nor does a part without evidence, nor a configuration that was compared only in part.
  returned: success
  type: str
  sample: compliant
reason:
  description: The code of why RV(status) is not V(compliant), as in V(no_objects).
  returned: success
  type: str
  sample: no_objects
message:
  description: The same as a sentence.
  returned: success
  type: str
  sample: All 1,200 object versions are encrypted with aws:kms under the desired key.
parts:
  description:
    - C(status), C(reason) and C(message) of each part, V(not_evaluated) with V(not_requested) where the evidence has
      nothing of it. C(audit) has the highest C(severity) of its non-compliant findings too.
  returned: success
  type: dict
  sample:
    objects:
      status: compliant
      reason: null
      message: All 1,200 object versions are encrypted with aws:kms under the desired key.
    backup_and_restore: {status: not_evaluated, reason: not_requested, message: No backup was made for this report.}
    configuration: {status: compliant, reason: null, message: 5 of 5 parts are as desired.}
    audit: {status: compliant, reason: null, message: 40 checks passed., severity: null}
counts:
  description: Object versions by status. C(deleted_during_scan) is a part of C(not_evaluated).
  returned: success
  type: dict
  sample: {total: 1200, compliant: 1199, non_compliant: 0, not_evaluated: 1, deleted_during_scan: 1}
html_path:
  description: The page.
  returned: success
  type: str
  sample: /srv/evidence/evidence-acme-backups-production-2026-11-24T080002Z.html
json_path:
  description: The JSON file.
  returned: success
  type: str
  sample: /srv/evidence/evidence-acme-backups-production-2026-11-24T080002Z.json
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.coffer.velero.plugins.module_utils._report.api import ReportResource
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

_ITEM = {
    "kind": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "matches": {"type": "bool", "required": True},
}
_CONTENT = {
    "namespace": {"type": "str"},
    "restored_namespace": {"type": "str"},
    "items": {"type": "list", "elements": "dict", "options": _ITEM},
}
_EVIDENCE = {
    "profile": {"type": "dict", "required": True},
    "objects": {"type": "dict", "required": True},
    "accepted_kms_key_arns": {"type": "list", "elements": "str", "no_log": False},
    "caller": {"type": "dict"},
    "installation": {
        "type": "dict",
        "options": {name: {"type": "str"} for name in ("inventory_host", "cluster", "backup_storage_location")},
    },
    "cluster": {
        "type": "dict",
        "options": {
            **{name: {"type": "list", "elements": "dict"} for name in ("locations", "schedules", "backups")},
            "secrets": {"type": "list", "elements": "dict", "no_log": False},  # their metadata
        },
    },
    "configuration": {
        "type": "dict",
        "options": {
            **{name: {"type": "dict"} for name in ("desired", "actual", "checks")},
            **{name: {"type": "list", "elements": "str"} for name in ("externally_managed", "planned_changes")},
        },
    },
    "backup": {"type": "dict"},
    "metadata": {"type": "dict"},
    "restore": {"type": "dict"},
    "content": {"type": "dict", "options": _CONTENT},
    "audit": {"type": "dict"},
}
SPEC = ArgumentSpec(
    {
        "evidence": {"type": "dict", "required": True, "options": _EVIDENCE},
        "dest": {"type": "path", "required": True},
        "mode": {"type": "str", "choices": ["0600", "0640"], "default": "0600"},
    }
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    return task.reconcile(ReportResource.of(params["evidence"], params["dest"], params["mode"]))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
