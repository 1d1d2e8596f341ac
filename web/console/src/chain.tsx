/** What happens on chains: status, transactions, blocks that were taken back. */

import type { ChainEvents, Chains, Transaction, Transactions } from "tidegate";
import { useRef, useState } from "preact/hooks";
import { get } from "./api.ts";
import { brief, clock, coin, figure, length } from "./format.ts";
import { Opportunities } from "./opportunities.tsx";
import { usePoll } from "./poll.ts";
import { Rows } from "./rows.tsx";
import { OneTransaction, Simulate } from "./simulate.tsx";
import { Badge, Card, Facts, Field, toneOf, Trouble } from "./ui.tsx";

/** Reorgs that are kept. */
const REORGS_MAX = 50;
/** Rows that are asked for at once. */
const LIMIT = 100;
/** Events of a chain in one request. */
const EVENTS = 500;

/** The page of chains. */
export function Chain() {
  const chains = usePoll((signal) => get<Chains>("/chains", {}, signal), 2000);
  const [chosen, setChosen] = useState("");
  const [picked, setPicked] = useState<string>();
  const list = chains.value?.chains ?? [];
  const chain = list.some((one) => one.chain_key === chosen) ? chosen : list[0]?.chain_key;
  const row = list.find((one) => one.chain_key === chain);
  return (
    <div class="page">
      <Card title="Chain" aside={row && <Badge tone={toneOf(row.state)}>{row.state}</Badge>}>
        <Trouble text={chains.error} />
        {chains.value && list.length === 0 && <p class="empty">No chain is followed: set <code>VIZ_API_INGEST_MODE</code> to <code>rpc</code> or <code>replay</code>.</p>}
        {list.length > 1 && <Field label="Chain">{(id) => (
          <select id={id} value={chain} onChange={(event) => setChosen(event.currentTarget.value)}>{list.map((one) => <option key={one.chain_key}>{one.chain_key}</option>)}</select>
        )}</Field>}
        {row && <Facts of={[
          ["Key", row.chain_key], ["Id", figure(row.chain_id)], ["Head", `${row.head_number ?? "–"} ${brief(row.head_hash)}`],
          ["Endpoint", row.endpoint ? `${row.endpoint} (${row.endpoint_index + 1} of ${row.endpoint_count})` : "a recorded feed"],
          ["Silent for", length(row.silent_for_ms)], ["Rotations", row.rotation_count], ["Forks refused", row.fork_refused_count],
          ["Last error", row.last_error ?? "none"],
          ["History", row.broken_below ? <Badge tone="warn">{`unknown below block ${row.broken_below.number ?? "?"}`}</Badge> : "whole"],
        ]} />}
      </Card>
      {chain && <Reorgs key={`r${chain}`} chain={chain} />}
      {chain && <TransactionList key={`t${chain}`} chain={chain} onPick={setPicked} />}
      {chain && <OneTransaction key={`${chain}${picked ?? ""}`} chain={chain} hash={picked} />}
      {chain && <Opportunities key={`o${chain}`} chain={chain} />}
      {chain && <Simulate key={`s${chain}`} chain={chain} />}
    </div>
  );
}

function TransactionList({ chain, onPick }: { chain: string; onPick: (hash: string) => void }) {
  const [status, setStatus] = useState("");
  const [sender, setSender] = useState("");
  const polled = usePoll((signal) => get<Transactions>("/transactions", { chain, status: status || undefined, sender: sender || undefined, limit: LIMIT }, signal), 2000, [chain, status, sender]);
  const rows = polled.value?.transactions ?? [];
  return (
    <Card title="Transactions" wide>
      <div class="bar">
        <Field label="Status">{(id) => (
          <select id={id} value={status} onChange={(event) => setStatus(event.currentTarget.value)}>
            <option value="">all</option>
            {["pending", "included", "final", "replaced", "dropped", "reorged"].map((one) => <option key={one}>{one}</option>)}
          </select>
        )}</Field>
        <Field label="Sender">{(id) => <input id={id} value={sender} placeholder="0x…" onChange={(event) => setSender(event.currentTarget.value.trim())} />}</Field>
      </div>
      <Trouble text={polled.error} />
      <Rows
        label="Transactions" columns={["Hash", "Status", "From", "To", "Value", "Nonce"]} rows={rows} version={rows[0] ? Number((rows[0] as { seen_seq_id?: number }).seen_seq_id) : 0}
        keyOf={(row) => row.hash} onPick={(row) => onPick(row.hash)} empty="Nothing has been seen of this kind yet."
        cells={(row: Transaction) => (
          <>
            <span role="cell"><code>{brief(row.hash)}</code></span>
            <span role="cell"><Badge tone={toneOf(row.lifecycle_status)}>{row.lifecycle_status}</Badge></span>
            <span role="cell"><code>{brief(row.sender)}</code></span>
            <span role="cell"><code>{row.to ? brief(row.to) : "creates"}</code></span>
            <span role="cell">{coin(row.value_wei)}</span>
            <span role="cell">{row.nonce ?? "–"}</span>
          </>
        )}
      />
    </Card>
  );
}

/** What blocks were taken back, the newest first. */
function Reorgs({ chain }: { chain: string }) {
  const kept = useRef<{ rows: ChainEvent[]; next: number }>({ rows: [], next: 0 });
  const polled = usePoll(async (signal) => {
    for (let hasMore = true; hasMore; ) {
      const query = { after: kept.current.next, types: "block.reverted,chain.broken", limit: EVENTS };
      const page = await get<ChainEvents>("/events", query, signal);
      const rows = (page.events as unknown as ChainEvent[]).filter((event) => event.chain_key === chain);
      kept.current = { rows: [...rows.reverse(), ...kept.current.rows].slice(0, REORGS_MAX), next: page.next };
      hasMore = page.has_more;
    }
    return kept.current.next;
  }, 2000, [chain]);
  const { rows } = kept.current;
  return (
    <Card title="Reorganisations">
      <Trouble text={polled.error} />
      {rows.length === 0
        ? <p class="empty">No block was taken back.</p>
        : <ol class="list" tabIndex={0} aria-label="Blocks taken back">{rows.map((row) => <li key={row.seq_id}>{clock(row.observed_unix_ms)} {row.type} {row.block?.number ?? ""} <code>{brief(row.block?.hash)}</code></li>)}</ol>}
    </Card>
  );
}

interface ChainEvent {
  seq_id: number;
  type: string;
  chain_key: string;
  observed_unix_ms: number;
  block?: { number?: number; hash?: string };
}
