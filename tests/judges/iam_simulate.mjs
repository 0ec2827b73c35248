// Copyright (c) 2026, the coffer.velero authors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reads simulations, one in a line, and writes for each the verdict, and the condition keys that were left out of it.

import { createInterface } from "node:readline";
import { runSimulation } from "@cloud-copilot/iam-simulate";

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await runSimulation(JSON.parse(line), {});
  console.log(
    answer.resultType === "error"
      ? JSON.stringify({ error: answer.errors })
      : JSON.stringify({ verdict: answer.overallResult, ignored: answer.result.ignoredContextKeys }),
  );
}
