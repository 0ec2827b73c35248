# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template: what whoever edits it has to keep."""

from __future__ import annotations

import re

from ansible_collections.coffer.velero.plugins.module_utils._report.template import TEMPLATE

EXPRESSIONS = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)


def test_every_value_in_an_attribute_is_plain() -> None:
    """There a code point cannot have an element of its own, and quotes are what has to be escaped."""
    attributes = re.findall(r'="([^"]*\{\{.*?)"(?=[ >])', TEMPLATE, re.DOTALL)
    found = [expression.strip() for attribute in attributes for expression in EXPRESSIONS.findall(attribute)]
    assert len(found) > 5
    assert [expression for expression in found if not expression.endswith("| plain")] == []


def test_every_attribute_with_a_value_has_quotes() -> None:
    assert re.findall(r"=\{\{|='\{\{", TEMPLATE) == []


def test_nothing_in_it_turns_escaping_off() -> None:
    assert re.findall(r"\|\s*safe|autoescape|Markup", TEMPLATE) == []
