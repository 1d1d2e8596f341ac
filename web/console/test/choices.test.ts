/** What may be said to a run that waits. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { choicesOf, speakerOf } from "../src/choices.ts";
import type { Detail, Live, LiveStep, LiveWait } from "../src/runs.ts";

const step = (id: string, status: string): LiveStep => ({ id, kind: "command", place: "step", text: id, owners: ["ops"], status });
const live = { steps: [step("S1", "unknown"), step("S2", "done")] } as Live;
const command = (words: string, verb = "approve") => `tidegate runbook ${verb} runs/a b ${words}--role lead --key FILE --reason TEXT`;
const wait = (choice: string, about?: string, others: string[] = []): LiveWait => ({
  choice, about, roles: ["ops"], who: [], text: "", command: "", others: others.map((one) => ({ choice: "x", command: one })),
});
const shown = (of: LiveWait) => choicesOf(of, live).map(({ choice, about, roles }) => [choice, about, roles.join()].filter(Boolean).join(" "));

test("each wait has its words", () => {
  const table: [LiveWait, string[]][] = [
    [wait("APPROVE"), ["APPROVE ops"]],
    [wait("GO", undefined, [command("", "abort")]), ["GO ops"]],
    [wait("ATTEST", "C1", [command("", "abort")]), ["ATTEST C1 ops"]],
    [wait("AGAIN or ROLLBACK", "E1"), ["AGAIN E1 ops"]],
    // What did not pass is named by the commands: without that there is nothing to waive.
    [wait("GO, WAIVE or ROLLBACK"), ["GO ops"]],
    [wait("GO, WAIVE or ROLLBACK", undefined, [command("--again G2 "), command("--waive G2 "), command("--waive errors ")]), ["GO ops", "AGAIN G2 lead", "WAIVE G2 lead", "WAIVE errors lead"]],
    // Of a step that nobody knows the end of it is said that it was done, or was not.
    [wait("GO, WAIVE or ROLLBACK", undefined, [command("--step S1 "), command("--again S1 ")]), ["GO ops", "ATTEST S1 lead", "DENY S1 lead"]],
    [wait("SHOUT LOUD"), []],
  ];
  for (const [of, words] of table) assert.deepEqual(shown(of), words, of.choice);
});

test("who speaks is of the role that may", () => {
  const run = {
    is_production: false,
    roles: [{ role: "ops", people: [{ name: "Ana", key: null }] }, { role: "lead", people: [{ name: "Bo", key: "k+1" }, { name: "Cy", key: null }] }],
  } as unknown as Detail;
  assert.deepEqual(speakerOf({ choice: "GO", roles: ["lead"] }, run, "ops", "Ana"), { role: "lead", person: "Bo", needsKey: true });
  assert.deepEqual(speakerOf({ choice: "GO", roles: ["lead", "ops"] }, run, "ops", "Ana"), { role: "ops", person: "Ana", needsKey: false });
  assert.deepEqual(speakerOf({ choice: "HOLD", roles: [] }, run, "lead", "Cy"), { role: "lead", person: "Cy", needsKey: false });
  assert.deepEqual(speakerOf({ choice: "HOLD", roles: [] }, run, "nobody", ""), { role: "nobody", person: "", needsKey: false });
  assert.ok(speakerOf({ choice: "HOLD", roles: [] }, { ...run, is_production: true }, "ops", "Ana").needsKey);
});
