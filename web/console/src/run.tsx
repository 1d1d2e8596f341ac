/** One run, as it goes: what it does, who is waited for, its timeline, guards, traffic and clocks. */

import { useRef, useState } from "preact/hooks";
import { get, said } from "./api.ts";
import { CertificateBadge } from "./cutover.tsx";
import { clock, figure, length, moment } from "./format.ts";
import { usePoll } from "./poll.ts";
import { isOver, type Detail, type Entry, type JournalPage, type Live, type LiveClocks, type SamplesPage } from "./runs.ts";
import { Guards, Traffic } from "./guards.tsx";
import { Speak } from "./speak.tsx";
import { Timeline } from "./timeline.tsx";
import { Badge, Card, Facts, Json, toneOf, Trouble } from "./ui.tsx";

/** From look to look while a run goes on, in milliseconds. */
const LOOK_MS = 1000;
/** Entries of the journal in one request. */
const ENTRIES = 1000;
/** Samples that are kept: the oldest go. */
const SAMPLES_MAX = 200_000;
/** Entries of the journal that are shown. */
const ENTRIES_SHOWN = 100;

/** The page of a run. */
export function Run({ id }: { id: string }) {
  const path = `/api/runs/${encodeURIComponent(id)}`;
  const detail = usePoll((signal) => get<Detail>(path, {}, signal), LOOK_MS);
  const entries = useAll(`${path}/journal`, { limit: ENTRIES }, (page: JournalPage) => page.entries, Infinity);
  const samples = useAll(`${path}/samples`, {}, (page: SamplesPage) => page.samples, SAMPLES_MAX);
  const run = detail.value;
  if (!run) return <div class="page"><Card title="Run"><Trouble text={detail.error} />{!detail.error && <p>Reading…</p>}</Card></div>;
  if (!run.live) return <div class="page"><Card title="Run"><p>The run has not begun.</p></Card></div>;
  return (
    <div class="page">
      <p class="wide"><a href="#/cutover">All runs</a></p>
      <Head run={run} live={run.live} trouble={detail.error} />
      {!isOver(run.live.phase) && <Speak run={run} live={run.live} onSaid={detail.again} />}
      {run.live.clocks && <Clocks clocks={run.live.clocks} />}
      <Timeline live={run.live} entries={entries} path={path} />
      <Guards live={run.live} samples={samples} />
      <Traffic live={run.live} samples={samples} />
      <Record path={path} id={id} entries={entries} />
    </div>
  );
}

/** Everything of a list that grows, page by page, again and again. */
function useAll<P extends { next: number; has_more: boolean }, T>(path: string, query: Record<string, number>, of: (page: P) => T[], most: number): T[] {
  const kept = useRef<{ all: T[]; next: number }>({ all: [], next: 0 });
  usePoll(async (signal) => {
    for (let hasMore = true; hasMore; ) {
      const page = await get<P>(path, { ...query, after: kept.current.next }, signal);
      if (page.next !== kept.current.next) {
        const all = [...kept.current.all, ...of(page)];
        kept.current = { all: all.length > most ? all.slice(-most) : all, next: page.next };
      }
      hasMore = page.has_more;
    }
    return kept.current.next;
  }, LOOK_MS, [path]);
  return kept.current.all;
}

function Head({ run, live, trouble }: { run: Detail; live: Live; trouble: string }) {
  const isGone = !isOver(live.phase) && !run.is_carried_out;
  return (
    <Card title={live.runbook} wide aside={<><Badge tone={toneOf(live.phase)}>{live.phase}</Badge> <Badge tone="idle">{live.mode}</Badge> <CertificateBadge of={run.certificate} /></>}>
      <Trouble text={trouble} />
      {isGone && <Trouble text={`NOBODY carries it out: what is shown is what the last process wrote. \`tidegate runbook resume\` goes on with it.`} />}
      {live.why && <p class="reason">{live.why}</p>}
      <p role="status">{live.now}</p>
      {live.troubles.map((text) => <Trouble key={text} text={text} />)}
      <Facts of={[
        ["Run", live.run], ["Begun", moment(live.begun_at)], ["T0", live.t0 ? moment(live.t0) : "the plan has no times"],
        ["Pace", live.pace === 1 ? "as planned" : `${live.pace} times as fast`], ["Journal", `${live.entries} entries`],
        ["Plan", <code>{run.plan}</code>],
        ["Next", live.next ? `${live.next.step}: ${live.next.text}${live.next.at ? `, at ${clock(live.next.at)}` : ""}` : "–"],
        ["Roles", run.roles.map(({ role, people }) => `${role}: ${people.map((person) => person.name).join(", ")}`).join("; ")],
      ]} />
      {run.dead_man.length > 0 && <details><summary>The dead man</summary><Json of={run.dead_man} label="The dead man" /></details>}
    </Card>
  );
}

/** Both clocks of the way back against what the runbook promises. */
function Clocks({ clocks }: { clocks: LiveClocks }) {
  const whole = Math.max(clocks.since_ms, clocks.promised_ms ?? 0, 1);
  const bar = (label: string, ms: number | undefined) => {
    const isLate = clocks.promised_ms !== undefined && (ms ?? clocks.since_ms) > clocks.promised_ms;
    return (
      <div class="clock">
        <span>{label}</span>
        <meter min={0} max={whole} high={clocks.promised_ms ?? whole} value={ms ?? clocks.since_ms} aria-label={`${label}: ${length(ms ?? clocks.since_ms)}`} />
        <span><Badge tone={isLate ? "bad" : ms === undefined ? "warn" : "good"}>{ms === undefined ? `running, ${length(clocks.since_ms)}` : length(ms)}</Badge></span>
      </div>
    );
  };
  return (
    <Card title="Clocks of the way back" aside={<span>{clocks.promised_ms === undefined ? "nothing is promised" : `promised ${length(clocks.promised_ms)}`}</span>}>
      {bar("New traffic off the canary", clocks.new_traffic_ms)}
      {bar("No connection left on it", clocks.residual_ms)}
      <p class="dim">From the decision, which was {length(clocks.since_ms)} before the last look.</p>
    </Card>
  );
}

/** The record of the run, and the end of its journal. */
function Record({ path, id, entries }: { path: string; id: string; entries: Entry[] }) {
  const [markdown, setMarkdown] = useState<string>();
  const [problem, setProblem] = useState("");
  const read = async (isForFile: boolean) => {
    setProblem("");
    try {
      const report = await get<{ markdown: string; html: string }>(`${path}/report`);
      if (isForFile) save(`${id}.html`, report.html);
      else setMarkdown(report.markdown);
    } catch (error) {
      setProblem(said(error));
    }
  };
  return (
    <Card title="Record" wide>
      <div class="bar">
        <button type="button" onClick={() => void read(false)}>Show the report</button>
        <button type="button" onClick={() => void read(true)}>Save the report as a page</button>
      </div>
      <Trouble text={problem} />
      {markdown !== undefined && <Json of={markdown} label="Report" />}
      <details>
        <summary>Journal: the last {Math.min(entries.length, ENTRIES_SHOWN)} of {figure(entries.length)} entries</summary>
        <ol class="journal" tabIndex={0} aria-label="Journal">
          {entries.slice(-ENTRIES_SHOWN).reverse().map((entry) => (
            <li key={entry.n}><code>{entry.n} {clock(entry.at)} {entry.name ?? `signed as ${entry.role}`} {entry.data ? JSON.stringify(entry.data) : ""}</code></li>
          ))}
        </ol>
      </details>
    </Card>
  );
}

/** Hands a text to the browser as a file. */
function save(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/html" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
