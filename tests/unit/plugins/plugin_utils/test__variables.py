# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage profile from the variables of a host."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._plan import PLACEHOLDER_KEY_ID
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile
from ansible_collections.coffer.velero.plugins.plugin_utils._variables import (
    PLACEHOLDER_ACCOUNT_ID,
    PROFILE_FIELDS,
    parse_profile,
    variables_of,
)
from tests.support.profiles import KEY, VARIABLES
from tests.support.refusal import refusal

#: What the roles have found.
FOUND: dict[str, Any] = {"account_id": "111122223333", "partition": "aws", "kms_key_arn": KEY}


class Templar:
    """Stands for the templating engine: a text in braces is the name of another variable."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables

    def template(self, value: Any) -> Any:
        name = re.fullmatch(r"{{ (\w+) }}", value) if isinstance(value, str) else None
        return self.variables[name[1]] if name else value


def parse(variables: dict[str, Any], **options: Any) -> StorageProfile:
    return parse_profile(variables_of(Templar(variables), variables), [], FOUND | options)


def test_defaults_of_the_role_are_those_of_a_profile() -> None:
    expected = StorageProfile(
        account_id="111122223333",
        region="eu-central-1",
        bucket="acme-backups",
        kms_key_arn=KEY,
        role_arns=("arn:aws:iam::111122223333:role/velero",),
        policy_arns=("arn:aws:iam::111122223333:policy/velero",),
    )
    assert parse(VARIABLES) == expected


@pytest.mark.parametrize("name", [*PROFILE_FIELDS, "object_tagging"])
def test_every_variable_is_read_and_templated(name: str) -> None:
    given = {
        "region": "us-west-2",
        "encryption_mode": "sse-c",
        "kms_key_arn": KEY.replace("1234", "5678"),
        "kms_previous_key_arns": [KEY.replace("1234", "5678")],
        "kms_key_administrators": ["arn:aws:iam::111122223333:role/admin"],
        "update_encryption_arns": ["arn:aws:iam::111122223333:role/admin"],
        "bucket_key_enabled": False,
        "oidc_issuer_url": "https://issuer.example",
        "s3_url": "https://s3.example",
        "s3_force_path_style": True,
        "ebs_snapshots": True,
        "ebs_kms_key_arns": [KEY.replace("1234", "5678")],
        "sse_c_secret": "other/key",
        "object_tagging": "team=backup&env=prod",
    }.get(name, "other")
    variables = {**VARIABLES, f"velero_{name}": "{{ theirs }}", "theirs": given}
    if name == "region":
        variables["velero_encryption_mode"] = "sse-s3"
    if name == "ebs_kms_key_arns":
        variables["velero_ebs_snapshots"] = True
    found = getattr(parse(variables), {"object_tagging": "tagging"}.get(name, name))
    assert found == (tuple(given) if isinstance(given, list) else given)


def test_role_is_the_one_of_that_name_in_the_account_of_the_caller() -> None:
    variables = {**VARIABLES, "velero_role_name": "{{ theirs }}", "theirs": "velero-two"}
    assert parse(variables).role_arns == ("arn:aws:iam::111122223333:role/velero-two",)
    profile = parse({**variables, "velero_role_path": "/teams/backup/", "velero_policy_path": "/teams/"})
    assert profile.role_arns == ("arn:aws:iam::111122223333:role/teams/backup/velero-two",)
    assert profile.policy_arns == ("arn:aws:iam::111122223333:policy/teams/velero",)


@pytest.mark.parametrize(
    ("name", "wrong", "text"),
    [
        ("velero_role_path", "backup", "backup is not a path of IAM. Begin and end it with a slash: /backup/."),
        ("velero_policy_path", "/backup", "/backup is not a path of IAM. Begin and end it with a slash: /backup/."),
        ("velero_role_permissions_boundary", "bounds", "bounds is not the ARN of a managed policy."),
    ],
)
def test_what_iam_would_not_take_of_a_role(name: str, wrong: str, text: str) -> None:
    with pytest.raises(ValidationError, match=f"{name}: {text}"):
        parse({**VARIABLES, name: wrong})


IAM = "is not a name for IAM. Give 1 to {} letters, digits and _+=,.@- without path or ARN."
KUBERNETES = (
    "is not a name for Kubernetes. Give up to 253 lower-case letters, digits, hyphens and dots, with a letter or digit "
    "beside each dot."
)


@pytest.mark.parametrize(
    ("name", "wrong", "text"),
    [
        *(
            ("velero_role_name", wrong, IAM.format(64))
            for wrong in ("a,arn:aws:iam::222222222222:role/b", "backup/velero", "a*", "a b", "r" * 65, "")
        ),
        *(("velero_policy_name", wrong, IAM.format(128)) for wrong in ("backup/velero", "p" * 129, None)),
        *(("velero_backup_location_name", wrong, KUBERNETES) for wrong in ("Default", "l" * 254)),
    ],
)
def test_name_that_a_later_role_could_not_use(name: str, wrong: Any, text: str) -> None:
    assert refusal(parse, {**VARIABLES, name: wrong}) == f"{name}: {wrong or 'it'} {text}"


def test_key_that_was_made_has_no_meaning_without_kms() -> None:
    assert parse({**VARIABLES, "velero_encryption_mode": "sse-s3"}).kms_key_arn is None


def test_issuer_that_the_cluster_told_wins() -> None:
    told = "https://oidc.eks.eu-central-1.amazonaws.com/id/A"
    variables = {**VARIABLES, "velero_oidc_issuer_url": "https://i.example"}
    assert parse(variables, oidc_issuer_url=told).oidc_issuer_url == told
    assert parse(variables, oidc_issuer_url="").oidc_issuer_url == "https://i.example"


def test_key_that_is_yet_to_be_created_is_asked_for() -> None:
    with pytest.raises(ValidationError, match="velero_kms_key_arn: it is not set"):
        parse(VARIABLES, kms_key_arn="")
    expected = f"arn:aws:kms:eu-central-1:111122223333:key/{PLACEHOLDER_KEY_ID}"
    assert parse(VARIABLES, kms_key_arn="", with_created_key=True).kms_key_arn == expected
    assert parse(VARIABLES, with_created_key=True).kms_key_arn == KEY


def of_location(**config: str) -> dict[str, Any]:
    return {"location": {"name": "default", "spec": {"config": config}}}


@pytest.mark.parametrize(
    ("variables", "options", "field", "expected"),
    [
        ({}, of_location(tagging="a=b&c=d"), "tagging", "a=b&c=d"),
        ({"velero_object_tagging": ""}, of_location(tagging="a=b&c=d"), "tagging", ""),
        ({"velero_object_tagging": "e=f&g=h"}, of_location(tagging="a=b&c=d"), "tagging", "e=f&g=h"),
        ({}, of_location(s3Url="http://s3.eu-central-1.amazonaws.com"), "uses_tls", False),
        ({"velero_s3_url": ""}, of_location(s3Url="https://minio.example"), "s3_url", None),
        ({"velero_s3_url": "https://minio.example"}, of_location(s3Url="https://minio.example"), "uses_tls", True),
        ({}, of_location(s3ForcePathStyle="T"), "s3_force_path_style", True),
        ({}, {}, "service_account", "velero"),
        ({}, {"identity": {"service_account": "velero-server"}}, "service_account", "velero-server"),
        (
            {"velero_service_account": "backup"},
            {"identity": {"service_account": "velero-server"}},
            "service_account",
            "backup",
        ),
        ({}, {"identity": {"audience": "aws.example"}}, "oidc_audience", "aws.example"),
    ],
)
def test_what_no_variable_says_is_as_the_cluster_has_it(
    variables: dict[str, Any], options: dict[str, Any], field: str, expected: Any
) -> None:
    assert getattr(parse({**VARIABLES, **variables}, **options), field) == expected


def test_another_server_has_to_be_named() -> None:
    url = "https://bucket.vpce-1.s3.eu-central-1.vpce.amazonaws.com"
    assert refusal(parse, VARIABLES, **of_location(s3Url=url)) == (
        f'velero_s3_url: it is not set, and BackupStorageLocation "default" has its objects at {url}. '
        f"Set it to {url} to keep them there, or to '' for a bucket of S3 itself."
    )


READER = {"location": {"name": "default", "spec": {"accessMode": "ReadOnly"}}}


@pytest.mark.parametrize(
    "given", [{"velero_proof": "never"}, {"velero_proof_backup": False}, {"velero_proof_backup": "no"}]
)
def test_reader_that_makes_no_test_backup(given: dict[str, Any]) -> None:
    assert parse({**VARIABLES, **given}, **READER)


def test_reader_that_would_make_a_test_backup() -> None:
    assert refusal(parse, VARIABLES, **READER) == (
        'velero_proof_backup: it is not false, and BackupStorageLocation "default" is ReadOnly: it takes no test '
        "backup. Set velero_proof_backup=false for a cluster that only restores from it; the verification then reads "
        "the objects. velero_access_mode=ReadWrite lets this cluster write there."
    )


def test_variables_are_checked_before_the_account_is_known() -> None:
    profile = parse_profile(VARIABLES.get, [], {"with_created_key": True})
    assert profile.account_id == PLACEHOLDER_ACCOUNT_ID
    assert profile.partition == "aws"


@pytest.mark.parametrize(("terms", "options"), [(["bucket"], {}), ([], {"bucket": "other"})])
def test_nothing_is_ignored(terms: list[str], options: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"is not an option of this lookup\. It takes the"):
        parse_profile(VARIABLES.get, terms, options)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("velero_environment", "AWS_PROFILE=x", "AWS_PROFILE=x is no dictionary, so that it would be ignored."),
        ("velero_environment", '{"AWS_PROFILE": "x"}', "is no dictionary, so that it would be ignored."),
        ("velero_environment", ["AWS_PROFILE"], "is no dictionary, so that it would be ignored."),
        ("velero_tags", "team=a", "team=a is no dictionary, so that it would be ignored."),
        ("velero_tags", {"team": None}, 'the value of "team" is empty, and no text. Write it in quotes.'),
        ("velero_account_id", 1402433619, "1402433619 is not an account. Give its 12 digits, quoted."),
    ],
)
def test_what_would_be_taken_for_something_else(name: str, value: Any, text: str) -> None:
    message = refusal(parse, VARIABLES | {name: value})
    assert message.startswith(f"{name}: ")
    assert text in message


def test_empty_answers_of_a_survey_say_nothing() -> None:
    empty = {"velero_environment": "", "velero_tags": "", "velero_account_id": "", "velero_kms_previous_key_arns": ""}
    assert parse(VARIABLES | empty) == parse(VARIABLES)


@pytest.mark.parametrize(
    ("before", "until", "message"),
    [
        ("2026-01-01T00:00:00Z", "", "velero_accept_objects_until: it is not set, and velero_accept_objects_before is"),
        ("2026-01-01T00:00:00Z", "2999-01-01", "velero_accept_objects_until: 2999-01-01 is too far away"),
        ("soon", "2026-12-01", "velero_accept_objects_before: soon is no time with its zone"),
    ],
)
def test_what_is_accepted_is_refused_with_the_variables(before: str, until: str, message: str) -> None:
    variables = {**VARIABLES, "velero_accept_objects_before": before, "velero_accept_objects_until": until}
    assert refusal(parse, variables).startswith(message)
