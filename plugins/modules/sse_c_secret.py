#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sse_c_secret
short_description: Make sure that the Secret with a customer-provided key (SSE-C) exists
version_added: 0.1.0
description:
  - Makes sure that a Secret holds exactly 32 raw bytes for the C(customerKeyEncryptionSecret) of a backup location, and
    creates a random key where there is none and O(create_if_missing) says so.
  - An existing key is never changed, and never removed. A lost one is not replaced while a location that names it
    holds backups, which only the lost one can read.
  - Neither the key nor anything derived from it is shown anywhere.
  - A run that changes nothing sends 1 request.
author: The coffer.velero authors (@coffer-velero)
options:
  secret:
    description:
      - Name of the Secret in O(namespace), a slash and the key in it, as in
        O(coffer.velero.backup_storage_location#module:customer_key_encryption_secret).
    type: str
    default: velero-sse-c/key
  create_if_missing:
    description:
      - Whether to create a random key where the Secret or the key in it does not exist. Other keys of the Secret are
        kept.
      - Copy it to a safe place. Without it every backup that is written with it is lost, since S3 does not keep it.
    type: bool
    default: false
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - coffer.velero._velero
  - coffer.velero._velero.k8s
seealso:
  - module: coffer.velero.backup_storage_location
"""

EXAMPLES = r"""
- name: Check that the key exists
  coffer.velero.sse_c_secret:
    secret: velero-sse-c/key

- name: Create it once
  coffer.velero.sse_c_secret:
    secret: velero-sse-c/key
    create_if_missing: true
"""

RETURN = r"""
namespace:
  description: Namespace of the Secret.
  returned: success
  type: str
  sample: velero
secret:
  description: Name of the Secret and of the key in it.
  returned: success
  type: str
  sample: velero-sse-c/key
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._kube import Kube, kube_spec
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module
from ansible_collections.coffer.velero.plugins.module_utils._velero.sse_c import DesiredSecret
from ansible_collections.coffer.velero.plugins.module_utils._velero.sse_c_api import SecretResource

SPEC = kube_spec(
    {
        "secret": {"type": "str", "default": "velero-sse-c/key", "no_log": False},
        "create_if_missing": {"type": "bool", "default": False},
    }
)


def run(task: Task) -> dict[str, t.Any]:
    desired = DesiredSecret(task.params["namespace"], task.params["secret"], task.params["create_if_missing"])
    desired.refuse_contradictions()
    with Kube(task.params) as kube:
        return task.reconcile(SecretResource(kube, desired))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
