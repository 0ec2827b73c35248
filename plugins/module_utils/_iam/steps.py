# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests for the tags of policies, roles and OIDC providers. Pure. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._plan import Changes, Difference, Step
from .._tags import tag_changes, tag_list, tags_after


@dataclass(frozen=True, kw_only=True)
class DesiredTags:
    """What a task wants of the tags; ``None`` leaves them alone."""

    tags: Mapping[str, str] | None = None
    purge_tags: bool = True

    def after(self, current: Mapping[str, str]) -> dict[str, str]:
        """The tags as they are after the plan."""
        return tags_after(self.tags, current, purge=self.purge_tags)

    def created(self) -> dict[str, t.Any]:
        """The parameter of a create; left out where there is no tag, since it takes a permission of its own."""
        return {"Tags": tag_list(self.tags)} if self.tags else {}

    def tag_steps(self, kind: str, identity: Mapping[str, str], current: Mapping[str, str]) -> Changes:
        """The requests that change the tags of an existing entity."""
        present, absent = tag_changes(self.tags, current, purge=self.purge_tags)
        steps = []
        if present:
            steps.append(Step(f"iam:Tag{kind}", {**identity, "Tags": tag_list(present)}))
        if absent:
            steps.append(Step(f"iam:Untag{kind}", {**identity, "TagKeys": list(absent)}))
        return steps, (Difference("tags", dict(current), self.after(current)),) if steps else ()
