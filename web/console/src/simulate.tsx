/** What a transaction asks for and would do, and what calls of somebody's own would do. */

import type { Transaction, TransactionSimulation } from "tidegate";
import { useState } from "preact/hooks";
import { get, post, said } from "./api.ts";
import { coin, figure } from "./format.ts";
import { usePoll } from "./poll.ts";
import { Badge, Card, Facts, Field, Json, toneOf, Trouble } from "./ui.tsx";

/** One transaction: its facts, its features, and its simulation on request. */
export function OneTransaction({ chain, hash }: { chain: string; hash: string | undefined }) {
  const [simulation, setSimulation] = useState<TransactionSimulation>();
  const [problem, setProblem] = useState("");
  const polled = usePoll(async (signal) => (hash ? get<Transaction & Record<string, unknown>>(`/transactions/${hash}`, { chain }, signal) : undefined), 5000, [hash]);
  const simulate = async () => {
    setProblem("");
    try {
      setSimulation(await get<TransactionSimulation>(`/sim/${hash}`, { chain }));
    } catch (error) {
      setProblem(said(error));
    }
  };
  const row = polled.value;
  return (
    <Card title="Transaction">
      {!hash && <p class="empty">Choose a transaction to see what it asks for and what it would do.</p>}
      <Trouble text={polled.error} />
      {row && (
        <>
          <Facts of={[
            ["Hash", <code>{row.hash}</code>], ["Status", <Badge tone={toneOf(row.lifecycle_status)}>{row.lifecycle_status}</Badge>],
            ["From", <code>{row.sender}</code>], ["To", <code>{row.to ?? "creates a contract"}</code>], ["Value", coin(row.value_wei)], ["Nonce", row.nonce ?? "–"],
          ]} />
          <details><summary>What it asks for</summary><Json of={row["features"] ?? "Nothing was computed (VIZ_API_ANALYSIS)."} label="Features" /></details>
          {simulation ? <Outcomes of={simulation.simulation} /> : <button type="button" onClick={() => void simulate()}>Simulate</button>}
          <Trouble text={problem} />
        </>
      )}
    </Card>
  );
}

function Outcomes({ of }: { of: TransactionSimulation["simulation"] }) {
  return (
    <>
      {of.outcomes.map((outcome, place) => (
        <div key={place}>
          <Facts of={[
            ["Outcome", <Badge tone={toneOf(outcome.status.kind)}>{outcome.status.kind}</Badge>], ["Gas", figure(outcome.gas_used)],
            ["Rules", outcome.hardfork], ["Logs", outcome.logs.length], ["Balances changed", outcome.balance_changes.length],
          ]} />
        </div>
      ))}
      <p class="dim">Assumed: {of.assumptions.join("; ") || "nothing"}.</p>
      <details><summary>All of it</summary><Json of={of} label="Simulation" /></details>
    </>
  );
}

/** A form for a call, and what it would do. */
export function Simulate({ chain }: { chain: string }) {
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [value, setValue] = useState("0");
  const [input, setInput] = useState("0x");
  const [found, setFound] = useState<TransactionSimulation["simulation"]>();
  const [problem, setProblem] = useState("");
  const simulate = async (event: Event) => {
    event.preventDefault();
    setProblem("");
    setFound(undefined);
    try {
      const call = { from: from.trim(), to: to.trim() || null, value_wei: value.trim() || "0", input: input.trim() || "0x" };
      const answer = await post<{ simulation: TransactionSimulation["simulation"] }>("/sim", { chain, calls: [call] });
      setFound(answer.simulation);
    } catch (error) {
      setProblem(said(error));
    }
  };
  const text = (label: string, of: string, set: (to: string) => void, isNeeded = false) => (
    <Field label={label}>{(id) => <input id={id} value={of} required={isNeeded} spellcheck={false} onInput={(event) => set(event.currentTarget.value)} />}</Field>
  );
  return (
    <Card title="Simulate a call">
      <form onSubmit={simulate}>
        {text("From", from, setFrom, true)}
        {text("To (empty creates a contract)", to, setTo)}
        {text("Value in wei", value, setValue)}
        {text("Input", input, setInput)}
        <button type="submit">Simulate</button>
      </form>
      <Trouble text={problem} />
      {found && <Outcomes of={found} />}
    </Card>
  );
}
