/** What may be said to a run that waits, of its status: pure, so that a table tests it. */

import type { Detail, Live, LiveWait } from "./runs.ts";

/** What can be said, and what it means. */
export const MEANINGS: Record<string, string> = {
  APPROVE: "The plan is one to carry out.",
  GO: "The run goes on.",
  ATTEST: "The step is as it has to be.",
  WAIVE: "The run goes on although this did not pass.",
  AGAIN: "It is looked at, or carried out, again. That is asked for, and signed by nobody.",
  DENY: "The step was not done.",
  HOLD: "Nothing new is begun until people decide.",
  ROLLBACK: "The run goes back.",
  ABORT: "The run is given up; nothing was changed.",
};

/** Words about a gate, a step or a guard. */
const OF_SOMETHING = ["ATTEST", "WAIVE", "AGAIN", "DENY"];

/** A word that may be said now. */
export interface Choice {
  choice: string;
  about?: string;
  /** Of which somebody may say it; empty for any. */
  roles: string[];
}

/**
 * Returns what may be said where somebody is waited for. HOLD and the way back may be said at any time,
 * and are left out.
 */
export function choicesOf(wait: LiveWait, live: Live): Choice[] {
  const words = (wait.choice.match(/[A-Z]{2,}/g) ?? []).filter((word) => word in MEANINGS && word !== "ROLLBACK" && word !== "ABORT");
  const own = words.flatMap((choice): Choice[] => {
    if (!OF_SOMETHING.includes(choice)) return [{ choice, roles: wait.roles }];
    return wait.about ? [{ choice, about: wait.about, roles: wait.roles }] : [];
  });
  const all = [...own, ...(wait.others ?? []).flatMap(({ command }) => ofCommand(command, live))];
  return all.filter((one, place) => place === all.findIndex((other) => other.choice === one.choice && other.about === one.about));
}

/** Returns what a command says, as `tidegate runbook approve DIR --waive G1 --role lead --key FILE …` does. */
function ofCommand(command: string, live: Live): Choice[] {
  const [, what, about = "", role = ""] = /--(waive|step|again) (\S+) --role (\S+) --key FILE/.exec(command) ?? [];
  if (what === undefined) return [];
  // Of a step that nobody knows the end of it is decided that it was not done.
  const isUnknown = live.steps.some((step) => step.id === about && step.status === "unknown");
  const choice = what === "waive" ? "WAIVE" : what === "step" ? "ATTEST" : isUnknown ? "DENY" : "AGAIN";
  return [{ choice, about, roles: [role] }];
}

/** Returns in which role, and as whom, a word is said: as chosen where that may be, else as the first who may. */
export function speakerOf(choice: Choice, run: Detail, role: string, person: string): { role: string; person: string; needsKey: boolean } {
  const spoken = choice.roles.length === 0 || choice.roles.includes(role) ? role : (choice.roles[0] ?? role);
  const people = run.roles.find((one) => one.role === spoken)?.people ?? [];
  const who = people.find((one) => one.name === person) ?? people[0];
  return { role: spoken, person: who?.name ?? "", needsKey: run.is_production || Boolean(who?.key) };
}
