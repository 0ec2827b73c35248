# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Types that many parts share. PRIVATE to coffer.velero."""

from __future__ import annotations

import typing as t

#: A JSON document or a part of one, as AWS and Kubernetes take and return it.
Document = dict[str, t.Any]
