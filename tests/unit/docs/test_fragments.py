# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages show in YAML can be copied: it is YAML, and the variables in it exist and may have these values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from tests.support.doc_pages import yaml_fragments
from tools.docs import role_options

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("README.md", "docs/*.md", "docs/guide/*.md", "roles/*/README.md")
    for path in ROOT.glob(pattern)
    if "```yaml" in path.read_text()
)
OURS = re.compile(r"velero_|kms_audit_|backup_|bucket_encryption_")


@cache
def validator() -> ArgumentSpecValidator:
    """Of the variables of all roles, none of which a fragment has to set."""
    specs = {name: spec for options in role_options() for name, spec in options.items()}
    return ArgumentSpecValidator({name: {**spec, "required": False} for name, spec in specs.items()})


def variables(shown: Any) -> Iterator[tuple[str, Any]]:
    """Those that are set anywhere in a fragment, to something that is not a template."""
    if isinstance(shown, dict):
        for name, value in shown.items():
            if OURS.match(str(name)) and "{{" not in str(value):
                yield name, value
            else:
                yield from variables(value)
    elif isinstance(shown, list):
        for item in shown:
            yield from variables(item)


@pytest.mark.parametrize("page", PAGES)
def test_variables_of_a_fragment(page: str) -> None:
    fragments = yaml_fragments((ROOT / page).read_text())
    assert fragments
    for text in fragments:
        for shown in yaml.safe_load_all(text):
            refused = validator().validate(dict(variables(shown))).error_messages
            assert refused == [], text
