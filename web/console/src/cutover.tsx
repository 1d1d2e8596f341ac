/** Runs: those that go on, those that ended, and what rehearsals certify. */

import { get } from "./api.ts";
import { length, moment } from "./format.ts";
import { usePoll } from "./poll.ts";
import { Run } from "./run.tsx";
import { isOver, type Certificate, type Listed } from "./runs.ts";
import { Badge, Card, toneOf, Trouble } from "./ui.tsx";

/** The page of runs; with a run's id, that run. */
export function Cutover({ id }: { id: string | undefined }) {
  return id ? <Run key={id} id={id} /> : <Runs />;
}

function Runs() {
  const polled = usePoll((signal) => get<{ runs: Listed[] }>("/api/runs", {}, signal), 2000);
  const runs = polled.value?.runs ?? [];
  return (
    <div class="page">
      <Card title="Runs" wide>
        <Trouble text={polled.error} />
        {polled.value && runs.length === 0 && (
          <p class="empty">There is no run in the server's <code>TIDEGATE_RUNS_DIR</code>. <code>tidegate rehearse runbooks/rollback-rehearsal.run.md</code> makes one.</p>
        )}
        <ul class="runs">{runs.map((run) => <Item key={run.id} run={run} />)}</ul>
      </Card>
    </div>
  );
}

function Item({ run }: { run: Listed }) {
  const phase = run.error ? "unreadable" : (run.phase ?? "not begun");
  const isGone = run.phase !== null && !isOver(run.phase) && !run.is_carried_out;
  return (
    <li>
      <a href={`#/cutover/${encodeURIComponent(run.id)}`}><strong>{run.id}</strong></a>{" "}
      <Badge tone={toneOf(phase)}>{phase}</Badge>{" "}
      {run.mode && <Badge tone="idle">{run.mode}</Badge>}{" "}
      {isGone && <Badge tone="bad">nobody carries it out</Badge>}{" "}
      <CertificateBadge of={run.certificate} />
      <p>{run.error ?? run.runbook}</p>
      {(run.why || run.now) && <p class="dim">{run.why ?? run.now}</p>}
      {run.waiting.map((text) => <p key={text} class="reason">{text}</p>)}
      <p class="dim">
        {run.begun_at && `Begun ${moment(run.begun_at)}. `}
        {run.clocks && `Back: new traffic ${length(run.clocks.new_traffic_ms)}, residual connections ${length(run.clocks.residual_ms)}.`}
      </p>
    </li>
  );
}

/** What a rehearsal certifies, and whether that still counts. */
export function CertificateBadge({ of }: { of: Certificate | null }) {
  if (!of) return null;
  if (of.result.toLowerCase() !== "passed" && of.result.toUpperCase() !== "PASS") return <Badge tone="bad">{`rehearsal: ${of.result}`}</Badge>;
  const isOld = Date.parse(of.expires) < Date.now();
  return <Badge tone={isOld ? "warn" : "good"}>{isOld ? `certificate expired ${moment(of.expires)}` : `certificate until ${moment(of.expires)}`}</Badge>;
}
