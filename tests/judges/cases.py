# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases for the judges: a request and the policies that bear on it. Pure; a case is made from its number alone.

The policies look like those of backup accounts: keys by ``kms:ViaService`` and encryption context, buckets by
headers, TLS and endpoints, trusts by token; among them the oddities that the policy language allows. Half of the cases
are aimed at an Allow, else nearly all would end in an implicit denial.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .conditions import conditions, request_context
from .draw import Draw

Document = dict[str, Any]

ACCOUNTS = ("111122223333", "444455556666", "777788889999")
REGION = "eu-central-1"
BUCKET = "acme-backups"
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
ISSUER = f"oidc.eks.{REGION}.amazonaws.com/id/ABC"
SESSION = "velero-7f9c"


@dataclass(frozen=True)
class Caller:
    """Who asks.

    :param arn: as a request has it: of a session, not of its role
    :param is_role: that the question is about the role, whose session has some name
    """

    kind: str
    account: str | None
    arn: str
    role_arn: str | None = None
    unique_id: str | None = None
    is_role: bool = False

    @property
    def context(self) -> dict[str, str]:
        """The keys that AWS sets from the principal (IAM user guide, "AWS global condition context keys")."""
        if self.kind in ("anonymous", "web"):
            return {"aws:PrincipalType": "Anonymous"} if self.kind == "anonymous" else {}
        if self.kind == "service":
            return {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": self.arn}
        account = str(self.account)
        found = {
            "aws:PrincipalArn": self.role_arn or self.arn,
            "aws:PrincipalAccount": account,
            "aws:PrincipalIsAWSService": "false",
        }
        name = self.arn.rpartition("/")[2]
        if self.kind == "root":
            return found | {"aws:PrincipalType": "Account", "aws:userid": account}
        if self.kind == "user":
            return found | {"aws:PrincipalType": "User", "aws:userid": str(self.unique_id), "aws:username": name}
        return found | {"aws:PrincipalType": "AssumedRole", "aws:userid": f"{self.unique_id}:{name}"}


@dataclass(frozen=True)
class Target:
    """What is asked for.

    :param kind: whose policy a resource has, if any
    """

    kind: str
    action: str
    resource: str
    owner: str

    @property
    def service(self) -> str:
        return self.action.partition(":")[0]


@dataclass(frozen=True)
class Case:
    """
    :param context: condition keys of the request, without those that the principal decides; what it lacks is not there
    :param scps: one list of documents for each level, from the root of the organization down
    :param rcps: the same; they only deny, beside the one of AWS that allows everything
    """

    number: int
    caller: Caller
    target: Target
    context: dict[str, str | list[str]]
    identity: list[Document] = field(default_factory=list)
    boundary: Document | None = None
    session: Document | None = None
    resource: Document | None = None
    scps: list[list[Document]] = field(default_factory=list)
    rcps: list[list[Document]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All documents, in lower case."""
        return json.dumps(self.documents).lower()

    @property
    def whole_context(self) -> dict[str, str | list[str]]:
        caller = self.caller.context
        if self.target.service == "kms" and self.caller.account:
            caller["kms:CallerAccount"] = self.caller.account
        return {**self.context, **caller}

    @property
    def documents(self) -> list[Document]:
        found = [*self.identity, self.boundary, self.session, self.resource]
        found += [document for level in (*self.scps, *self.rcps) for document in level]
        return [document for document in found if document is not None]

    @property
    def statements(self) -> list[Document]:
        return [statement for document in self.documents for statement in document["Statement"]]


# --- who asks for what -----------------------------------------------------------------------------------------------

_CALLERS = {"session": 60.0, "user": 14.0, "root": 9.0, "service": 7.0, "anonymous": 5.0}
_PATHS = {"": 8.0, "team/": 2.0, "team/backup/": 1.0}


def _caller(draw: Draw) -> Caller:
    kind, account = draw.weighted(_CALLERS), draw.weighted({ACCOUNTS[0]: 6.0, ACCOUNTS[1]: 2.0, ACCOUNTS[2]: 1.0})
    if kind == "service":
        return Caller(kind, None, draw.one(["cloudtrail.amazonaws.com", "logging.s3.amazonaws.com"]))
    if kind == "anonymous":
        return Caller(kind, None, "*")
    if kind == "root":
        return Caller(kind, account, f"arn:aws:iam::{account}:root")
    path = draw.weighted(_PATHS)
    if kind == "user":
        name = draw.one(["ada", "grace"])
        return Caller(kind, account, f"arn:aws:iam::{account}:user/{path}{name}", unique_id="AIDAEXAMPLE0000000001")
    name = draw.weighted({"velero": 5.0, "velero-restore": 1.0, "Velero": 0.5})
    return Caller(
        kind,
        account,
        f"arn:aws:sts::{account}:assumed-role/{name}/{SESSION}",
        role_arn=f"arn:aws:iam::{account}:role/{path}{name}",
        unique_id="AROAEXAMPLE0000000001",
        is_role=draw.chance(0.5),
    )


_OBJECT = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:PutObjectTagging"]
_BUCKET = ["s3:ListBucket", "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:PutEncryptionConfiguration"]
_KEY = ["kms:GenerateDataKey", "kms:Decrypt", "kms:DescribeKey", "kms:PutKeyPolicy", "kms:CreateGrant"]
_TARGETS = {"object": 36.0, "bucket": 16.0, "key": 26.0, "role": 8.0, "topic": 5.0, "iam": 6.0, "none": 3.0}
_OBJECT_NAMES = ["production/backups/b1/velero-backup.json", "production/kopia/ns/p1", "staging/backups/ü 1"]


def _target(draw: Draw, caller: Caller) -> Target:
    same = caller.account or ACCOUNTS[0]
    owner = same if draw.chance(0.65) else draw.one(ACCOUNTS)
    kind = draw.weighted(_TARGETS)
    match kind:
        case "object":
            return Target("bucket", draw.one(_OBJECT), f"arn:aws:s3:::{BUCKET}/{draw.one(_OBJECT_NAMES)}", owner)
        case "bucket":
            return Target("bucket", draw.one(_BUCKET), f"arn:aws:s3:::{BUCKET}", owner)
        case "key":
            return Target("key", draw.one(_KEY), f"arn:aws:kms:{REGION}:{owner}:key/{KEY}", owner)
        case "role":
            return Target("role", "sts:AssumeRole", f"arn:aws:iam::{owner}:role/target", owner)
        case "topic":
            return Target("topic", "sns:Publish", f"arn:aws:sns:{REGION}:{owner}:velero-alerts", owner)
        case "iam":
            return Target("", draw.one(["iam:GetRole", "iam:PassRole"]), f"arn:aws:iam::{same}:role/target", same)
    return Target("", draw.one(["ec2:DescribeSnapshots", "s3:ListAllMyBuckets", "kms:ListKeys"]), "*", same)


def _web(draw: Draw) -> tuple[Caller, Target]:
    """A ServiceAccount that asks for its role."""
    owner = draw.one(ACCOUNTS[:2])
    provider = f"arn:aws:iam::{owner}:oidc-provider/{ISSUER}"
    target = Target("role", "sts:AssumeRoleWithWebIdentity", f"arn:aws:iam::{owner}:role/velero", owner)
    return Caller("web", None, provider), target


# --- elements of statements ------------------------------------------------------------------------------------------


def _action(draw: Draw, action: str, *, fits: bool) -> str:
    service, _colon, name = action.partition(":")
    if not fits:
        other = draw.one([*_OBJECT, *_BUCKET, *_KEY, "sts:TagSession", "sns:Subscribe", "iam:List*"])
        return other if other != action else f"{service}:X{name}"
    patterns = [
        action,
        action,
        action,
        f"{service}:*",
        "*",
        f"{service}:{name[:3]}*",
        f"{service}:*{name[-3:]}",
        action.upper(),
        f"{service}:{name.lower()}",
        f"{service}:{name[:-1]}?",
    ]
    return draw.one(patterns)


def _resource(draw: Draw, target: Target, *, fits: bool) -> str:
    arn = target.resource
    if not fits:
        strangers = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}-2/*", f"arn:aws:kms:{REGION}:*:alias/*"]
        strangers += [f"{arn}x", arn[:-1], f"arn:aws-cn:s3:::{BUCKET}/*", arn.upper()]
        return draw.one([one for one in strangers if one not in (arn, "")])
    if arn == "*":
        return "*"
    head, tail = arn.rsplit(":", 1)
    patterns = [arn, arn, "*", f"{head}:*", f"{arn[:-2]}*", f"{arn[:-1]}?", f"{head}:{tail[:4]}*{tail[-2:]}"]
    if target.kind == "bucket":
        patterns += [f"arn:aws:s3:::{BUCKET}*", f"arn:aws:s3:::{BUCKET}/*" if "/" in tail else arn]
        patterns += [f"arn:aws:s3:::{BUCKET}/production/*"]
    if target.kind == "key":
        patterns += [
            f"arn:aws:kms:*:{target.owner}:key/*",
            f"arn:aws:kms:{REGION}:*:key/{KEY}",
            "arn:aws:kms:*:*:key/*",
        ]
    return draw.one(patterns)


def names_of(caller: Caller) -> list[tuple[str, str]]:
    """How a policy may name the caller, each with the kind of the element."""
    if caller.kind == "anonymous":
        return [("*", "*")]
    if caller.kind == "service":
        return [("Service", caller.arn)]
    if caller.kind == "web":
        return [("Federated", caller.arn)]
    account = str(caller.account)
    names = [account, f"arn:aws:iam::{account}:root", caller.role_arn or caller.arn]
    names += [caller.role_arn or caller.arn, caller.arn]
    return [("AWS", name) for name in names]


def _not_principal(draw: Draw, caller: Caller, target: Target, *, fits: bool) -> Any:
    """Half of those that name the caller name all that AWS asks for: its account, its role and the session."""
    if fits and caller.account and draw.chance(0.5):
        return {"AWS": sorted({name for _kind, name in names_of(caller)})}
    return _principal(draw, caller, target, fits=fits)


def _principal(draw: Draw, caller: Caller, target: Target, *, fits: bool) -> Any:
    if fits and draw.chance(0.15):
        return draw.one(["*", {"AWS": "*"}])
    strangers = [
        ("AWS", f"arn:aws:iam::{ACCOUNTS[2]}:role/stranger"),
        ("AWS", f"arn:aws:iam::{target.owner}:user/eve"),
        ("AWS", "AROADELETED0000000001"),
        ("Service", "ec2.amazonaws.com"),
    ]
    names = [draw.one(names_of(caller) if fits else strangers)]
    if draw.chance(0.3):
        names.append(draw.one(strangers))
    if names[0][0] == "*":
        return "*"
    kinds: dict[str, list[str]] = {}
    for kind, name in names:
        kinds.setdefault(kind, []).append(name)
    return {kind: found[0] if len(found) == 1 and draw.chance(0.5) else found for kind, found in kinds.items()}


def _statement(draw: Draw, case: Case, layer: str, *, aims: bool) -> Document:
    """One statement of a document; one that aims speaks of the request unless a condition spoils it."""

    def fits() -> bool:
        return draw.chance(0.97 if aims else 0.7)

    deny = draw.chance(0.04 if aims else 0.4)
    statement: Document = {"Effect": "Deny" if deny else "Allow"}
    target = case.target
    if layer == "resource" and deny and draw.chance(0.15):
        statement["NotPrincipal"] = _not_principal(draw, case.caller, target, fits=fits())
    elif layer == "resource":
        statement["Principal"] = _principal(draw, case.caller, target, fits=fits())
    inverted = draw.chance(0.03 if aims else 0.12)
    actions = [_action(draw, target.action, fits=fits() != inverted)]
    actions += [_action(draw, target.action, fits=False)] * draw.chance(0.3)
    statement["NotAction" if inverted else "Action"] = actions if len(actions) > 1 or draw.chance(0.3) else actions[0]
    if not (layer == "resource" and target.kind == "role"):
        inverted = draw.chance(0.03 if aims else 0.12)
        resources = [_resource(draw, target, fits=fits() != inverted)]
        resources += [_resource(draw, target, fits=False)] * draw.chance(0.3)
        if layer == "resource" and target.kind == "key" and draw.chance(0.9):
            inverted, resources = False, ["*"]
        name = "NotResource" if inverted else "Resource"
        statement[name] = resources if len(resources) > 1 or draw.chance(0.3) else resources[0]
    if draw.chance(0.35 if aims else 0.6):
        statement["Condition"] = conditions(draw, case.whole_context, target.service, aims=aims)
    return statement


def _document(draw: Draw, case: Case, layer: str, *, aims: bool) -> Document:
    statements = [_statement(draw, case, layer, aims=True)] if aims else []
    for _dummy in range(draw.weighted({0: 4.0 if aims else 0.5, 1: 4.0, 2: 2.0})):
        statements.append(_statement(draw, case, layer, aims=False))
    if layer == "scp" and draw.chance(0.7):
        statements.insert(0, {"Effect": "Allow", "Action": "*", "Resource": "*"})
    version = "2008-10-17" if draw.chance(0.04) else "2012-10-17"
    return {"Version": version, "Statement": statements}


def _resource_control(draw: Draw, case: Case, *, aims: bool) -> Document:
    """Such a policy can only deny, everybody, and without NotAction."""
    action = case.target.action.partition(":")[0] + ":*" if draw.chance(0.5) else case.target.action
    statement: Document = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"}
    if aims or draw.chance(0.8):
        statement["Condition"] = conditions(draw, case.whole_context, case.target.service, aims=False)
    return {"Version": "2012-10-17", "Statement": [statement]}


# --- cases -----------------------------------------------------------------------------------------------------------


def case(seed: str, number: int) -> Case:
    draw = Draw(f"{seed}:{number}")
    caller = _caller(draw)
    target = _target(draw, caller)
    if draw.chance(0.05):
        caller, target = _web(draw)
    context = request_context(draw, target.service, target.action, anonymous=caller.account is None)
    bare = Case(number, caller, target, context)
    aims = draw.chance(0.72)
    is_signed = caller.account is not None

    def document(layer: str, *, always: bool = False) -> Document:
        return _document(draw, bare, layer, aims=aims and (always or draw.chance(0.9)))

    def levels(make: Callable[[], Document], probability: float) -> list[list[Document]]:
        return [[make()] for _dummy in range(draw.chance(probability) * (1 + draw.below(2)))]

    wants_resource = bool(target.kind) and (not is_signed or draw.chance(0.75) or target.kind in ("key", "role"))
    identity = [document("identity") for _dummy in range(draw.weighted({0: 0.6, 1: 5.0, 2: 1.5}))]
    return Case(
        number,
        caller,
        target,
        context,
        identity=identity if is_signed and caller.kind != "root" else [],
        boundary=document("boundary") if caller.kind in ("user", "session") and draw.chance(0.2) else None,
        session=document("session") if caller.kind == "session" and draw.chance(0.12) else None,
        resource=document("resource", always=True) if wants_resource else None,
        scps=levels(lambda: document("scp"), 0.15) if is_signed else [],
        rcps=levels(lambda: _resource_control(draw, bare, aims=aims), 0.1)
        if target.kind in ("bucket", "key", "role")
        else [],
    )
