# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that SNS and CloudWatch Logs can encrypt with, and those that they cannot."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._kms.model import Key
from ansible_collections.coffer.velero.plugins.module_utils._kms.service_key import is_predicted, service_key
from ansible_collections.coffer.velero.plugins.module_utils._plan import PLACEHOLDER_KEY_ID
from tests.support.profiles import KEY as ARN
from tests.support.refusal import refusal

PREDICTED = f"arn:aws:kms:eu-central-1:111122223333:key/{PLACEHOLDER_KEY_ID}"


def found(given: str | None, key: Key | None = None, region: str = "eu-central-1") -> tuple[str | None, Any]:
    words = {"option": "key", "service": "SNS", "resource": "topic", "aws_managed": "allows no service"}
    return service_key(given, key, region=region, statements="audit_topic_key_statements", **words)


def key(**metadata: Any) -> Key:
    return Key({"Arn": ARN, "KeyId": ARN.rpartition("/")[2], "KeyState": "Enabled", **metadata})


@pytest.mark.parametrize("given", [None, "", PREDICTED])
def test_nothing_is_looked_up(given: str | None) -> None:
    assert found(given) == (given, None)
    assert is_predicted(given) == (given == PREDICTED)


def test_key_is_named_by_its_arn() -> None:
    assert found("alias/velero", key()) == (ARN, None)
    given, unmet = found("alias/velero")
    assert given == "alias/velero"
    assert isinstance(unmet, ValidationError), "an earlier task may create it"


@pytest.mark.parametrize(
    ("metadata", "region", "message"),
    [
        (
            {"KeyManager": "AWS"},
            "eu-central-1",
            "key: k is an AWS managed key, whose policy cannot be changed and allows no service. Choose a customer "
            "managed key, with the statements of coffer.velero.audit_topic_key_statements.",
        ),
        (
            {"KeySpec": "RSA_2048"},
            "eu-central-1",
            f"key: {ARN} is not a symmetric key. SNS encrypts with symmetric keys only.",
        ),
        (
            {},
            "us-east-1",
            f"key: {ARN} is in eu-central-1, the topic is in us-east-1. SNS encrypts with keys of the topic's Region "
            "only: choose a key in us-east-1.",
        ),
        ({"KeyState": "Disabled"}, "eu-central-1", f"key: {ARN} is disabled. Find out who disabled it"),
    ],
)
def test_refused(metadata: dict[str, Any], region: str, message: str) -> None:
    assert refusal(found, "k", key(**metadata), region).startswith(message)
