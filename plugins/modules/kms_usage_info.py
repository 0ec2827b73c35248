#!/usr/bin/python
# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kms_usage_info
short_description: Report who used a KMS key, and which calls were refused
version_added: 0.1.0
description:
  - Counts the calls that concern a KMS key in a window of time, by event, principal, user agent, source and error, and
    shows the latest that failed. It reads CloudTrail's records from a log group or, without a trail, Event history.
  - An event concerns the key where its resources name the key's ARN, whatever the request called it. One that was
    refused early names no resource; then the ARN in its error message counts, or the ARN, id or alias in its request.
  - Uses that S3 was spared by a Bucket Key do not reach KMS and are in no record; RV(bucket_key) estimates them.
  - A query that is interrupted, fails or takes longer than O(timeout) is stopped. Nothing else is written anywhere.
  - On a local connection the module reports its progress every three seconds.
  - Needs C(kms:DescribeKey) where O(key_id) is no key ARN, C(kms:ListAliases) without O(aliases),
    C(kms:GetKeyLastUsage) with O(last_usage), for a log group C(logs:DescribeLogGroups), C(logs:StartQuery),
    C(logs:GetQueryResults) and C(logs:StopQuery), for Event history C(cloudtrail:LookupEvents).
  - A run sends 2 requests to KMS, 3 where O(key_id) is no key ARN. A log group takes 2 more and one for each poll of
    the query; failures to show and O(bucket) are a query more each. Event history takes one for 50 events.
author: The coffer.velero authors (@coffer-velero)
options:
  key_id:
    description:
      - ARN, id, alias or alias ARN of the key. By its ARN the key may be a deleted one, or another account's.
      - It may be of another Region than the task, by ARN. Then the log group is of the task's Region, where a trail of
        all Regions delivers to. KMS, Event history and request metrics are asked in the key's.
      - In check mode a key that does not exist yet was not used.
    type: str
    required: true
    aliases: ['key_arn', 'kms_key_arn']
  aliases:
    description:
      - Names of the key's aliases, which a request can write for it. KMS is asked for them by default, which it answers
        for keys of the own account only.
    type: list
    elements: str
  source:
    description:
      - Where CloudTrail's records are read.
      - V(logs) queries O(log_group) with CloudWatch Logs Insights. AWS charges by what a query scans, see
        U(https://aws.amazon.com/cloudwatch/pricing/).
      - V(lookup) reads CloudTrail's Event history. It costs nothing, has the management events of the last 90 days of
        this account and Region, and gives 100 events a second.
      - V(auto) is V(logs) where O(log_group) is set, else V(lookup).
    type: str
    choices: ['auto', 'logs', 'lookup']
    default: auto
  log_group:
    description:
      - Log group that a trail delivers to, by name or ARN. With CloudWatch cross-account observability it may be of a
        source account, by ARN.
      - What was recorded before the log group was made is not in it, and is a warning where the window begins before.
      - In check mode a log group that does not exist yet has no records.
    type: str
  start:
    description: Begin of the window, in ISO 8601, UTC where it says no offset, and no older than what the source keeps.
    type: str
  end:
    description: End of the window. Now by default. CloudTrail delivers within some 5 to 15 minutes.
    type: str
  hours:
    description: Length of the window, back from its end, where there is no O(start). 24 by default.
    type: float
  max_failures:
    description: How many calls that failed are shown, the latest.
    type: int
    default: 100
  lookup_scope:
    description:
      - Which events of Event history are read. V(key) reads those that name the key as their resource, V(service) all
        of KMS, among them the refused calls that name no resource.
    type: str
    choices: ['key', 'service']
    default: key
  max_events:
    description: How many events of Event history are read, the latest. RV(truncated) says whether there are more.
    type: int
    default: 10000
  timeout:
    description: Seconds that all queries have together.
    type: int
    default: 300
  last_usage:
    description: Whether KMS is asked for the key's last use too. It answers for keys of the own account only.
    type: bool
    default: true
  bucket:
    description: Bucket that the key encrypts, to estimate what its Bucket Key has saved.
    type: str
  request_metrics_filter:
    description: Id of the bucket's request metrics, to count object requests by in place of the trail's data events.
    type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - coffer.velero._velero.info
  - coffer.velero._velero.aws
notes:
  - The queries of Logs Insights are tested with an implementation of the language that follows its documentation, all
    answers against the shapes of AWS's own service models. No emulator has the real ones.
seealso:
  - plugin: coffer.velero.kms_usage_query
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Who used the key today, from the trail's log group
  coffer.velero.kms_usage_info:
    key_id: alias/velero-backups
    log_group: aws-cloudtrail-logs
  register: usage

- name: Stop where anybody was refused
  ansible.builtin.assert:
    that: usage.totals.denied == 0
    fail_msg: "{{ usage.failures | to_nice_yaml }}"

- name: The last month without a trail, and what a Bucket Key has saved by the bucket's request metrics
  coffer.velero.kms_usage_info:
    key_id: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
    source: lookup
    hours: 720
    bucket: acme-backups
    request_metrics_filter: EntireBucket
"""

RETURN = r"""
key_arn:
  description: ARN of the key. V(null) where there is none in check mode.
  returned: success
  type: str
  sample: arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
aliases:
  description: The aliases that were searched for.
  returned: success
  type: list
  elements: str
  sample: [alias/velero-backups]
window:
  description: The window that was searched.
  returned: success
  type: dict
  sample: {start: '2026-11-23T08:00:00Z', end: '2026-11-24T08:00:00Z', hours: 24.0}
source:
  description: Where the records came from, V(logs) or V(lookup).
  returned: success
  type: str
  sample: logs
totals:
  description: Calls, and of them those that succeeded, that failed, and that failed because access was denied.
  returned: success
  type: dict
  sample: {calls: 190, succeeded: 188, failed: 2, denied: 2}
by_event:
  description: The calls by event, most frequent first.
  returned: success
  type: list
  elements: dict
  sample:
    - {event: GenerateDataKey, calls: 152, succeeded: 150, failed: 2, denied: 2,
      first: '2026-11-23T20:00:04Z', last: '2026-11-24T07:00:09Z'}
by_principal:
  description: The calls by principal. The sessions of a role count for the role.
  returned: success
  type: list
  elements: dict
  sample:
    - {principal: 'arn:aws:iam::111122223333:role/velero', calls: 188, succeeded: 188, failed: 0, denied: 0,
      first: '2026-11-23T20:00:04Z', last: '2026-11-24T07:00:09Z'}
by_user_agent:
  description: The calls by user agent.
  returned: success
  type: list
  elements: dict
  sample:
    - {user_agent: 'AWS Internal', calls: 188, succeeded: 188, failed: 0, denied: 0,
      first: '2026-11-23T20:00:04Z', last: '2026-11-24T07:00:09Z'}
by_source:
  description: The calls by the AWS service that called for the principal, else by address.
  returned: success
  type: list
  elements: dict
  sample:
    - {source: 'AWS Internal', calls: 188, succeeded: 188, failed: 0, denied: 0,
      first: '2026-11-23T20:00:04Z', last: '2026-11-24T07:00:09Z'}
by_error:
  description: The calls that failed by error, and whether it means that access was denied.
  returned: success
  type: list
  elements: dict
  sample:
    - {error: AccessDenied, denied: true, calls: 2, events: [GenerateDataKey],
      principals: ['arn:aws:iam::111122223333:role/app'],
      first: '2026-11-24T05:12:44Z', last: '2026-11-24T05:13:01Z'}
failures:
  description: The latest O(max_failures) calls that failed.
  returned: success
  type: list
  elements: dict
  sample:
    - time: '2026-11-24T05:13:01Z'
      event: GenerateDataKey
      principal: arn:aws:iam::111122223333:role/app
      source: 203.0.113.7
      user_agent: aws-cli/2.31.0
      error: AccessDenied
      message: 'User: arn:aws:sts::111122223333:assumed-role/app/i-0 is not authorized to perform: kms:GenerateDataKey'
      event_id: 3fa1a2b0-0d3a-4e53-9f0d-2d5c6f4a1b11
truncated:
  description: Whether the source had more than was read. Then the counts are too low, and a note says why.
  returned: success
  type: bool
  sample: false
last_usage:
  description:
    - The last successful cryptographic operation, as KMS reports it, up to an hour late. C(known=false) where this
      boto3 cannot ask. V(null) without O(last_usage).
  returned: success
  type: dict
  sample: {known: true, event: GenerateDataKey, time: '2026-11-24T07:00:09Z',
           event_id: 5a6b1c1e-6a0f-4a53-8b38-0c6a1f6d9c55,
           tracked_since: '2026-04-27T00:00:00Z', key_created: '2026-01-05T09:30:00Z'}
bucket_key:
  description:
    - The calls that a Bucket Key has saved, C(calls_saved). Without one S3 calls KMS for each object request, so these
      are the object requests less the successful C(GenerateDataKey) and C(Decrypt) calls of the key. Other users of the
      key make it too low, requests for objects that are not under the key too high.
    - C(calls_saved) is V(null) where the object requests were not counted, and C(reason) says why.
  returned: success
  type: dict
  sample: {object_requests: 41200, kms_calls: 188, calls_saved: 41012, reason: null, method: data events}
notes:
  description: What is not known, or should be known of the source. A warning too where the counts are too low.
  returned: success
  type: list
  elements: str
  sample: []
"""

import typing as t

from ansible_collections.coffer.velero.plugins.module_utils._aws import aws_spec
from ansible_collections.coffer.velero.plugins.module_utils._runner import Task, run_module
from ansible_collections.coffer.velero.plugins.module_utils._usage.api import key_usage
from ansible_collections.coffer.velero.plugins.module_utils._usage.polling import Poller

SPEC = aws_spec(
    {
        "key_id": {"type": "str", "required": True, "aliases": ["key_arn", "kms_key_arn"], "no_log": False},
        "aliases": {"type": "list", "elements": "str"},
        "source": {"type": "str", "choices": ["auto", "logs", "lookup"], "default": "auto"},
        "log_group": {"type": "str"},
        "start": {"type": "str"},
        "end": {"type": "str"},
        "hours": {"type": "float"},
        "max_failures": {"type": "int", "default": 100},
        "lookup_scope": {"type": "str", "choices": ["key", "service"], "default": "key"},
        "max_events": {"type": "int", "default": 10000},
        "timeout": {"type": "int", "default": 300},
        "last_usage": {"type": "bool", "default": True},
        "bucket": {"type": "str"},
        "request_metrics_filter": {"type": "str"},
    },
    mutually_exclusive=[("start", "hours")],
    required_if=[("source", "logs", ["log_group"])],
    required_by={"request_metrics_filter": ["bucket"]},
)


def run(task: Task) -> dict[str, t.Any]:
    poller = Poller(task.params["timeout"], task.sleep, task.progress)
    usage = key_usage(task.params, poller, missing=task.tolerate_missing_in_check_mode, warn=task.warn)
    return {"changed": False, **usage}


def main() -> t.NoReturn:
    run_module(SPEC, run)


if __name__ == "__main__":
    main()
