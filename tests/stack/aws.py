# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where AWS is, for a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Aws(Protocol):
    """What the stack asks of AWS's place; the emulators of tests/support offer it, too."""

    @property
    def url(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def environment(self) -> dict[str, str]: ...


@dataclass(frozen=True)
class AwsEndpoint:
    """Any server that answers as AWS, and credentials that it accepts."""

    url: str
    region: str = "us-east-1"
    access_key: str = "test"
    secret_key: str = "test"

    @property
    def environment(self) -> dict[str, str]:
        """What an AWS SDK reads."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
