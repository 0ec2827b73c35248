#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_oidc_provider
short_description: Manage the IAM OIDC provider of a cluster
version_added: 0.1.0
description:
  - Makes sure that IAM trusts the tokens of a cluster's ServiceAccounts, as IAM roles for service accounts (IRSA) need.
    The issuer is read from an EKS cluster, or given.
  - A cluster has one provider in an account, whatever uses it. Audiences that others added are kept.
  - The provider is found by its ARN, which follows from account and issuer; providers are never listed.
  - A run that changes nothing sends 2 requests, and 1 with O(issuer_url), O(account_id) and O(partition).
author: The coffer.velero authors (@coffer-velero)
options:
  cluster_name:
    description: Name of an EKS cluster of the Region. Its issuer and its account are taken from C(eks:DescribeCluster).
    type: str
  issuer_url:
    description:
      - The issuer of the cluster's tokens, as C(kubectl get --raw /.well-known/openid-configuration) reports it. C(https://)
        can be left out, a slash at the end means nothing, and the case of the host neither.
    type: str
  state:
    description:
      - V(present) makes sure that the provider exists as described.
      - V(absent) deletes the provider. It is refused while a role trusts it, which could no longer be assumed then;
        IAM does not ask. Give O(issuer_url) where the cluster is gone already.
    type: str
    choices: ['present', 'absent']
    default: present
  client_ids:
    description:
      - Audiences of the tokens that are accepted. Missing ones are added and others kept. IRSA asks for the default.
    type: list
    elements: str
    default: ['sts.amazonaws.com']
  thumbprints:
    description:
      - SHA-1 fingerprints of the certificates that the issuer is trusted by, at most 5. They replace what is there.
      - Not needed where the certificate of the issuer is signed by a public authority, as that of EKS is. IAM finds the
        thumbprint itself where the option is not set.
    type: list
    elements: str
  account_id:
    description:
      - The 12 digits of the account of the credentials. With O(partition) it saves a request to STS. With
        O(cluster_name) neither is needed, since the cluster names its account.
      - Before a provider is created, it is compared with the account of the credentials.
    type: str
  partition:
    description: Partition of the account, such as V(aws), V(aws-cn), V(aws-us-gov) or V(aws-eusc).
    type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero
  - coffer.velero._velero.aws
  - coffer.velero._velero.tags
"""

EXAMPLES = r"""
- name: Trust the ServiceAccounts of an EKS cluster
  coffer.velero.iam_oidc_provider:
    cluster_name: production
  register: provider

- name: Trust those of another cluster
  coffer.velero.iam_oidc_provider:
    issuer_url: https://oidc.example.com/clusters/production
    tags:
      cluster: production
"""

RETURN = r"""
oidc_provider_arn:
  description: ARN of the provider, in check mode that of the provider that would be created.
  returned: success
  type: str
  sample: arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE
oidc_provider:
  description: The issuer as condition keys of trust policies spell it, in front of C(:sub) and C(:aud).
  returned: when O(state=present)
  type: str
  sample: oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE
issuer_url:
  description: The issuer of the cluster's tokens.
  returned: success
  type: str
  sample: https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLE
client_ids:
  description: All audiences of the provider.
  returned: when O(state=present)
  type: list
  elements: str
  sample: ['sts.amazonaws.com']
thumbprints:
  description: Thumbprints of the provider; empty for a new one where IAM finds them.
  returned: when O(state=present)
  type: list
  elements: str
  sample: ['9e99a48a9960b14926bb7f3b02e22da2b0ab7280']
tags:
  description: Tags of the provider.
  returned: when O(state=present)
  type: dict
  sample: {cluster: production}
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._argspec import STATE, TAGS
from ansible_collections.coffer.velero.plugins.module_utils._aws import Aws, aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._iam.api import Account, ProviderResource, cluster_issuer
from ansible_collections.coffer.velero.plugins.module_utils._iam.decide_provider import DesiredProvider
from ansible_collections.coffer.velero.plugins.module_utils._iam.model import issuer_name
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module

SPEC = aws_spec(
    {
        "cluster_name": {"type": "str"},
        "issuer_url": {"type": "str"},
        **STATE,
        "client_ids": {"type": "list", "elements": "str", "default": ["sts.amazonaws.com"]},
        "thumbprints": {"type": "list", "elements": "str"},
        "account_id": {"type": "str"},
        "partition": {"type": "str"},
        **TAGS,
    },
    required_one_of=[("cluster_name", "issuer_url")],
    mutually_exclusive=[("cluster_name", "issuer_url")],
)


def run(task: Task) -> dict[str, t.Any]:
    params = task.params
    aws = Aws(params)
    account = Account(aws, params["account_id"], params["partition"])
    if params["issuer_url"] is not None:
        issuer = issuer_name(params["issuer_url"])
    else:
        issuer, owner = cluster_issuer(aws, params["cluster_name"])
        account = Account(aws, params["account_id"], _owner=owner)
    desired = DesiredProvider.of(params, issuer)
    return task.reconcile(ProviderResource(aws, desired, account, absent=params["state"] == "absent"))


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
