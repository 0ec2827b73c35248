# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One test for each patch of moto's event patterns, of its name: what AWS does, seen through boto3."""

from __future__ import annotations

import json
from typing import Any

from tests.support.emulators import Moto

ACCOUNT = "123456789012"


def test_pattern_looks_into_arrays_of_objects(moto: Moto) -> None:
    moto.reset()
    events, sqs = moto.client("events"), moto.client("sqs")
    url = sqs.create_queue(QueueName="oncall")["QueueUrl"]
    pattern = {"source": ["a"], "detail": {"resources": {"type": ["key"], "ARN": ["arn:1"]}}}
    events.put_rule(Name="velero", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="velero", Targets=[{"Id": "a", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:oncall"}])

    def arrives(*resources: dict[str, Any]) -> bool:
        detail = json.dumps({"resources": resources})
        events.put_events(Entries=[{"Source": "a", "DetailType": "b", "Detail": detail}])
        messages = sqs.receive_message(QueueUrl=url).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bool(messages)

    key, alias = {"type": "key", "ARN": "arn:1"}, {"type": "alias", "ARN": "arn:2"}
    assert arrives(key)
    assert arrives(alias, key)
    assert not arrives(alias)
    assert not arrives({"type": "key", "ARN": "arn:2"}, {"type": "alias", "ARN": "arn:1"})
    assert not arrives()
