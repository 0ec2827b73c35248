# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages of the documentation show."""

from __future__ import annotations

import re
import textwrap


def yaml_fragments(text: str) -> list[str]:
    """The blocks of YAML in Markdown, those in a list without its indentation."""
    return [textwrap.dedent(shown) for shown in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
