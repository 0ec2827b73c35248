# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the variables of a host, as sentences."""

from __future__ import annotations

DOCUMENTATION = r"""
name: variable_errors
short_description: What is wrong with the variables of a host, as sentences
version_added: 0.1.0
description:
  - Checks the variables of the roles as P(coffer.velero.storage_profile#lookup) does, and returns the error as a
    sentence in place of raising it, for the message of a task that validates them.
  - A variable whose name is nearly that of one of the roles is an error too, since it would be ignored.
author: The coffer.velero authors (@coffer-velero)
options:
  _terms:
    description: There are none.
extends_documentation_fragment:
  - coffer.velero._velero.found
seealso:
  - plugin: coffer.velero.storage_profile
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Validate the variables
  ansible.builtin.assert:
    that: query('coffer.velero.variable_errors', with_created_key=true) == []
    fail_msg: "{{ query('coffer.velero.variable_errors', with_created_key=true) | join(' ') }}"
"""

RETURN = r"""
_raw:
  description: The sentences; none where the variables are valid.
  type: list
  elements: str
"""

import typing as t

from ansible.plugins.lookup import LookupBase

from ansible_collections.coffer.velero.plugins.module_utils._errors import ValidationError
from ansible_collections.coffer.velero.plugins.plugin_utils._known_variables import refuse_misspelt
from ansible_collections.coffer.velero.plugins.plugin_utils._variables import parse_profile, variables_of


class LookupModule(LookupBase):
    """The lookup coffer.velero.variable_errors."""

    def run(self, terms: t.Any, variables: t.Any = None, **options: t.Any) -> list[str]:
        try:
            refuse_misspelt(variables or ())
            parse_profile(variables_of(self._templar, variables), terms, options)
        except ValidationError as error:
            return [str(error)]
        return []
