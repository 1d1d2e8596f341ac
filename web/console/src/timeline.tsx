/** The steps of a run: planned against actual, each with its verdict and what it left behind. */

import { useState } from "preact/hooks";
import { text } from "./api.ts";
import { bytes, clock, length } from "./format.ts";
import type { Entry, Live, LiveStep, Output } from "./runs.ts";
import { Badge, Card, Facts, Json, toneOf, Trouble } from "./ui.tsx";

const PLACES: [string, string][] = [
  ["gate", "Gates"], ["step", "Steps"], ["trigger", "Triggers"], ["back", "Way back"], ["fallback", "Fallback"], ["after", "Afterwards"], ["closing", "At the end"],
];

/** The card of steps. */
export function Timeline({ live, entries, path }: { live: Live; entries: Entry[]; path: string }) {
  const [open, setOpen] = useState<string>();
  const span = spanOf(live);
  const outputs = outputsOf(entries);
  return (
    <Card title="Timeline" wide aside={<span>{offset(span[0], live)} to {offset(span[1], live)}</span>}>
      <div class="scroll" tabIndex={0} role="region" aria-label="Steps and their times">
        <table class="timeline">
          <thead><tr><th scope="col">Step</th><th scope="col">Verdict</th><th scope="col">Planned</th><th scope="col">Actual</th><th scope="col" class="track"><span class="hidden">When</span></th></tr></thead>
          {PLACES.map(([place, title]) => {
            const steps = live.steps.filter((step) => step.place === place);
            return steps.length > 0 && (
              <tbody key={place}>
                <tr><th colSpan={5} scope="rowgroup">{title}</th></tr>
                {steps.map((step) => (
                  <Step key={step.id} step={step} live={live} span={span} isOpen={open === step.id} outputs={outputs.get(step.id) ?? []} path={path} onOpen={() => setOpen(open === step.id ? undefined : step.id)} />
                ))}
              </tbody>
            );
          })}
        </table>
      </div>
    </Card>
  );
}

interface StepProps {
  step: LiveStep;
  live: Live;
  span: [number, number];
  isOpen: boolean;
  outputs: Output[];
  path: string;
  onOpen: () => void;
}

function Step({ step, live, span, isOpen, outputs, path, onOpen }: StepProps) {
  const word = wordOf(step);
  return (
    <>
      <tr>
        <td><button type="button" class="plain" aria-expanded={isOpen} onClick={onOpen}><strong>{step.id}</strong> {step.text}</button></td>
        <td><Badge tone={toneOf(word)}>{word}</Badge></td>
        <td>{step.due ? offset(Date.parse(step.due), live) : "–"}</td>
        <td>{step.begun_at ? `${offset(Date.parse(step.begun_at), live)}, ${length(Date.parse(step.ended_at ?? live.at) - Date.parse(step.begun_at))}` : "–"}</td>
        <td class="track"><Track step={step} live={live} span={span} /></td>
      </tr>
      {isOpen && <tr><td colSpan={5}><Details step={step} outputs={outputs} path={path} /></td></tr>}
    </>
  );
}

/** How a step stands, in a word or two. */
function wordOf({ verdict, status, begun_at: begun }: LiveStep): string {
  if (status === "waived") return verdict && verdict !== "PASS" ? `${verdict}, waived` : "waived";
  return verdict ?? (begun ? "under way" : (status ?? "not begun"));
}

/** A bar of when a step was carried out, and a mark of when it was due. */
function Track({ step, live, span: [from, to] }: { step: LiveStep; live: Live; span: [number, number] }) {
  const at = (time: number) => ((time - from) / Math.max(1, to - from)) * 1000;
  const begun = step.begun_at ? at(Date.parse(step.begun_at)) : undefined;
  const ended = step.ended_at ? at(Date.parse(step.ended_at)) : at(Date.parse(live.at));
  return (
    <svg viewBox="0 0 1000 20" preserveAspectRatio="none" aria-hidden="true">
      {live.t0 && <line x1={at(Date.parse(live.t0))} x2={at(Date.parse(live.t0))} y1="0" y2="20" class="zero" />}
      {begun !== undefined && <rect x={begun} y="6" width={Math.max(4, ended - begun)} height="8" class={`did ${toneOf(step.verdict ?? "under way")}`} />}
      {step.due && <rect x={at(Date.parse(step.due)) - 3} y="1" width="6" height="18" class="due" />}
    </svg>
  );
}

function Details({ step, outputs, path }: { step: LiveStep; outputs: Output[]; path: string }) {
  const [shown, setShown] = useState<{ name: string; text: string }>();
  const [problem, setProblem] = useState("");
  const show = async (output: Output) => {
    setProblem("");
    try {
      setShown({ name: output.name, text: (await text(`${path}/outputs/${output.sha256}`)) ?? "It is not there any more." });
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <>
      <p>{step.said ?? "Nothing has been said of it yet."}</p>
      <Facts of={[
        ["Kind", step.kind], ["Owners", step.owners.join(", ") || "–"],
        ["Begun", step.begun_at ? clock(step.begun_at) : "–"], ["Ended", step.ended_at ? clock(step.ended_at) : "–"],
      ]} />
      {outputs.length > 0 && <p>Evidence:{" "}{outputs.map((output) => <button type="button" key={output.sha256 + output.name} onClick={() => void show(output)}>{output.name} ({bytes(output.bytes)})</button>)}</p>}
      <Trouble text={problem} />
      {shown && <Json of={shown.text} label={shown.name} />}
    </>
  );
}

/** From the first to the last time of a run, planned or actual, in milliseconds since 1970. */
function spanOf(live: Live): [number, number] {
  const times = live.steps.flatMap((step) => [step.due, step.begun_at, step.ended_at]);
  const known = [...times, live.t0, live.begun_at, live.at].flatMap((time) => (time ? [Date.parse(time)] : []));
  return [Math.min(...known), Math.max(...known)];
}

/** A time against T0, as `T-5 min`, or against the beginning where there is no T0; at the run's pace. */
function offset(time: number, live: Live): string {
  const zero = live.t0 ? Date.parse(live.t0) : Date.parse(live.begun_at);
  const ms = (time - zero) * (live.t0 ? live.pace : 1);
  return `${live.t0 ? "T" : ""}${ms < 0 ? "−" : "+"}${length(Math.abs(Math.round(ms / 100) * 100))}`;
}

/** What each step left behind, by the entries that say so. */
function outputsOf(entries: Entry[]): Map<string, Output[]> {
  const byStep = new Map<string, Output[]>();
  for (const { data, outputs } of entries) {
    const step = data?.["step"];
    if (typeof step === "string" && outputs?.length) byStep.set(step, [...(byStep.get(step) ?? []), ...outputs]);
  }
  return byStep;
}
