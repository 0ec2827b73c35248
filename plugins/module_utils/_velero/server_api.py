# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask the Velero server itself. PRIVATE to coffer.velero."""

from __future__ import annotations

import contextlib
import time
import typing as t
import uuid

from .._errors import ConflictError, ServiceError
from .._kube import Kube
from .model import API_VERSION, velero_path

_POLL_SECONDS = 0.5


def ask(kube: Kube, namespace: str, kind: str, spec: t.Mapping[str, t.Any], deadline: float) -> dict[str, t.Any] | None:
    """The status of a request that the server has processed; ``None`` where it has not by the deadline.

    :param kind: ServerStatusRequest or DownloadRequest, which is deleted again
    :param deadline: a moment of the monotonic clock
    """
    plural, name = f"{kind.lower()}s", f"coffer-velero-{uuid.uuid4().hex[:12]}"
    path = velero_path(plural, namespace, name)
    metadata = {"name": name, "namespace": namespace}
    body = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
    try:
        with contextlib.suppress(ConflictError):  # nobody else has this name: it was made, and the answer got lost
            kube.perform("POST", velero_path(plural, namespace), body)
        while True:
            status: dict[str, t.Any] = kube.get(path).get("status") or {}
            if status.get("phase") == "Processed":
                return status
            if time.monotonic() > deadline:
                return None
            time.sleep(_POLL_SECONDS)
    finally:
        with contextlib.suppress(ServiceError):  # the server deletes what is left after some minutes
            kube.delete(path)
