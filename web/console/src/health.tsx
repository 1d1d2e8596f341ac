/** How the server is: what it says of itself, its numbers over time, and the live switch. */

import type { Chains, Health as HealthAnswer, Ledger, Ready } from "tidegate";
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { get, peek, text } from "./api.ts";
import { count, figure, length } from "./format.ts";
import { parse, quantile, rate, sum, type Look } from "./metrics.ts";
import { Plot } from "./plot.tsx";
import { usePoll } from "./poll.ts";
import { Switch } from "./switch.tsx";
import { Badge, Card, Facts, toneOf, Trouble } from "./ui.tsx";

/** From look to look, in milliseconds. */
const LOOK_MS = 2000;
/** Looks that are kept: ten minutes. */
const LOOKS_MAX = 300;

/** The page of health. */
export function Health() {
  const health = usePoll((signal) => peek<HealthAnswer>("/api/health", signal), LOOK_MS);
  const ready = usePoll((signal) => peek<Ready>("/ready", signal), LOOK_MS);
  return (
    <div class="page">
      <Trouble text={health.error} />
      {health.value && <Checks health={health.value} ready={ready.value} />}
      <Switch />
      <Account />
      <Numbers />
      <Feeds />
    </div>
  );
}

function Checks({ health, ready }: { health: HealthAnswer; ready: Ready | undefined }) {
  const { realtime, database, runtime } = health.checks;
  const data = database as { status: string; reason?: string | null; backend?: string; version?: string; engine?: string | null; migrations?: number; log?: string };
  const skew = Math.abs(Date.now() - Date.parse(health.timestamp));
  return (
    <>
      <Card title="Server" aside={<Badge tone={toneOf(health.status)}>{health.status}</Badge>}>
        <Facts of={[
          ["Version", health.version],
          ["Ready", ready ? <><Badge tone={toneOf(ready.status)}>{ready.status}</Badge> {ready.reason}</> : "–"],
          ["Phase", runtime.phase],
          ["Replica", runtime.replica ?? "alone"],
          ["Commit", runtime.commit ?? "not said"],
          ["Up for", length(runtime.uptime_seconds * 1000)],
          ["Readers", figure(runtime.open_streams)],
          ["Clock", skew > CLOCK_SKEW_MS ? <Badge tone="warn">{`${length(skew)} apart from this browser's`}</Badge> : "as this browser's"],
        ]} />
      </Card>
      <Card title="Realtime" aside={<Badge tone={toneOf(realtime.status)}>{realtime.status}</Badge>}>
        {realtime.reason && <p class="reason">{realtime.reason}</p>}
        <Facts of={[
          ["Backend", realtime.selected_backend === realtime.requested_backend ? realtime.selected_backend : <Badge tone="warn">{`${realtime.selected_backend}, though ${realtime.requested_backend} is asked for`}</Badge>],
          ["Strict", realtime.enforce_redis_cutover ? "yes: what is not in Redis is refused" : "no"],
          ["Redis", realtime.redis_configured ? "configured" : "not configured"],
          ["Epoch", realtime.epoch ? <code>{realtime.epoch}</code> : "–"],
          ["Streams with", runtime.cutover ? `${runtime.cutover.owner}; after a restart ${runtime.cutover.settings}` : "–"],
          ["Probe", realtime.probe_ms === null ? "no answer yet" : `${figure(realtime.probe_ms)} ms`],
          ["Window", `${length(realtime.replay_window_seconds * 1000)}, ${realtime.replay_max_events} events`],
        ]} />
      </Card>
      <Card title="Database" aside={<Badge tone={toneOf(data.status)}>{data.status}</Badge>}>
        {data.reason && <p class="reason">{data.reason}</p>}
        <Facts of={[["Backend", data.backend ?? "–"], ["Version", data.version ?? "–"], ["Engine", data.engine ?? "–"], ["Migrations", figure(data.migrations)], ["Chat's logs", data.log ?? "–"]]} />
      </Card>
    </>
  );
}

/** The account of the organisation's stream, and where its history was forked within the window. */
function Account() {
  const polled = usePoll((signal) => get<Ledger>("/api/admin/ledger", {}, signal), LOOK_MS * 2);
  const account = polled.value;
  const epochOf = (cursor: string) => cursor.slice(0, cursor.lastIndexOf("-"));
  return (
    <Card title="Account of this organisation's events">
      <Trouble text={polled.error} />
      {account && <Facts of={[
        ["Events", `${count(account.count)} since number ${account.first}`],
        ["Last", <code>{account.last}</code>],
        ["Window after", <code>{account.window_after}</code>],
        ["Lineage", epochOf(account.window_after) === epochOf(account.last)
          ? <>one epoch in the window, <code>{epochOf(account.last)}</code></>
          : <>forked within the window: <code>{epochOf(account.window_after)}</code> … <code>{epochOf(account.last)}</code></>],
        ["Hash", <code>{account.hash}</code>],
      ]} />}
    </Card>
  );
}

/** Beyond it two clocks are told to be apart, in milliseconds. */
const CLOCK_SKEW_MS = 5000;

interface Point {
  at: number;
  readers: number | null;
  published: number | null;
  delivered: number | null;
  gaps: number | null;
  probe: number | null;
  publish50: number | null;
  publish99: number | null;
  deliver50: number | null;
  deliver99: number | null;
  queue: number | null;
  lagged: number | null;
}

/** The server's numbers over time, since the page was opened. */
function Numbers() {
  const points = useRef<Point[]>([]);
  const last = useRef<Look | undefined>(undefined);
  const [isHidden, setHidden] = useState(false);
  const polled = usePoll(async (signal) => {
    const [metrics, health] = await Promise.all([text("/metrics", signal), peek<HealthAnswer>("/api/health", signal)]);
    setHidden(metrics === undefined);
    const look = parse(metrics ?? "", Date.now());
    points.current = [...points.current, pointOf(last.current, look, health)].slice(-LOOKS_MAX);
    last.current = metrics === undefined ? undefined : look;
    return points.current.length;
  }, LOOK_MS);
  const times = points.current.map((point) => point.at / 1000);
  const of = (name: keyof Point) => points.current.map((point) => point[name]);
  return (
    <Card title="Numbers" wide>
      <Trouble text={polled.error} />
      {isHidden && <p class="dim">This address does not show <code>/metrics</code> (a router keeps it for itself); what health says is drawn alone.</p>}
      <div class="plots">
        <Plot title="Readers" unit="" times={times} lines={[{ label: "open", values: of("readers") }]} />
        <Plot title="Probe" unit="ms" times={times} lines={[{ label: "through publish and delivery", values: of("probe") }]} />
        {!isHidden && <>
          <Plot title="Events" unit="/s" times={times} lines={[{ label: "published", values: of("published") }, { label: "delivered", values: of("delivered") }]} />
          <Plot title="Publish latency" unit="ms" times={times} lines={[{ label: "p50", values: of("publish50") }, { label: "p99", values: of("publish99") }]} />
          <Plot title="Delivery latency" unit="ms" times={times} lines={[{ label: "p50", values: of("deliver50") }, { label: "p99", values: of("deliver99") }]} />
          <Plot title="Lag" unit="/s" times={times} lines={[{ label: "sent away", values: of("lagged") }, { label: "gaps told", values: of("gaps") }]} />
          <Plot title="Records of chains that wait for the disk" unit="" times={times} lines={[{ label: "queue", values: of("queue") }]} />
        </>}
      </div>
      {last.current?.byName.has("tidegate_redis_reconnects_total") && <RedisFacts look={last.current} />}
    </Card>
  );
}

function RedisFacts({ look }: { look: Look }) {
  const of = (name: string) => count(sum(look, name));
  return (
    <>
      <h3>Redis</h3>
      <Facts of={[
        ["Connections made anew", of("tidegate_redis_reconnects_total")],
        ["Events that wait to be merged", of("tidegate_spool_events")],
        ["Streams that are refused", of("tidegate_streams_unusable")],
      ]} />
    </>
  );
}

function pointOf(before: Look | undefined, now: Look, health: HealthAnswer | undefined): Point {
  const ms = (name: string, share: number) => {
    const found = quantile(before, now, name, share);
    return found === undefined ? null : found * 1000;
  };
  const [publish, deliver] = ["tidegate_publish_duration_seconds", "tidegate_delivery_latency_seconds"];
  return {
    at: now.at,
    readers: health?.checks.runtime.open_streams ?? null,
    probe: health?.checks.realtime.probe_ms ?? null,
    published: rate(before, now, "tidegate_events_published_total", { result: "stored" }) ?? null,
    delivered: rate(before, now, "tidegate_deliveries_total") ?? null,
    gaps: rate(before, now, "tidegate_gaps_total") ?? null,
    publish50: ms(publish, 0.5), publish99: ms(publish, 0.99), deliver50: ms(deliver, 0.5), deliver99: ms(deliver, 0.99),
    lagged: rate(before, now, "tidegate_lag_closes_total") ?? null,
    queue: now.byName.has("tidegate_storage_queue_depth") ? sum(now, "tidegate_storage_queue_depth") : null,
  };
}

function Feeds() {
  const chains = usePoll((signal) => get<Chains>("/chains", {}, signal), LOOK_MS * 2);
  const list = chains.value?.chains ?? [];
  const rows: [string, ComponentChildren][] = list.map((chain) => [
    chain.chain_key,
    <><Badge tone={toneOf(chain.state)}>{chain.state}</Badge> head {chain.head_number ?? "–"}{chain.last_error ? `; ${chain.last_error}` : ""}</>,
  ]);
  return (
    <Card title="Chains">
      <Trouble text={chains.error} />
      {rows.length > 0 ? <Facts of={rows} /> : <p class="empty">No chain is followed (<code>VIZ_API_INGEST_MODE</code>).</p>}
    </Card>
  );
}
