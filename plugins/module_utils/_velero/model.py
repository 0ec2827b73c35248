# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Velero's objects are called, and what their phases mean. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Collection, Iterable, Mapping

from .._types import Document

API_VERSION = "velero.io/v1"
#: Velero's plugin for AWS, as an object store.
PLUGIN = "velero.io/aws"

#: What the plugin reads as true in a location's ``config`` (strconv.ParseBool).
TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})

_NAMES_SHOWN = 5

#: A duration as Go writes it, which is how Velero reads it.
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+|0")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}


def duration_seconds(text: str) -> float | str:
    """How long a duration is; what is none stays as it is."""
    if not DURATION.fullmatch(text):
        return text
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(r"([\d.]+)([a-zµ]+)", text))


def object_path(api_version: str, plural: str, namespace: str, name: str = "") -> str:
    """The path of an object in a namespace, or of all of its kind there."""
    root = "apis" if "/" in api_version else "api"
    return "/".join(("", root, api_version, "namespaces", namespace, plural)) + (f"/{name}" if name else "")


def velero_path(plural: str, namespace: str, name: str = "") -> str:
    """The path of one of Velero's own objects."""
    return object_path(API_VERSION, plural, namespace, name)


def enumerate_names(names: Iterable[str]) -> str:
    """Names for a sentence, the first few of many."""
    ordered = sorted(names)
    more = len(ordered) - _NAMES_SHOWN
    return ", ".join(ordered[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def backups_in(backups: Iterable[Mapping[str, t.Any]], locations: Collection[str]) -> str:
    """The backups in some locations, for a sentence; empty where there are none."""
    names = [b["metadata"]["name"] for b in backups if b["spec"].get("storageLocation") in locations]
    return f"{len(names)} backup{'s' * (len(names) > 1)} ({enumerate_names(names)})" if names else ""


def default_location(locations: Iterable[Document]) -> Document | None:
    """The location that Velero would take for a backup that names none: the default one, else the one called so."""
    by_name = {item["metadata"]["name"]: item for item in locations}
    chosen = (item for item in by_name.values() if (item.get("spec") or {}).get("default"))
    return next(chosen, by_name.get("default"))


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
