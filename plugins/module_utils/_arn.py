# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ARNs, partitions and host names of AWS. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t


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

    def __str__(self) -> str:
        return ":".join(("arn", *self))


#: The partitions whose Regions have a prefix of their own, with the suffix of their host names.
_PARTITIONS = {
    "cn-": ("aws-cn", "amazonaws.com.cn"),
    "us-gov-": ("aws-us-gov", "amazonaws.com"),
    "eusc-": ("aws-eusc", "amazonaws.eu"),
}


def partition_of(region: str) -> str:
    """The partition that a Region belongs to."""
    return next((name for prefix, (name, _suffix) in _PARTITIONS.items() if region.startswith(prefix)), "aws")


def service_host(service: str, region: str) -> str:
    """The host name of a service in a Region, as ``kms:ViaService`` spells it."""
    suffix = next(
        (suffix for prefix, (_n, suffix) in _PARTITIONS.items() if region.startswith(prefix)), "amazonaws.com"
    )
    return f"{service}.{region}.{suffix}"
