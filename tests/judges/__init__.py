# Copyright (c) 2026, the coffer.velero authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two judges of policies that are not ours, and the cases they decide.

==========================  =======================================================================================
``cases.py``                makes cases: who asks for what, under which policies; pure, the same for ever from a number
``iam_simulate.mjs``        asks ``@cloud-copilot/iam-simulate``, across accounts too (npm, AGPL: only ever run here)
``ministack_evaluator.py``  asks the evaluator of MiniStack's ``AUTH=true``, within one account
``ministack_live.py``       asks a running MiniStack, by real requests
``verdicts.json.gz``        what the first two said; written by ``make judge``, which alone needs Node
==========================  =======================================================================================

``tests/integration/test_access_judges.py`` compares our own evaluator with them.
"""
