/** The live switch between memory and Redis: its states, and what an operator may do. */

import type { Cutover } from "tidegate";
import { useState } from "preact/hooks";
import { get, post } from "./api.ts";
import { bytes, count, figure, length, moment } from "./format.ts";
import { usePoll } from "./poll.ts";
import { Badge, Card, Confirm, Facts, type Question, Trouble } from "./ui.tsx";

const STATES = ["idle", "shadow", "backfill", "compared", "switching", "switched"] as const;

/** The card of the live switch. */
export function Switch() {
  const status = usePoll((signal) => get<Cutover>("/api/admin/cutover", {}, signal), 1000);
  const [question, setQuestion] = useState<Question>();
  const ask = (title: string, word: string, text: string, path: string, body: unknown) =>
    setQuestion({ title, word, text, act: async () => { await post(path, body); status.again(); } });
  const now = status.value;
  return (
    <Card title="Live switch" aside={now && <Badge tone={now.error ? "bad" : now.state === "idle" ? "idle" : now.is_running ? "warn" : "good"}>{now.state}{now.is_undo ? " (undo)" : ""}</Badge>}>
      <Trouble text={status.error} />
      {now && (
        <>
          <ol class="states" aria-label="States of the switch">
            {STATES.map((state) => <li key={state} aria-current={state === now.state ? "step" : undefined}>{state}</li>)}
          </ol>
          {now.error && <Trouble text={`The last attempt did not go on: ${now.error.message}`} />}
          <Facts of={[
            ["Owner", now.owner], ["To", now.to], ["After a restart", now.settings], ["Asked by", now.actor || "–"], ["Since", moment(now.since)],
            ["Streams", `${count(now.moved)} of ${count(now.streams)} moved, ${count(now.copied)} copied`],
            ["Copied", `${count(now.events)} events, ${bytes(now.bytes)}`],
            ["Appends waited", `p50 ${figure(now.pause_ms.p50)} ms, p99 ${figure(now.pause_ms.p99)} ms, at most ${figure(now.pause_ms.max)} ms`],
            ["Soak", now.soak ? `${length(now.soak.lasts_s * 1000)}, finalised ${now.soak.ends_at ? moment(now.soak.ends_at) : "when it is good"}` : "none"],
          ]} />
          <div class="bar">
            {(["redis", "memory"] as const).filter((to) => to !== now.owner && now.state === "idle").map((to) => (
              <button type="button" key={to} onClick={() => ask(`Move every stream to ${to}`, to, `Every stream of this server moves to ${to} with its readers attached. It can be undone until it is finalised.`, "/api/admin/cutover", { to })}>Switch to {to}</button>
            ))}
            {now.state !== "idle" && <button type="button" onClick={() => ask("Undo the switch", "undo", "Everything becomes as it was before the switch; what was published meanwhile stays.", "/api/admin/cutover/undo", {})}>Undo</button>}
            {now.state === "switched" && <button type="button" onClick={() => ask("Finalise the switch", "finalise", "After this there is no undo; a switch back is a switch of its own. Change REALTIME_BACKEND before the next restart.", "/api/admin/cutover/finalise", {})}>Finalise</button>}
          </div>
          {now.owner !== now.settings && now.state === "idle" && <p class="reason">The settings still name {now.settings}: set <code>REALTIME_BACKEND={now.owner}</code> before the next restart.</p>}
        </>
      )}
      <Confirm question={question} onEnd={() => setQuestion(undefined)} />
    </Card>
  );
}
