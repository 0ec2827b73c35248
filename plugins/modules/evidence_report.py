#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: evidence_report
short_description: Write what was proven of a backup location, for a person and for a machine
version_added: 0.1.0
description:
  - Writes two files from what other tasks returned - a page to be read, on a screen or on paper, and the same as JSON
    with a published schema (C(docs/evidence.schema.json)).
  - The page is one file without a script that loads nothing. Object names are shown as text, whatever is in them.
  - The verdict comes first, then what is not as it should be with the remediation, then what the report does not prove.
  - What was handed over is checked. Evidence that is of another location, or that contradicts itself, is refused.
  - Of what is handed over only the known values are kept. No key, token or content of a Secret is among them.
  - Sends no request. The same evidence gives the same files, byte by byte; the time in them is that of the evidence.
author:
  - The coffer.velero authors (@coffer-velero)
options:
  evidence:
    description:
      - What was found. The results of other tasks are taken as they were registered; one that is empty, or that is
        of a task that was skipped, counts as not there.
    type: dict
    required: true
    suboptions:
      profile:
        description: The storage profile that the objects were judged by.
        type: dict
        required: true
      objects:
        description: The result of M(coffer.velero.object_encryption_info) for the bucket and prefix of the profile.
        type: dict
        required: true
      accepted_kms_key_arns:
        description: The further keys that the objects were judged by.
        type: list
        elements: str
      caller:
        description: Who looked, as M(coffer.velero.aws_caller_info) returns it.
        type: dict
      configuration:
        description:
          - What is in force, to be compared with what is wanted. Known parts are C(key), C(key_policy_statements),
            C(encryption_rule), C(bucket_policy_statements) and C(backup_storage_location_spec).
        type: dict
        suboptions:
          wanted:
            description: What is wanted, by part, where it is not what the filters make of the profile.
            type: dict
          live:
            description:
              - What is in force, by part, as AWS and Kubernetes return it. A policy may be given whole, as text, or as
                a list of its statements; those of others are named and not judged. An empty list says that there
                are none, V(null) that nobody looked.
            type: dict
          checks:
            description:
              - What the module that manages a part said in check mode, by part. Its C(diff) names the differences.
            type: dict
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
        description: What was put in beside what came back.
        type: dict
        suboptions:
          namespace:
            description: The namespace that was backed up.
            type: str
          restored_namespace:
            description: The namespace that it was restored to.
            type: str
          items:
            description: Each thing that was compared. No values, for one may be a secret.
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
              same:
                description: Whether it came back as it was put in.
                type: bool
                required: true
      audit:
        description:
          - The result of M(coffer.velero.audit_info) for the location of the profile. It gets a section and a verdict
            of its own, which does not change that on the objects.
        type: dict
  dest:
    description:
      - Path of the files; C(.html) and C(.json) are added.
      - In a directory, one that exists or that is given with a slash at its end, they are named by bucket, prefix and
        time of the evidence.
    type: path
    required: true
  mode:
    description: Permissions of the files. The names of objects are not for everybody.
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
extends_documentation_fragment:
  - coffer.velero._velero
seealso:
  - module: coffer.velero.audit_info
  - module: coffer.velero.object_encryption_info
  - module: coffer.velero.backup
  - module: coffer.velero.restore
"""

EXAMPLES = r"""
- name: Look at every object
  coffer.velero.object_encryption_info:
    storage_profile: "{{ velero_profile }}"
    path: /srv/evidence/objects.jsonl
  register: objects

- name: Who looks
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

- name: Stop where something is not as it should be
  ansible.builtin.assert:
    that: report.verdict in ['proven', 'empty']
    fail_msg: "{{ report.verdict }} {{ report.counts }}, see {{ report.html_path }}"
"""

RETURN = r"""
verdict:
  description:
    - The worst of RV(verdicts). V(wrong) where something is not as it should be, V(incomplete) where nothing wrong was
      found but something could not be read or was not finished, V(empty) where there is no object, else V(proven).
    - The audit is not part of it; RV(verdicts) has the verdict on it.
  returned: success
  type: str
  sample: proven
verdicts:
  description:
    - The verdict on each part, V(not_done) where the evidence has nothing of it. Where the configuration was compared
      in part only, its verdict is V(incomplete), which does not make RV(verdict) worse, since objects are proven by
      themselves. C(audit) is V(sound), V(weak), V(incomplete), V(wrong) or V(not_done), as M(coffer.velero.audit_info)
      says it.
  returned: success
  type: dict
  sample: {objects: proven, backup_and_restore: proven, configuration: incomplete, audit: weak}
counts:
  description: Object versions by verdict.
  returned: success
  type: dict
  sample: {total: 1200, proven: 1199, wrong: 0, unreadable: 0, gone: 1, unproven: 0}
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
    "same": {"type": "bool", "required": True},
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
    "configuration": {"type": "dict", "options": {name: {"type": "dict"} for name in ("wanted", "live", "checks")}},
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
