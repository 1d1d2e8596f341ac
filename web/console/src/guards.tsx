/** What watches a run: each guard with its bound over time, and how the traffic is shared. */

import { useMemo } from "preact/hooks";
import { figure } from "./format.ts";
import { Plot, type Line } from "./plot.tsx";
import type { Live, Sample } from "./runs.ts";
import { Badge, Card, toneOf } from "./ui.tsx";

/** Points of a plot; more looks are thinned out. */
const POINTS_MAX = 600;

/** The card of guards. */
export function Guards({ live, samples }: { live: Live; samples: Sample[] }) {
  const series = useMemo(() => byGuard(samples), [samples]);
  if (live.guards.length === 0) return null;
  return (
    <Card title="Guards" wide>
      <div class="plots">
        {live.guards.map((guard) => {
          const found = comparable(series.get(guard.id), guard.margin);
          return (
            <div key={guard.id} class="guard">
              <h3>{guard.id} <Badge tone={guard.is_armed ? toneOf(guard.verdict) : "idle"}>{guard.is_armed ? (guard.verdict ?? "armed") : "not armed"}</Badge></h3>
              <p>{guard.sentence}</p>
              {found && found.times.length > 1
                ? <Plot title="" unit={guard.unit} times={found.times} lines={found.lines} height={110} />
                : <p class="dim">Canary {figure(guard.value)}, stable {figure(guard.baseline)} {guard.unit}; {figure(guard.n)} looked at.</p>}
            </div>
          );
        })}
      </div>
    </Card>
  );
}

/** The card of traffic and connections. */
export function Traffic({ live, samples }: { live: Live; samples: Sample[] }) {
  const { times, share, open } = useMemo(() => ofTraffic(samples), [samples]);
  if (!live.traffic && times.length === 0) return null;
  return (
    <Card title="Traffic" wide>
      {live.traffic && <p>The canary has {figure(live.traffic.canary_percent)} % of new traffic ({figure(live.traffic.given_percent)} % were given), {live.traffic.canary_open} connections; stable has {live.traffic.stable_open}.</p>}
      <div class="plots">
        <Plot title="Share" unit="%" times={times} lines={share} />
        <Plot title="Connections" unit="" times={times} lines={open} />
      </div>
    </Card>
  );
}

interface Series {
  times: number[];
  lines: Line[];
}

function byGuard(samples: Sample[]): Map<string, Series> {
  const looks = new Map<string, Extract<Sample, { of: "guard" }>[]>();
  for (const sample of samples) {
    if (sample.of !== "guard") continue;
    const known = looks.get(sample.guard);
    if (known) known.push(sample);
    else looks.set(sample.guard, [sample]);
  }
  return new Map([...looks].map(([guard, all]) => {
    const few = thinned(all);
    const lines = ([["canary", "value"], ["stable", "baseline"], ["fails at", "bound"]] as const)
      .map(([label, field]) => ({ label, values: few.map((look) => look[field]) }))
      .filter(({ values }) => values.some((value) => value !== null));
    return [guard, { times: few.map((look) => Date.parse(look.at) / 1000), lines }];
  }));
}

/** Where pairs are compared the bound is a ratio, of no unit: drawn is how slow the canary may be. */
function comparable(series: Series | undefined, margin: number | undefined): Series | undefined {
  if (!series || margin === undefined) return series;
  const lines = series.lines.filter((line) => line.label !== "fails at");
  const stable = lines.find((line) => line.label === "stable");
  const allowed = stable && { label: "allowed", values: stable.values.map((value) => (value === null ? null : value * margin)) };
  return { ...series, lines: allowed ? [...lines, allowed] : lines };
}

function ofTraffic(samples: Sample[]): { times: number[]; share: Line[]; open: Line[] } {
  const few = thinned(samples.filter((sample) => sample.of === "traffic"));
  return {
    times: few.map((look) => Date.parse(look.at) / 1000),
    share: [{ label: "canary", values: few.map((look) => look.canary_percent) }, { label: "given", values: few.map((look) => look.given_percent) }],
    open: [{ label: "canary", values: few.map((look) => look.canary_open) }, { label: "stable", values: few.map((look) => look.stable_open) }],
  };
}

/** Every so many, and the last one. */
function thinned<T>(all: T[]): T[] {
  const step = Math.ceil(all.length / POINTS_MAX);
  return step <= 1 ? all : all.filter((_, place) => place % step === 0 || place === all.length - 1);
}
