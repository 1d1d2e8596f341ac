/** What could be gained from a chain's pools, with what each rests on. */

import type { OpportunityPage, OpportunityRow } from "tidegate";
import { useState } from "preact/hooks";
import { get } from "./api.ts";
import { clock, coin } from "./format.ts";
import { usePoll } from "./poll.ts";
import { Rows } from "./rows.tsx";
import { Badge, Card, Field, Json, toneOf, Trouble } from "./ui.tsx";

/** Rows that are asked for at once. */
const LIMIT = 100;

/** The card of opportunities. */
export function Opportunities({ chain }: { chain: string }) {
  const [status, setStatus] = useState("");
  const [picked, setPicked] = useState<string>();
  const polled = usePoll((signal) => get<OpportunityPage>("/opps", { chain, status: status || undefined, limit: LIMIT }, signal), 3000, [chain, status]);
  const rows = polled.value?.opportunities ?? [];
  const one = rows.find((row) => row.id === picked);
  return (
    <Card title="Opportunities" wide>
      <div class="bar">
        <Field label="Status">{(id) => (
          <select id={id} value={status} onChange={(event) => setStatus(event.currentTarget.value)}>
            <option value="">all</option>
            {["candidate", "confirmed", "refuted", "stale"].map((word) => <option key={word}>{word}</option>)}
          </select>
        )}</Field>
      </div>
      <Trouble text={polled.error} />
      <Rows
        label="Opportunities" columns={["Time", "Status", "Kind", "Value", "Pools", "Assumes"]} rows={rows} version={rows[0]?.seq_id ?? 0}
        keyOf={(row) => `${row.id}${row.seq_id}`} onPick={(row) => setPicked(row.id)} empty="Nothing was found: opportunities need pools in the registry (VIZ_API_REGISTRY_PATH)."
        cells={(row: OpportunityRow) => <OpportunityCells row={row} />}
      />
      {one && (
        <>
          <h3>What it assumes</h3>
          <ul class="list">{assumptionsOf(one).map((text) => <li key={text}>{text}</li>)}</ul>
          <Json of={one.opportunity} label="Opportunity" />
        </>
      )}
    </Card>
  );
}

function OpportunityCells({ row }: { row: OpportunityRow }) {
  const { kind, path } = row.opportunity as { kind?: string; path?: unknown[] };
  return (
    <>
      <span role="cell">{clock(row.computed_unix_ms)}</span>
      <span role="cell"><Badge tone={toneOf(row.status)}>{row.status}</Badge></span>
      <span role="cell">{String(kind ?? "–")}</span>
      <span role="cell">{row.value_wei ? coin(row.value_wei) : "in its token"}</span>
      <span role="cell">{Array.isArray(path) ? path.length : "–"}</span>
      <span role="cell">{assumptionsOf(row).join("; ")}</span>
    </>
  );
}

function assumptionsOf(row: OpportunityRow): string[] {
  const { assumptions } = row.opportunity as { assumptions?: { kind: string }[] };
  return (assumptions ?? []).map(({ kind, ...more }) => {
    const rest = Object.entries(more as Record<string, unknown>).map(([name, value]) => `${name.replaceAll("_", " ")} ${String(value)}`);
    return [kind.replaceAll("_", " "), ...rest].join(" ");
  });
}
