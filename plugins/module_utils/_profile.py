# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted, as one value. PRIVATE to coffer.velero.

Every document of the collection is derived from a :class:`StorageProfile`, so that key policy, IAM policy, bucket
and backup location cannot disagree. A profile that exists is a valid one: parsing refuses everything else, with the
name of the variable, the reason and the remediation.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, fields

from ._arn import Arn, partition_of, s3_arn, validate_account_id
from ._errors import ValidationError
from ._plan import PLACEHOLDER_KEY_ID
from ._s3.model import validate_bucket_name
from ._velero import validators

Mode = t.Literal["sse-s3", "sse-kms", "dsse-kms", "sse-c"]
MODES: tuple[Mode, ...] = t.get_args(Mode)
KMS_MODES: tuple[Mode, ...] = ("sse-kms", "dsse-kms")

#: The variables of the roles are the fields of a profile with this prefix; refusals name the variable.
VARIABLE_PREFIX = "velero_"

#: The fields that are lists of ARNs.
_LISTS = (
    "ebs_kms_key_arns",
    "kms_key_administrators",
    "kms_previous_key_arns",
    "policy_arns",
    "role_arns",
    "update_encryption_arns",
)
#: What a profile cannot be without, and where it comes from.
_REQUIRED = {
    "account_id": "Give the 12 digits of the account, quoted; coffer.velero.aws_caller_info returns them.",
    "region": "Give the Region of the bucket, such as eu-central-1.",
    "bucket": "Give the name of the bucket for the backups, such as acme-velero-backups.",
}
_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]+")
_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
#: The fields that name who or what IAM knows, and the kinds of it.
_PRINCIPALS = {
    "role_arns": ("role",),
    "policy_arns": ("policy",),
    "kms_key_administrators": ("role", "user", "root"),
    "update_encryption_arns": ("role", "user"),
}
#: Path and name of a role or user: what IAM takes, without what would be a pattern or another ARN in a policy.
_IAM_NAME = re.compile(r"(?P<path>([!-)+-.0-9;->@-~]+/)*)(?P<name>[A-Za-z0-9_+=,.@-]{1,128})")


@dataclass(frozen=True, kw_only=True)
class StorageProfile:
    """Where a Velero installation keeps its backups, how they are encrypted, and who may touch them.

    :param account_id: the account of the bucket and of Velero's role
    :param prefix: without slashes at its ends; empty for the whole bucket
    :param kms_key_arn: ARN of the key, of any account; only with the modes ``sse-kms`` and ``dsse-kms``
    :param kms_previous_key_arns: keys that objects were encrypted under before, which Velero may still read with
    :param role_arns: the roles that Velero runs as
    :param policy_arns: the managed policies of these roles, whose changes are watched
    :param update_encryption_arns: the principals that may change the encryption of objects in place; nobody else may
    :param oidc_issuer_url: the cluster's issuer, for the role's trust policy
    :param oidc_audience: the audience of the tokens that Velero's pods get
    :param ebs_kms_key_arns: the keys of the volumes that Velero takes native snapshots of, and restores
    :param sse_c_secret: ``name/key`` of the Secret with the 32 bytes, only used with ``sse-c``
    :param tagging: tags that the plugin puts on every object, ``key=value&key=value``
    """

    account_id: str
    region: str
    bucket: str
    partition: str = "aws"
    prefix: str = ""
    encryption_mode: Mode = "sse-kms"
    kms_key_arn: str | None = None
    kms_previous_key_arns: tuple[str, ...] = ()
    kms_key_administrators: tuple[str, ...] = ()
    bucket_key_enabled: bool = True
    role_arns: tuple[str, ...] = ()
    policy_arns: tuple[str, ...] = ()
    update_encryption_arns: tuple[str, ...] = ()
    oidc_issuer_url: str | None = None
    oidc_audience: str = "sts.amazonaws.com"
    namespace: str = "velero"
    service_account: str = "velero"
    s3_url: str | None = None
    s3_force_path_style: bool = False
    ebs_snapshots: bool = False
    ebs_kms_key_arns: tuple[str, ...] = ()
    tagging: str = ""
    sse_c_secret: str = "velero-sse-c/key"

    @classmethod
    def parse(cls, values: Mapping[str, t.Any]) -> StorageProfile:
        """A profile from plain values; ``None`` and empty strings stand for the default.

        :raises ValidationError: for the first value that is not as it has to be
        """
        names = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - names)
        if unknown:
            raise _refusal(unknown[0], "", "is not part of a storage profile", f"Known are {', '.join(sorted(names))}.")
        given = {name: value for name, value in values.items() if value not in (None, "")}
        for name, remediation in _REQUIRED.items():
            if name not in given:
                raise _refusal(name, "", "is not set", remediation)
        if not _REGION.fullmatch(str(given["region"])):
            raise _refusal("region", str(given["region"]), "is not a Region", "Write it as in eu-central-1.")
        regions_partition = partition_of(str(given["region"]), option=variable_of("region"))
        given["partition"] = given.get("partition", regions_partition)
        given["prefix"] = str(given.get("prefix", "")).strip("/")
        for name in _LISTS:
            given[name] = _items(given.get(name, ()))
        for name in ("bucket_key_enabled", "s3_force_path_style", "ebs_snapshots"):
            if name in given:
                given[name] = _boolean(name, given[name])
        plain = {name: value if isinstance(value, (bool, tuple)) else str(value) for name, value in given.items()}
        profile = cls(**t.cast("dict[str, t.Any]", plain))
        for check in (_place, _names, _key, _volumes, _principals, _objects):
            check(profile)
        return profile

    @property
    def encrypts_with_kms(self) -> bool:
        return self.encryption_mode in KMS_MODES

    @property
    def bucket_arn(self) -> str:
        return s3_arn(self.partition, self.bucket)

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """The ARN of a resource of the account, in the Region of the profile.

        :param region: another one; empty for a service that has none
        """
        return str(Arn(self.partition, service, self.region if region is None else region, self.account_id, resource))

    @property
    def objects_arn(self) -> str:
        """Every object that Velero owns, as a pattern."""
        return f"{self.bucket_arn}/{self.prefix}/*" if self.prefix else f"{self.bucket_arn}/*"

    @property
    def is_at_aws(self) -> bool:
        """Whether the bucket is S3's own, and not that of another server."""
        return validators.is_at_aws(self.s3_url)

    @property
    def uses_tls(self) -> bool:
        """Whether Velero reaches the bucket over TLS; always so, but for an endpoint that says ``http:`` itself."""
        return not (self.s3_url or "").lower().startswith("http:")


def with_created_key(values: Mapping[str, t.Any]) -> Mapping[str, t.Any]:
    """The values of a profile, with a key where its mode needs one and a run has yet to create it."""
    if values.get("kms_key_arn") or (values.get("encryption_mode") or StorageProfile.encryption_mode) not in KMS_MODES:
        return values
    region, account_id = (str(values.get(name) or "") for name in ("region", "account_id"))
    if not (account_id and _REGION.fullmatch(region)):
        return values
    partition = partition_of(region, option=variable_of("region"))
    key = Arn(partition, "kms", region, account_id, f"key/{PLACEHOLDER_KEY_ID}")
    return {**values, "kms_key_arn": str(key)}


def variable_of(field: str) -> str:
    """The variable that a field of a profile is read from."""
    return VARIABLE_PREFIX + {"tagging": "object_tagging"}.get(field, field)


def _refusal(name: str, resource: str, reason: str, remediation: str) -> ValidationError:
    return ValidationError(variable_of(name), resource or "it", reason, remediation)


def _items(value: t.Any) -> tuple[str, ...]:
    """A list, or one text with commas: so do surveys and ``-e`` write it, and options of Ansible's modules take it."""
    if isinstance(value, (list, tuple)):
        return tuple(str(item) for item in value)
    return tuple(item.strip() for item in str(value).split(","))


def _boolean(name: str, value: t.Any) -> bool:
    text = str(value).lower()
    if text in ("true", "yes", "on", "1"):
        return True
    if text in ("false", "no", "off", "0"):
        return False
    raise _refusal(name, str(value), "is neither true nor false", "Write true or false.")


def _place(profile: StorageProfile) -> None:
    """Account, Region and bucket."""
    validate_account_id(profile.account_id, option=variable_of("account_id"))
    if partition_of(profile.region) != profile.partition:
        reason = f"is in partition {partition_of(profile.region)}, the credentials are of {profile.partition}"
        raise _refusal("region", profile.region, reason, "Choose a Region of the credentials' partition.")
    validate_bucket_name(profile.bucket, option=variable_of("bucket"))
    if re.search(r"[*?$\s]|//", profile.prefix):
        remediation = "Leave out wildcards, '$', white space and empty parts: the prefix becomes part of policies."
        raise _refusal("prefix", profile.prefix, "cannot be used safely", remediation)


def _names(profile: StorageProfile) -> None:
    """What Kubernetes and Velero have to understand."""
    if not _DNS_LABEL.fullmatch(profile.namespace):
        raise _refusal("namespace", profile.namespace, "is not a namespace", "Give a DNS label, such as velero.")
    if not validators.OBJECT_NAME.fullmatch(profile.service_account):
        remediation = "Give its name alone, such as velero."
        raise _refusal("service_account", profile.service_account, "is not a ServiceAccount", remediation)
    validators.validate_secret_key(profile.sse_c_secret, option=variable_of("sse_c_secret"))


def _key(profile: StorageProfile) -> None:
    """Mode and key belong together."""
    mode, key_arn = profile.encryption_mode, profile.kms_key_arn
    for previous in profile.kms_previous_key_arns:
        _refuse_key_arn(profile, "kms_previous_key_arns", previous)
    if mode not in MODES:
        raise _refusal("encryption_mode", mode, "is not a mode", f"Choose one of {', '.join(MODES)}.")
    if key_arn is None:
        if profile.encrypts_with_kms:
            remediation = "Give arn:aws:kms:REGION:ACCOUNT:key/ID, or let the role coffer.velero.kms_key run first."
            raise _refusal("kms_key_arn", "it", f"is not set, and {mode} needs a key", remediation)
        return
    if not profile.encrypts_with_kms:
        remediation = "Leave the key out, or choose sse-kms or dsse-kms."
        raise _refusal("kms_key_arn", key_arn, f"has no meaning with velero_encryption_mode {mode}", remediation)
    _refuse_key_arn(profile, "kms_key_arn", key_arn)


def _volumes(profile: StorageProfile) -> None:
    """The keys of EBS volumes."""
    for key_arn in profile.ebs_kms_key_arns:
        _refuse_key_arn(profile, "ebs_kms_key_arns", key_arn)
        if not profile.ebs_snapshots:
            reason = "has no meaning without velero_ebs_snapshots"
            remediation = "Set velero_ebs_snapshots=true, or leave the keys out."
            raise _refusal("ebs_kms_key_arns", key_arn, reason, remediation)


def _refuse_key_arn(profile: StorageProfile, name: str, key_arn: str) -> None:
    arn = Arn.parse_key(key_arn)
    if arn is None:
        remediation = (
            "Give the full ARN of the key, arn:aws:kms:REGION:ACCOUNT:key/ID: S3 resolves aliases and bare ids in the "
            "account of whoever writes."
        )
        raise _refusal(name, key_arn, "is not the ARN of a key", remediation)
    if arn.region != profile.region:
        remediation = f"S3 encrypts with keys of the bucket's Region only: choose a key in {profile.region}."
        raise _refusal(name, key_arn, f"is in {arn.region}, the bucket is in {profile.region}", remediation)
    if arn.partition != profile.partition:
        raise _refusal(name, key_arn, f"is not in partition {profile.partition}", f"Choose a key in {profile.region}.")


def _principals(profile: StorageProfile) -> None:
    """Who is named in policies: whole ARNs of IAM, nothing that would let more in."""
    for name, kinds in _PRINCIPALS.items():
        for text in getattr(profile, name):
            if not _is_principal(text, kinds):
                remediation = (
                    f"Give full ARNs of IAM, such as arn:aws:iam::111122223333:{kinds[0]}/NAME, without wildcards."
                )
                raise _refusal(name, text, f"is not the ARN of a {' or '.join(kinds)}", remediation)
    issuer = profile.oidc_issuer_url
    if issuer is not None:
        url = validators.split_url(issuer)
        if url is None or url.scheme != "https" or url.query or url.fragment or re.search(r"[*?\s]", issuer):
            remediation = "Give it as the cluster reports it: https://oidc.eks.REGION.amazonaws.com/id/ID."
            # What stands before an @ is a password.
            raise _refusal("oidc_issuer_url", issuer.rpartition("@")[2], "is not an issuer", remediation)


def _is_principal(text: str, kinds: tuple[str, ...]) -> bool:
    arn = Arn.parse(text)
    if arn is None or arn.service != "iam" or arn.region or not _ACCOUNT.fullmatch(arn.account_id):
        return False
    kind, dummy, name = arn.resource.partition("/")
    if kind == "root" or kind not in kinds:
        return kind in kinds and arn.resource == "root"
    found = _IAM_NAME.fullmatch(name)
    return found is not None and len(found["path"]) < 512 and (kind == "policy" or len(found["name"]) <= 64)


def _objects(profile: StorageProfile) -> None:
    """Where else than at AWS the objects are, and what Velero puts on them."""
    if profile.s3_url is not None:
        validators.validate_url(profile.s3_url, option=variable_of("s3_url"))
    validators.validate_tagging(profile.tagging, option=variable_of("tagging"))
