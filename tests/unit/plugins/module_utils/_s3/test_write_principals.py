# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which statements of a bucket policy concern Velero's writes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._plan import Plan
from ansible_collections.coffer.velero.plugins.module_utils._policy import Desired
from ansible_collections.coffer.velero.plugins.module_utils._s3.policy import decide_bucket_policy
from ansible_collections.coffer.velero.plugins.module_utils._s3.write_principals import WritePrincipals
from tests.support.refusal import refusal

BUCKET = "velero-backups"


ARN = f"arn:aws:s3:::{BUCKET}"


SSE = "s3:x-amz-server-side-encryption"


Document = dict[str, Any]


def deny(**elements: Any) -> Document:
    return {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"{ARN}/*", **elements}


ROLE = "arn:aws:iam::111122223333:role/velero"


PRINCIPALS = WritePrincipals("production", [ROLE])


REQUIREMENT = {"Null": {SSE: "true"}}


def decide(desired: Desired, *current: Document, write_principals: WritePrincipals) -> Plan:
    document = {"Version": "2012-10-17", "Statement": list(current)} if current else None
    return decide_bucket_policy(
        desired,
        document,
        partition="aws",
        arguments={"Bucket": BUCKET},
        bypass=False,
        write_principals=write_principals,
    )


@pytest.mark.parametrize(
    ("elements", "concerned"),
    [
        ({}, True),
        ({"Resource": f"{ARN}/production/*"}, True),
        ({"Resource": f"{ARN}/production/kopia/*"}, True),
        ({"Resource": [f"{ARN}/logs/*", f"{ARN}/prod*"]}, True),
        ({"Resource": f"{ARN}/?roduction/*"}, True),
        ({"Resource": f"{ARN}/${{aws:username}}/*"}, True),
        ({"Resource": f"{ARN}/logs/*"}, False),
        ({"Resource": f"{ARN}/productions/*"}, False),
        ({"Resource": f"{ARN}/production"}, False),
        ({"Resource": ARN}, False),
        ({"Resource": None, "NotResource": f"{ARN}/logs/*"}, True),
        ({"Resource": None, "NotResource": f"{ARN}/production/kopia/*"}, True),
        ({"Resource": None, "NotResource": [ARN, f"{ARN}/production/*"]}, False),
        ({"Resource": None, "NotResource": f"{ARN}/*"}, False),
        ({"Principal": {"AWS": ["111122223333"]}}, True),
        ({"Principal": {"AWS": [ROLE.replace("velero", "other"), ROLE]}}, True),
        ({"Principal": {"AWS": ROLE.replace("velero", "other")}}, False),
        ({"Principal": {"AWS": "444455556666"}}, False),
        ({"Principal": {"Service": "logging.s3.amazonaws.com"}}, False),
        ({"Principal": None, "NotPrincipal": {"AWS": [ROLE, "111122223333"]}}, False),
        ({"Principal": None, "NotPrincipal": {"AWS": ROLE.replace("velero", "other")}}, True),
    ],
)
def test_header_requirement_concerns_writers(elements: Document, concerned: bool) -> None:
    """What concerns other objects or other principals may require any header, owned statements too."""
    statement = {name: value for name, value in deny(Condition=REQUIREMENT, **elements).items() if value is not None}
    owned, unmanaged = {"Sid": "One", **statement}, Desired()
    if concerned:
        with pytest.raises(ValidationError, match="statements: One denies writes that carry no encryption header"):
            decide(Desired([owned]), write_principals=PRINCIPALS)
        with pytest.raises(ValidationError, match="has the unmanaged statement #1, which denies"):
            decide(unmanaged, statement, write_principals=PRINCIPALS)
    else:
        assert decide(Desired([owned]), write_principals=PRINCIPALS).changed
        assert decide(unmanaged, statement, write_principals=PRINCIPALS).warnings == ()


def test_every_principal_may_be_velero_where_no_role_is_known() -> None:
    theirs = deny(Condition=REQUIREMENT, Principal={"AWS": ROLE.replace("velero", "other")})
    assert decide(Desired(), theirs, write_principals=WritePrincipals("production")).warnings
    assert decide(Desired(), theirs, write_principals=WritePrincipals("production", [ROLE])).warnings == ()


@pytest.mark.parametrize("name", ["velero", "arn:aws:iam::111122223333:user/velero", "arn:aws:s3:::role/velero"])
def test_role_arns_are_roles(name: str) -> None:
    assert refusal(WritePrincipals("", [ROLE, name]).refuse_other_names) == (
        f"role_arns: {name} is not the ARN of a role. Give the ARN of a role, like "
        "arn:aws:iam::111122223333:role/velero."
    )
