# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils._aws import preload
from ansible_collections.coffer.velero.plugins.modules import s3_bucket
from ansible_collections.coffer.velero.plugins.plugin_utils._controller import ControllerAction

preload("s3", "sts")


class ActionModule(ControllerAction):
    MODULE = s3_bucket
