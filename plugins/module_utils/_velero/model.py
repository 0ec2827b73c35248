# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Velero's objects are called, and what their phases mean. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.coffer.velero.plugins.module_utils._kube import object_path

API_VERSION = "velero.io/v1"

#: Work that a new server would mark Failed (``InProgress``), or that may become so at any moment (velero.md: a restart
#: leaves a Backup in ``ReadyToStart`` behind). ``Finalizing`` survives a restart, and may be waiting for the very role
#: that a rollout brings.
_IN_SERVER = frozenset({"", "New", "Queued", "ReadyToStart", "InProgress"})

#: Here the server only waits, but data movers of the node-agent do the work.
_IN_NODE_AGENT = frozenset({"WaitingForPluginOperations", "WaitingForPluginOperationsPartiallyFailed"})

_NAMES_SHOWN = 5


def velero_path(plural: str, namespace: str, name: str = "") -> str:
    """The path of one of Velero's own objects."""
    return object_path(API_VERSION, plural, namespace, name)


def running(objects: Iterable[Mapping[str, t.Any]], *, node_agent: bool) -> list[str]:
    """The names of the Backups or Restores that a rollout would harm, with their phases.

    :param node_agent: whether node-agent is rolled out too
    """
    harmed = _IN_SERVER | _IN_NODE_AGENT if node_agent else _IN_SERVER
    found = ((item["metadata"]["name"], (item.get("status") or {}).get("phase", "")) for item in objects)
    return sorted(f"{name} ({phase or 'New'})" for name, phase in found if phase in harmed)


def enumerate_names(names: Iterable[str]) -> str:
    """Names for a sentence, the first few of many."""
    ordered = sorted(names)
    more = len(ordered) - _NAMES_SHOWN
    return ", ".join(ordered[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def other_managers(metadata: Mapping[str, t.Any]) -> str | None:
    """Who else writes an object and may undo a change: an operator, Helm or a GitOps controller."""
    for owner in metadata.get("ownerReferences") or ():
        return f"{owner['kind']} {owner['name']}"
    by_label = (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by")
    if by_label:
        return str(by_label)
    names = (str(entry.get("manager", "")) for entry in metadata.get("managedFields") or ())
    return next((name for name in names if name.startswith(_CONTROLLERS)), None)


_CONTROLLERS = ("argocd", "flux", "helm", "kustomize-controller", "oadp", "pulumi", "terraform")
