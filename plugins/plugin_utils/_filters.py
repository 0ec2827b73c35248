# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What filters and lookups do with what they are given and with what is refused. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib import import_module

from ansible.errors import AnsibleFilterError

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.module_utils._profile import StorageProfile

Filter = Callable[..., t.Any]


def profile_of(values: t.Any) -> StorageProfile:
    if not isinstance(values, Mapping):
        raise AnsibleFilterError("A storage profile is a dictionary of bucket, region, account_id and so on.")
    return StorageProfile.parse(values)


def plain_profile(profile: StorageProfile) -> dict[str, t.Any]:
    """A profile as Ansible's variables hold it."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(profile).items()}


def text_of(value: t.Any) -> str:
    if not isinstance(value, str):
        raise AnsibleFilterError(f"This filter takes a text, not {value!r}.")
    return value


def import_util(module: str) -> t.Any:
    """A part of ``module_utils``, imported where a filter needs it and not before.

    To find one filter, Ansible loads all files of filters: what they need would be compiled in every run.
    """
    return import_module(f"ansible_collections.coffer.velero.plugins.module_utils.{module}")


def lazy(module: str, name: str) -> Filter:
    """A function of ``module_utils`` that is imported (:func:`import_util`) when it is first called."""

    def build(*arguments: t.Any, **options: t.Any) -> t.Any:
        return getattr(import_util(module), name)(*arguments, **options)

    return build


def as_filter(build: Filter, parse: Callable[[t.Any], t.Any] = profile_of) -> Filter:
    """A function as a filter: its first argument is parsed, and a refusal becomes the filter's error."""

    def apply(value: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
        try:
            return build(parse(value), *arguments, **options)
        except ValidationError as refusal:
            raise AnsibleFilterError(str(refusal)) from refusal

    return apply
