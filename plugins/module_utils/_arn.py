# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ARNs, partitions and host names of AWS, and which names mean the same KMS key. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
import typing as t
from pathlib import Path

from ._errors import ValidationError

_KEY = re.compile(r"key/[A-Za-z0-9-]+")
_ACCOUNT = re.compile(r"[0-9]{12}")


class Arn(t.NamedTuple):
    """An Amazon Resource Name, taken apart."""

    partition: str
    service: str
    region: str
    account_id: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Arn | None:
        """The parts, or ``None`` where the text is not an ARN."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
            return None
        return cls(*parts[1:])

    @classmethod
    def parse_key(cls, text: str) -> Arn | None:
        """The parts of the ARN of a KMS key; ``None`` for everything else, also for an alias and for an id alone."""
        arn = cls.parse(text)
        is_key = arn and arn.service == "kms" and arn.region and _ACCOUNT.fullmatch(arn.account_id)
        return arn if arn and is_key and _KEY.fullmatch(arn.resource) else None

    def __str__(self) -> str:
        return ":".join(("arn", *self))


def validate_account_id(value: t.Any, *, option: str) -> None:
    """Refuse what is no account; YAML reads digits without quotes as a number, octal where they begin with 0.

    :raises ValidationError: for it
    """
    if not _ACCOUNT.fullmatch(str(value)):
        raise ValidationError(option, str(value), "is not an account", "Give its 12 digits, quoted.")


def s3_arn(partition: str, bucket: str) -> str:
    """The ARN of a bucket, or of objects in it where the key follows the bucket's name."""
    return str(Arn(partition, "s3", "", "", bucket))


def is_alias(key: str) -> bool:
    """Whether a key is named by an alias, by its name or its ARN."""
    arn = Arn.parse(key)
    return (arn.resource if arn else key).startswith("alias/")


def same_key(one: str, other: str) -> bool | None:
    """Whether two names mean one KMS key; ``None`` where only KMS could tell.

    The replicas of a multi-Region key are that key: in their Regions of one account they share its id, which begins
    with ``mrk-``, and its key material. An id alone may be that of any ARN that ends with it. An alias can be pointed
    at another key at any time, so that it has to be resolved first (``kms:DescribeKey``).
    """
    if one == other:
        return True
    if is_alias(one) or is_alias(other):
        return None
    a, b = Arn.parse(one), Arn.parse(other)
    if a is None or b is None:
        return one.rpartition("/")[2] == other.rpartition("/")[2]
    return a.resource.startswith("key/mrk-") and a._replace(region="") == b._replace(region="")


class _Partition(t.NamedTuple):
    """A partition: its name, how its Regions are called, and how its host names end."""

    name: str
    regions: re.Pattern[str]
    suffix: str


@functools.cache
def _partitions() -> tuple[_Partition, ...]:
    """The partitions that the installed botocore knows, so that a new one takes no new collection.

    Its file is read without botocore itself: documents are made where there is no connection.
    """
    found = importlib.util.find_spec("botocore")
    if found is None or not found.submodule_search_locations:
        raise ValidationError("boto3", "it", "is not installed for this Python", "Install boto3 and botocore.")
    path = Path(found.submodule_search_locations[0], "data", "partitions.json")
    known = json.loads(path.read_text(encoding="utf-8"))["partitions"]
    return tuple(_Partition(one["id"], re.compile(one["regionRegex"]), one["outputs"]["dnsSuffix"]) for one in known)


def _partition(region: str, option: str) -> _Partition:
    for partition in _partitions():
        if partition.regions.match(region):
            return partition
    remediation = "Write it as in eu-central-1; for one of a new partition install a newer boto3."
    raise ValidationError(option, region or "it", "is not a Region that boto3 knows", remediation)


def partition_of(region: str, *, option: str = "region") -> str:
    """The partition that a Region belongs to.

    :raises ValidationError: for a Region of no partition: nothing may be derived from a guess
    """
    return _partition(region, option).name


def service_host(service: str, region: str) -> str:
    """The host name of a service in a Region, as ``kms:ViaService`` spells it."""
    return f"{service}.{region}.{_partition(region, 'region').suffix}"
