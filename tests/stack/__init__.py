# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real stack: kube-apiserver, etcd, Velero, its AWS plugin and kopia on loopback. See README.md."""

from __future__ import annotations

from .api import Api, ApiError, Kind
from .aws import AwsEndpoint
from .kopia import kopia_repository
from .processes import Process, free_ports, tail, wait_for
from .programs import BuildError, Programs, ensure
from .stack import Stack

__all__ = [
    "Api",
    "ApiError",
    "AwsEndpoint",
    "BuildError",
    "Kind",
    "Process",
    "Programs",
    "Stack",
    "ensure",
    "free_ports",
    "kopia_repository",
    "tail",
    "wait_for",
]
