# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is wanted of a BackupStorageLocation and what there is, to a plan. Pure. PRIVATE to coffer.velero.

A spec is compared flat: ``config.kmsKeyId``, ``objectStorage.bucket``. A name that is not wanted is left alone, and a
wanted value of ``None`` means that the field must not be there.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .._arn import Arn, is_alias
from .._errors import ValidationError
from .._plan import Difference, Plan, Step
from . import validators
from .messages import plain, remediation_for
from .model import API_VERSION, TRUE, duration_seconds, other_managers, velero_path

PLURAL = "backupstoragelocations"

#: The options whose values go to ``spec.config`` as they are; an empty string removes the key.
_CONFIG = {"region": "region", "s3_url": "s3Url", "public_url": "publicUrl", "profile": "profile", "tagging": "tagging"}
_SWITCHES = {"s3_force_path_style": "s3ForcePathStyle", "insecure_skip_tls_verify": "insecureSkipTLSVerify"}
#: One group: what the task does not name is removed, since a leftover key would take precedence or be an error.
ENCRYPTION = {
    "kms_key_id": "kmsKeyId",
    "server_side_encryption": "serverSideEncryption",
    "customer_key_encryption_secret": "customerKeyEncryptionSecret",
    "customer_key_encryption_file": "customerKeyEncryptionFile",
}
#: What the plugin says of a location whose ``config`` has a key that it does not know (velero-plugin-for-aws).
_INVALID_KEYS = re.compile(r"config has invalid keys \[([^\]]*)\]")
#: The keys that the plugin knows, by their names without case; what it does not know may be another version's, but a
#: name that differs in nothing else is a mistake before Velero has said so.
_KNOWN_KEYS = {
    key.lower(): key
    for key in (
        *_CONFIG.values(),
        *_SWITCHES.values(),
        *ENCRYPTION.values(),
        *("bucket", "prefix", "caCert", "checksumAlgorithm", "credentialsFile", "enableSharedConfig"),
        "signatureVersion",
    )
}
CUSTOMER_KEY = ("customerKeyEncryptionSecret", "customerKeyEncryptionFile")


@dataclass(frozen=True, kw_only=True)
class DesiredLocation:
    """What a task wants of a location; the names are those of the options. ``None`` means: leave it as it is."""

    name: str
    namespace: str
    provider: str = "aws"
    bucket: str = ""
    prefix: str | None = ""
    region: str | None = None
    kms_key_id: str | None = None
    previous_kms_key_ids: Sequence[str] | None = None
    present_kms_key_arn: str | None = None
    customer_provided_key_unchanged: bool = False
    server_side_encryption: str | None = None
    customer_key_encryption_secret: str | None = None
    customer_key_encryption_file: str | None = None
    s3_url: str | None = None
    public_url: str | None = None
    s3_force_path_style: bool | None = None
    insecure_skip_tls_verify: bool | None = None
    checksum_algorithm: str | None = None
    tagging: str | None = None
    profile: str | None = None
    object_storage_ca_cert: str | None = None
    object_storage_ca_cert_ref: Mapping[str, str | None] | None = None
    credential: Mapping[str, str | None] | None = None
    default: bool | None = None
    access_mode: str | None = None
    validation_frequency: str | None = None
    backup_sync_period: str | None = None

    def refuse_contradictions(self) -> None:
        """Refuse what the plugin would not do, or would silently do otherwise, before the cluster is asked anything."""
        _storage(self)
        for option in ("s3_url", "public_url"):
            if text := getattr(self, option):
                validators.validate_url(text, option=option, endpoint=option == "s3_url")
        for check in (_encryption, _kms_key, _customer_key):
            check(self)
        validators.validate_tagging(self.tagging or "", option="tagging")
        # The schema takes any string, and a single bad one keeps the server from reading all its locations.
        for option in ("validation_frequency", "backup_sync_period"):
            validators.validate_duration(getattr(self, option), option=option)

    @property
    def resource(self) -> str:
        return f'BackupStorageLocation "{self.name}"'

    @property
    def path(self) -> str:
        return velero_path(PLURAL, self.namespace, self.name)

    def fields(self) -> dict[str, t.Any]:
        """What has to be where in the spec; every value of ``config`` is a string, as the schema demands."""
        desired: dict[str, t.Any] = {
            "provider": self.provider,
            "objectStorage.bucket": self.bucket,
            "objectStorage.prefix": (self.prefix or "").strip("/") or None,
            **{f"config.{key}": getattr(self, option) or None for option, key in ENCRYPTION.items()},
        }
        for option, key in _CONFIG.items():
            if getattr(self, option) is not None:
                desired[f"config.{key}"] = getattr(self, option) or None
        for option, key in _SWITCHES.items():
            if getattr(self, option) is not None:
                desired[f"config.{key}"] = "true" if getattr(self, option) else None
        others = {
            "config.checksumAlgorithm": self.checksum_algorithm,  # "" asks for none, which absence does not
            "default": self.default,
            "accessMode": self.access_mode,
            "validationFrequency": self.validation_frequency,
            "backupSyncPeriod": self.backup_sync_period,
        }
        desired.update({name: value for name, value in others.items() if value is not None})
        if self.credential is not None:
            desired["credential"] = _reference(self.credential)
            desired["config.credentialsFile"] = None  # Velero puts the file of the credential there by itself
        text, reference = self.object_storage_ca_cert, self.object_storage_ca_cert_ref
        if text is not None or reference is not None:  # Velero refuses a location that has both
            desired["objectStorage.caCert"] = base64.b64encode(text.encode()).decode() if text else None
            desired["objectStorage.caCertRef"] = _reference(reference or {})
        return desired


def _reference(selector: Mapping[str, str | None]) -> dict[str, str] | None:
    return {name: str(selector[name]) for name in ("name", "key")} if selector.get("name") else None


def _storage(desired: DesiredLocation) -> None:
    validators.validate_object_name(desired.name, option="name")
    if desired.provider not in ("aws", "velero.io/aws"):
        remediation = "Use aws; the options of this module are those of velero-plugin-for-aws."
        raise ValidationError("provider", desired.provider, "is another plugin's", remediation)
    if not desired.bucket:
        remediation = "Give the name of the bucket that holds the backups, such as acme-velero-backups."
        raise ValidationError("bucket", "it", "is empty", remediation)
    if "/" in desired.bucket and not desired.bucket.startswith("arn:aws:s3:"):
        remediation = "Put what follows the bucket's name into prefix."
        raise ValidationError("bucket", desired.bucket, "contains a slash, which Velero does not accept", remediation)
    if desired.object_storage_ca_cert and desired.object_storage_ca_cert_ref:
        reason = "and object_storage_ca_cert_ref exclude each other"
        raise ValidationError("object_storage_ca_cert", "it", reason, "Give one of them.")
    if desired.object_storage_ca_cert and "-----BEGIN CERTIFICATE-----" not in desired.object_storage_ca_cert:
        remediation = "Give the text of the certificate, not the name of a file and not base64."
        raise ValidationError("object_storage_ca_cert", "it", "is not a certificate in PEM form", remediation)


def _encryption(desired: DesiredLocation) -> None:
    """The plugin looks at the key id first, then at a customer key, then at the algorithm (object_store.go)."""
    keys = [option for option in ENCRYPTION if option != "server_side_encryption" and getattr(desired, option)]
    algorithm = desired.server_side_encryption
    if len(keys) > 1:
        raise ValidationError(keys[0], "it", f"and {' and '.join(keys[1:])} exclude each other", "Give one of them.")
    if not algorithm:
        return
    if not keys:
        if algorithm != "AES256":
            remediation = (
                "Give the key's ARN in kms_key_id. For aws:kms:dsse, or to follow the bucket, leave both out: the "
                "bucket's default encryption names algorithm and key (coffer.velero.s3_bucket_encryption)."
            )
            reason = "without a key encrypts under the managed key aws/s3, not under the bucket's key"
            raise ValidationError("server_side_encryption", algorithm, reason, remediation)
    elif keys != ["kms_key_id"]:
        reason = f"has no effect beside {keys[0]}: the plugin encrypts with the customer-provided key"
        raise ValidationError("server_side_encryption", algorithm, reason, "Give one of them.")
    elif algorithm != "aws:kms":
        remediation = (
            "Leave server_side_encryption out for aws:kms. For aws:kms:dsse under a key of your own leave both out, "
            "and set it as the bucket's default encryption (coffer.velero.s3_bucket_encryption)."
        )
        reason = "has no effect beside kms_key_id: the plugin encrypts with aws:kms"
        raise ValidationError("server_side_encryption", algorithm, reason, remediation)


def _kms_key(desired: DesiredLocation) -> None:
    text = desired.kms_key_id
    if not text:
        return
    arn = Arn.parse_key(text)
    if arn is None and (validators.is_at_aws(desired.s3_url) or is_alias(text) or Arn.parse(text)):
        remediation = (
            "Give the full ARN of the key, arn:aws:kms:REGION:ACCOUNT:key/ID: S3 looks up anything else in the account "
            "of the principal that writes."
        )
        raise ValidationError("kms_key_id", text, "is not the ARN of a key", remediation)
    if arn and desired.region and arn.region != desired.region:
        remediation = f"S3 encrypts with keys of the bucket's Region only: choose a key in {desired.region}."
        raise ValidationError("kms_key_id", text, f"is in {arn.region}, the bucket is in {desired.region}", remediation)


def _customer_key(desired: DesiredLocation) -> None:
    secret, file = desired.customer_key_encryption_secret, desired.customer_key_encryption_file
    if secret:
        validators.validate_secret_key(secret, option="customer_key_encryption_secret")
    if file and not file.startswith("/"):
        remediation = "Give the path inside the container of the Velero server, where the Secret is mounted."
        raise ValidationError("customer_key_encryption_file", file, "is not an absolute path", remediation)
    if (secret or file) and validators.is_at_aws(desired.s3_url) and (desired.s3_url or "").startswith("http:"):
        remediation = "S3 takes a customer-provided key over TLS only: write https."
        raise ValidationError("s3_url", str(desired.s3_url), "is not encrypted", remediation)


def _certificate_text(text: str) -> bytes | str:
    try:
        return base64.b64decode(text).strip()
    except binascii.Error:
        return text


#: What is the same to Velero, by field; for others an empty value is the same as none.
_SAME: Mapping[str, Callable[[t.Any], t.Any]] = {
    "provider": lambda value: value.removeprefix("velero.io/"),
    "objectStorage.prefix": lambda value: value.strip("/") or None,
    "objectStorage.caCert": _certificate_text,
    "objectStorage.caCertRef": _reference,
    "credential": _reference,
    "config.s3Url": lambda value: value.rstrip("/") or None,
    "config.checksumAlgorithm": str,
    "config.s3ForcePathStyle": lambda value: value in TRUE or None,
    "config.insecureSkipTLSVerify": lambda value: value in TRUE or None,
    "accessMode": lambda value: None if value == "ReadWrite" else value,
    "validationFrequency": duration_seconds,
    "backupSyncPeriod": duration_seconds,
}


def _meaning(name: str, value: t.Any) -> t.Any:
    if value is None or name not in _SAME:
        return value or None
    return _SAME[name](value)


def flatten(spec: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """A spec by the names of :meth:`DesiredLocation.fields`."""
    flat = {name: value for name, value in spec.items() if name not in ("config", "objectStorage")}
    for parent in ("objectStorage", "config"):
        flat.update({f"{parent}.{name}": value for name, value in (spec.get(parent) or {}).items()})
    return flat


def _nested(fields: Mapping[str, t.Any]) -> dict[str, t.Any]:
    spec: dict[str, t.Any] = {}
    for name, value in fields.items():
        parent, _dot, child = name.partition(".")
        if child:
            spec.setdefault(parent, {})[child] = value
        else:
            spec[parent] = value
    return spec


def decide_location(desired: DesiredLocation, current: Mapping[str, t.Any] | None) -> Plan:
    """The plan that makes a location as it is wanted, whether it exists or not.

    :raises ValidationError: where the location would have no Region, has a credential that the task does not name or a
        key of ``config`` that the plugin does not know, or is another plugin's
    """
    before = flatten((current or {}).get("spec") or {})
    _refuse_unmanageable(desired, current or {})
    fields = desired.fields()
    after = {**before, **fields}
    if validators.is_at_aws(after.get("config.s3Url")):  # other servers know no roles
        _refuse_static(desired, before)
    if not after.get("config.region"):
        remediation = "Give the bucket's Region; without it the plugin asks the bucket anonymously, and kopia guesses."
        raise ValidationError("region", desired.resource, "has no Region", remediation)
    differing = {n: v for n, v in fields.items() if _meaning(n, v) != _meaning(n, before.get(n))}
    differences = tuple(Difference(name, before.get(name), value) for name, value in differing.items())
    spec = _nested({name: value for name, value in {**before, **differing}.items() if value is not None})
    result = {"name": desired.name, "namespace": desired.namespace, "spec": spec, **_said(current or {})}
    warnings = _warnings(desired, current, after, changes=bool(differences))
    steps = (_write(desired, current, differing),) if differences else ()
    return Plan(steps, differences, result, warnings)


def _said(current: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What the location says so far, and what Velero and others say of it; a phase of an earlier spec says nothing."""
    validation = Validation.of(current) if current else None
    return {
        "previous_spec": current.get("spec"),
        "annotations": dict(current.get("metadata", {}).get("annotations") or {}),
        "phase": validation.phase if validation and not validation.outdated else None,
    }


def _refuse_unmanageable(desired: DesiredLocation, current: Mapping[str, t.Any]) -> None:
    """The keys of another plugin's location are not this task's to remove; a key that the task does not manage and the
    plugin does not know stays, and so would the error.
    """
    provider = str((current.get("spec") or {}).get("provider") or desired.provider)
    if provider.removeprefix("velero.io/") != "aws":
        remediation = "Choose another name for the location on S3 (velero_backup_location_name in the roles)."
        raise ValidationError("name", desired.resource, f"is a location of the provider {provider}", remediation)
    said = _INVALID_KEYS.search(str((current.get("status") or {}).get("message") or ""))
    config = (current.get("spec") or {}).get("config") or {}
    named = re.split(r"[ ,]+", said[1]) if said else ()
    keys = [key for key in config if key in named or _KNOWN_KEYS.get(key.lower(), key) != key]
    if keys:
        patch = json.dumps({"spec": {"config": dict.fromkeys(keys)}})
        remediation = (
            f"Remove it: kubectl -n {desired.namespace} patch backupstoragelocation {desired.name} --type merge -p "
            f"'{patch}'."
        )
        reason = f"has {', '.join(keys)} in its config, which Velero's plugin for AWS does not know"
        raise ValidationError("name", desired.resource, reason, remediation)


def _refuse_static(desired: DesiredLocation, before: Mapping[str, t.Any]) -> None:
    """A location's own credential wins over the role of Velero's pods (config.go of the plugin), so that the
    task has to name it. The SDK prefers a profile that it is given to the role as well.
    """
    wins = "which wins over the role of Velero's pods"
    roles = "(velero_credential in the roles)"
    if desired.credential is None:
        if own := _reference(before.get("credential") or {}):
            reason = f"has a credential of its own, {own['key']} in Secret {own['name']}, {wins}"
            keep = f"credential={{name: {own['name']}, key: {own['key']}}}"
            remediation = f"Set {keep} to keep it, or credential={{}} to take it away {roles}."
            raise ValidationError("credential", desired.resource, reason, remediation)
        if file := before.get("config.credentialsFile"):
            reason = f"has a credentials file of its own, {file}, {wins}"
            remediation = (
                f"Set credential={{}} to take it away {roles}; what is to stay belongs into a Secret that credential "
                "names."
            )
            raise ValidationError("credential", desired.resource, reason, remediation)
    elif _reference(desired.credential):
        return  # the profile is one of that credential
    if desired.profile is None and (profile := before.get("config.profile")):
        reason = f"has a profile of its own, {profile}, {wins}"
        remediation = (
            f"Set profile={profile} to keep it, or profile='' to take it away (velero_credential_profile in the roles)."
        )
        raise ValidationError("profile", desired.resource, reason, remediation)


def _write(desired: DesiredLocation, current: Mapping[str, t.Any] | None, differing: Mapping[str, t.Any]) -> Step:
    """A merge patch, where null removes a field; a PUT would wipe the status, which is no subresource in Velero."""
    if current is not None:
        metadata = {"resourceVersion": current["metadata"]["resourceVersion"]}
        return Step(f"PATCH {desired.path}", {"body": {"metadata": metadata, "spec": _nested(differing)}})
    body = {
        "apiVersion": API_VERSION,
        "kind": "BackupStorageLocation",
        "metadata": {"name": desired.name, "namespace": desired.namespace},
        "spec": _nested({name: value for name, value in differing.items() if value is not None}),
    }
    return Step(f"POST {velero_path(PLURAL, desired.namespace)}", {"body": body})


def delete_location(desired: DesiredLocation, current: Mapping[str, t.Any] | None) -> Plan:
    """The plan that takes the object away, and nothing from the bucket."""
    result = {"name": desired.name, "namespace": desired.namespace}
    if current is None:
        return Plan(result=result)
    before = flatten(current.get("spec") or {})
    differences = tuple(Difference(name, value, None) for name, value in before.items() if value is not None)
    warnings = _other_manager(desired, current)
    return Plan((Step(f"DELETE {desired.path}"),), differences or (Difference("spec", {}, None),), result, warnings)


def _warnings(
    desired: DesiredLocation, current: Mapping[str, t.Any] | None, after: Mapping[str, t.Any], *, changes: bool
) -> tuple[str, ...]:
    found: list[str] = []
    if str(after["config.region"]).startswith("cn-") and not after.get("config.s3Url"):
        found.append(
            "Without s3_url Velero's kopia looks for S3 at a host name that does not exist in China: set it to "
            f"https://s3.{after['config.region']}.amazonaws.com.cn."
        )
    if current is not None and changes:
        found.extend(_other_manager(desired, current))
    elif current is not None and Validation.of(current).phase == "Unavailable":
        found.append(f"When this task began, {unavailable(desired, Validation.of(current))}")
    return tuple(found)


def _other_manager(desired: DesiredLocation, current: Mapping[str, t.Any]) -> tuple[str, ...]:
    manager = other_managers(current["metadata"])
    return (f"{desired.resource} is also managed by {manager}, which may undo the change.",) if manager else ()


@dataclass(frozen=True)
class Validation:
    """What the server says of a location.

    :param phase: ``None`` before the first validation
    :param time: of the last validation, to the second
    :param outdated: whether the spec was written after it
    """

    phase: str | None
    time: str | None
    message: str
    outdated: bool

    @classmethod
    def of(cls, location: Mapping[str, t.Any]) -> Validation:
        status = location.get("status") or {}
        validated = status.get("lastValidationTime")
        written = max(
            (entry["time"] for entry in location["metadata"].get("managedFields") or () if _spec(entry)), default=""
        )
        return cls(status.get("phase"), validated, str(status.get("message") or ""), (validated or "") < written)


def _spec(entry: Mapping[str, t.Any]) -> bool:
    """Whether this entry wrote the spec. The server's own entry gets a new time with every validation."""
    fields = entry.get("fieldsV1") or {}
    return "f:spec" in fields and "f:status" not in fields and "time" in entry


def unavailable(desired: DesiredLocation, validation: Validation) -> str:
    """What is wrong with a location, and what to do about it."""
    return f"{desired.resource} is Unavailable: {plain(validation.message)}. {remediation_for(validation.message)}"
