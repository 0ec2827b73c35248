# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the variables of a host, as a list for a condition."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ansible_collections.coffer.velero.plugins.lookup.variable_errors import LookupModule
from tests.support.profiles import VARIABLES


def errors(**changes: Any) -> list[str]:
    templar = SimpleNamespace(template=lambda value: value)
    return LookupModule(templar=templar).run([], {**VARIABLES, **changes}, with_created_key=True)


def test_variables_are_checked_before_the_account_is_known() -> None:
    assert errors() == []
    assert errors(velero_bucket=None)[0].startswith("velero_bucket: it is not set.")
    assert errors(velero_role_name="a*") == [
        "velero_role_name: a* is not a name for IAM. Give 1 to 64 letters, digits and _+=,.@- without path or ARN."
    ]
