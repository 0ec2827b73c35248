# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.coffer.velero.plugins.module_utils._aws import preload
from ansible_collections.coffer.velero.plugins.modules import sns_topic
from ansible_collections.coffer.velero.plugins.plugin_utils._controller import ControllerAction

preload("sns", "kms", "sts")


class ActionModule(ControllerAction):
    MODULE = sns_topic
