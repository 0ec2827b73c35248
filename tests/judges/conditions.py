# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Condition keys of requests, and conditions on them, of all families of operators. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .draw import Draw

Values = str | list[str]

_SSE = "s3:x-amz-server-side-encryption"
_KEY_ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
_ISSUER = "oidc.eks.eu-central-1.amazonaws.com/id/ABC"
_OBJECT_ARN = "arn:aws:s3:::acme-backups/production/kopia/ns/p1"

#: Keys by the type of their values, and values that requests have.
_KEYS: Mapping[str, tuple[str, list[Values]]] = {
    "aws:SecureTransport": ("bool", ["true", "true", "true", "false"]),
    "aws:SourceVpce": ("string", ["vpce-1a2b3c4d", "vpce-0000"]),
    "aws:SourceVpc": ("string", ["vpc-111bbb22"]),
    "aws:SourceIp": ("ip", ["203.0.113.7", "203.0.113.200", "10.1.2.3", "2001:db8::7"]),
    "aws:CurrentTime": ("date", ["2026-06-01T12:00:00Z", "2026-12-01T00:00:00Z"]),
    "aws:EpochTime": ("numeric", ["1780315200"]),
    "aws:MultiFactorAuthPresent": ("bool", ["true", "false"]),
    "aws:MultiFactorAuthAge": ("numeric", ["300", "7200"]),
    "aws:PrincipalOrgID": ("string", ["o-acme123456"]),
    "aws:PrincipalOrgPaths": ("strings", [["o-acme123456/r-ab12/ou-ab12-1111/"]]),
    "aws:PrincipalTag/team": ("string", ["storage", "Storage", "production"]),
    "aws:ResourceTag/env": ("string", ["production", "test"]),
    "aws:TagKeys": ("strings", [["team"], ["team", "env"], ["Team", "cost"]]),
    "aws:CalledVia": ("strings", [["cloudformation.amazonaws.com"], ["athena.amazonaws.com", "s3.amazonaws.com"]]),
    "aws:ViaAWSService": ("bool", ["true", "false"]),
    "aws:RequestedRegion": ("string", ["eu-central-1", "us-east-1"]),
}
_OF_SERVICE: Mapping[str, Mapping[str, tuple[str, list[Values]]]] = {
    "s3": {
        _SSE: ("string", ["aws:kms", "AES256", "aws:kms:dsse"]),
        f"{_SSE}-aws-kms-key-id": ("arn", [_KEY_ARN, _KEY_ARN.replace("1234abcd", "9999abcd")]),
        f"{_SSE}-customer-algorithm": ("string", ["AES256"]),
        "s3:prefix": ("string", ["production/", "production/backups/", "", "staging/"]),
        "s3:max-keys": ("numeric", ["1000", "10"]),
        "s3:TlsVersion": ("numeric", ["1.2", "1.3"]),
        "s3:x-amz-acl": ("string", ["private", "public-read"]),
    },
    "kms": {
        "kms:ViaService": ("string", ["s3.eu-central-1.amazonaws.com", "ec2.eu-central-1.amazonaws.com"]),
        "kms:EncryptionContext:aws:s3:arn": ("string", [_OBJECT_ARN, "arn:aws:s3:::acme-backups"]),
        "kms:EncryptionContext:tenant": ("string", ["acme", "other"]),
        "kms:EncryptionContextKeys": ("strings", [["aws:s3:arn"], ["aws:s3:arn", "tenant"]]),
        "kms:GrantIsForAWSResource": ("bool", ["true", "false"]),
        "kms:GrantOperations": ("strings", [["Decrypt"], ["Decrypt", "CreateGrant"]]),
    },
    "sts": {
        "sts:ExternalId": ("string", ["acme-7"]),
        "sts:RoleSessionName": ("string", ["velero", "ada"]),
    },
    "web": {
        f"{_ISSUER}:sub": ("string", ["system:serviceaccount:velero:velero", "system:serviceaccount:shop:web"]),
        f"{_ISSUER}:aud": ("string", ["sts.amazonaws.com"]),
    },
    "sns": {"sns:Protocol": ("string", ["https"])},
}
_OF_PRINCIPAL = {
    "aws:PrincipalArn": "arn",
    "aws:PrincipalAccount": "string",
    "aws:PrincipalType": "string",
    "aws:PrincipalIsAWSService": "bool",
    "aws:PrincipalServiceName": "string",
    "aws:userid": "string",
    "aws:username": "string",
    "kms:CallerAccount": "string",
}
#: Keys that only some requests have, by how they begin.
_OF_ACTION = {
    _SSE: ["s3:PutObject"],
    "s3:x-amz-acl": ["s3:PutObject"],
    "s3:prefix": ["s3:ListBucket"],
    "s3:max-keys": ["s3:ListBucket"],
    "kms:EncryptionContext": ["kms:GenerateDataKey", "kms:Decrypt", "kms:CreateGrant"],
    "kms:Grant": ["kms:CreateGrant"],
    "sns:Protocol": ["sns:Subscribe"],
    "kms:ViaService": ["kms:GenerateDataKey", "kms:Decrypt", "kms:DescribeKey", "kms:CreateGrant"],
}
#: Which are there in every request, in the others only sometimes.
_ALWAYS = {"aws:SecureTransport", "aws:CurrentTime", "aws:EpochTime", "aws:RequestedRegion"}
_OF_SIGNED = ("aws:PrincipalOrg", "aws:PrincipalTag", "aws:MultiFactor")


def _known(service: str, action: str) -> dict[str, tuple[str, list[Values]]]:
    service = "web" if action.endswith("WithWebIdentity") else service
    return {**_KEYS, **_OF_SERVICE.get(service, {})}


def request_context(draw: Draw, service: str, action: str, *, anonymous: bool) -> dict[str, Values]:
    """The keys of a request, without those that its principal decides."""
    context: dict[str, Values] = {}
    for key, (_kind, values) in _known(service, action).items():
        actions = next((found for start, found in _OF_ACTION.items() if key.startswith(start)), [action])
        if action not in actions or (anonymous and key.startswith(_OF_SIGNED)):
            continue
        likely = 0.75 if key in _OF_SERVICE.get(service, {}) or key.startswith(_ISSUER) else 0.35
        if key in _ALWAYS or draw.chance(likely):
            context[key] = draw.one(values)
    return context


# --- conditions ------------------------------------------------------------------------------------------------------

_OPERATORS = {
    "string": [
        *(["StringEquals"] * 4),
        *(["StringLike"] * 3),
        "StringNotEquals",
        "StringNotEquals",
        "StringNotLike",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
    ],
    "arn": [
        *("ArnEquals", "ArnLike", "ArnLike", "ArnNotEquals", "ArnNotLike"),
        *("StringEquals", "StringLike", "StringNotLike", "StringNotEquals"),
    ],
    "bool": ["Bool"],
    "ip": ["IpAddress", "IpAddress", "NotIpAddress"],
    "date": [
        *("DateGreaterThan", "DateLessThan", "DateLessThanEquals"),
        *("DateGreaterThanEquals", "DateEquals", "DateNotEquals"),
    ],
    "numeric": [
        *("NumericEquals", "NumericNotEquals", "NumericLessThan"),
        *("NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"),
    ],
}


def conditions(draw: Draw, context: Mapping[str, Values], service: str, *, aims: bool) -> dict[str, Any]:
    """The element Condition: one to three conditions.

    :param context: what the request has
    """
    known = {**_known(service, ""), **(_OF_SERVICE["web"] if any(_ISSUER in key for key in context) else {})}
    kinds = {**{key: kind for key, (kind, _values) in known.items()}, **_OF_PRINCIPAL}
    names = list(kinds)
    own = [key for key in names if key in _OF_SERVICE.get(service, {}) or key.startswith(_ISSUER)]
    usual = ["aws:SecureTransport", "aws:PrincipalArn", "aws:SourceVpce", "aws:PrincipalOrgID", *own, *own]
    found: dict[str, Any] = {}
    for _dummy in range(draw.weighted({1: 6.0, 2: 3.0, 3: 1.0})):
        key = draw.one(usual) if draw.chance(0.6) else draw.one(names)
        if aims and key not in context and draw.chance(0.7):
            key = draw.one([one for one in names if one in context])
        operator, expected = _condition(draw, kinds[key], context.get(key), known.get(key, ("", []))[1], aims=aims)
        spelled = key.lower() if draw.chance(0.08) else key
        found.setdefault(operator, {})[spelled] = expected
    return found


def _condition(draw: Draw, kind: str, actual: Values | None, usual: list[Values], *, aims: bool) -> tuple[str, Any]:
    if draw.chance(0.12):
        wanted = str(actual is None).lower() if draw.chance(0.9 if aims else 0.5) else draw.one(["true", "false"])
        return "Null", draw.one([wanted, wanted, wanted == "true"])
    values = [actual] if isinstance(actual, str) else list(actual or [])
    others = [one for value in usual for one in ([value] if isinstance(value, str) else value)]
    base = draw.one(_OPERATORS["string" if kind == "strings" else kind])
    operator = _quantified(draw, base, kind)
    fits = draw.chance(0.85 if aims else 0.5) != ("Not" in base)
    pool = values if fits and values else others or ["other"]
    expected: list[Any] = [_expected(draw, kind, base, draw.one(pool), fits=fits)]
    if draw.chance(0.3) and kind != "bool":
        expected.append(_expected(draw, kind, base, draw.one(others or ["other"]), fits=False))
    if kind == "strings" and fits and draw.chance(0.6):
        expected += values
    return operator, expected if len(expected) > 1 or draw.chance(0.3) else expected[0]


def _quantified(draw: Draw, operator: str, kind: str) -> str:
    suffix = "IfExists" if draw.chance(0.15) else ""
    if kind == "strings" or draw.chance(0.03):
        return f"{draw.one(['ForAllValues', 'ForAnyValue'])}:{operator}{suffix}"
    return operator + suffix


def _expected(draw: Draw, kind: str, operator: str, value: str, *, fits: bool) -> Any:
    match kind:
        case "bool":
            wanted = value if fits else draw.one(["true", "false"])
            return draw.one([wanted, wanted, wanted == "true", wanted.capitalize()])
        case "numeric":
            number = float(value) + (0 if fits else draw.one([-1, 0, 1, 0.5]))
            return draw.one([str(number), f"{number:g}" if number < 1e5 else str(int(number)), number])
        case "date":
            return (
                value
                if fits
                else draw.one(["2026-01-01T00:00:00Z", "2026-07-01T00:00:00+02:00", "1780315200", "2027-01-01"])
            )
        case "ip":
            return draw.one(
                [value, f"{value}/128" if ":" in value else f"{value}/24", "203.0.113.0/25", "2001:db8::/32"]
            )
    return _text(draw, operator, value, fits=fits)


_VARIABLES = ["${aws:PrincipalTag/team}", "${aws:PrincipalAccount}", "${aws:username}", "${aws:PrincipalTag/none, 'x'}"]


def _text(draw: Draw, operator: str, value: str, *, fits: bool) -> str:
    if draw.chance(0.04):
        return draw.one(_VARIABLES)
    if not fits:
        head, _separator, tail = value.partition(":")
        return draw.one([value, f"{value}x", value[1:], value.swapcase(), f"{tail}:{head}", value.replace("e", "*")])
    wild = [value, value, f"{value[:3]}*", f"*{value[-3:]}", f"{value[:-1]}?", "*"]
    if "Like" in operator or "Arn" in operator:
        return draw.one(wild)
    return value if draw.chance(0.9) else draw.one(wild)
