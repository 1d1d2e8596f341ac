/** What people say to a run: who is waited for, and how they answer, with a key or without one. */

import { useState } from "preact/hooks";
import { post } from "./api.ts";
import { choicesOf, MEANINGS, speakerOf, type Choice } from "./choices.ts";
import type { Detail, Live, LiveWait } from "./runs.ts";
import { decisionOf, readKey, signed, type Envelope, type SigningKey } from "./sign.ts";
import { Badge, Card, Confirm, Field, type Question, Trouble } from "./ui.tsx";

/** What became of a word. */
type Answered = { state: "taken" } | { state: "refused"; why: string } | { state: "waiting"; is_carried_out: boolean };

/** The card in which people speak. */
export function Speak({ run, live, onSaid }: { run: Detail; live: Live; onSaid: () => void }) {
  const [key, setKey] = useState<SigningKey>();
  const [role, setRole] = useState(live.waiting[0]?.roles[0] ?? run.roles[0]?.role ?? "");
  const [person, setPerson] = useState("");
  const [reason, setReason] = useState("");
  const [question, setQuestion] = useState<Question>();
  const [outcome, setOutcome] = useState("");
  const [problem, setProblem] = useState("");
  const people = run.roles.find((one) => one.role === role)?.people ?? [];
  const chosen = speakerOf({ choice: "HOLD", roles: [] }, run, role, person);
  const takeKey = async (file: File | undefined) => {
    setProblem("");
    setKey(undefined);
    try {
      if (file) setKey(await readKey(await file.text()));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  const ask = (choice: Choice) => {
    setOutcome("");
    setProblem("");
    const speaker = speakerOf(choice, run, role, person);
    const as = choice.choice === "AGAIN" ? "" : key ? `, signed with ${key.id}` : `, as ${speaker.person || "nobody"}, without a signature`;
    setQuestion({
      title: `${choice.choice}${choice.about ? ` ${choice.about}` : ""}`,
      word: choice.choice,
      text: <><p>{MEANINGS[choice.choice]}</p><p>In the role <strong>{speaker.role}</strong>{as}.{reason && <> Reason: {reason}</>}</p></>,
      act: async () => {
        const answered = await say(run, live, { ...choice, ...speaker, reason }, key);
        if (answered.state === "refused") throw new Error(`It does not count: ${answered.why}.`);
        // A reason is of one decision: the next one has its own.
        setReason("");
        setOutcome(`${choice.choice} ${answered.state === "taken" ? "was taken in." : answered.is_carried_out
          ? "lies in the run's inbox; the run has not answered yet."
          : "lies in the run's inbox: nobody carries the run out, it is taken in when the run is resumed."}`);
        onSaid();
      },
    });
  };
  return (
    <Card title="Decide" wide aside={live.waiting.length > 0 && <Badge tone="warn">somebody is waited for</Badge>}>
      {live.waiting.map((wait) => <Waited key={`${wait.choice}${wait.about ?? ""}`} wait={wait} live={live} onAsk={ask} />)}
      {live.waiting.length === 0 && <p class="empty">Nobody is waited for.</p>}
      <div class="bar">
        <Field label="Role">{(id) => <select id={id} value={role} onChange={(event) => setRole(event.currentTarget.value)}>{run.roles.map((one) => <option key={one.role}>{one.role}</option>)}</select>}</Field>
        {!key && <Field label="Person">{(id) => <select id={id} value={chosen.person} onChange={(event) => setPerson(event.currentTarget.value)}>{people.map((one) => <option key={one.name}>{one.name}</option>)}</select>}</Field>}
        <Field label="Private key" hint="It stays in this browser.">{(id) => <input id={id} type="file" onChange={(event) => void takeKey(event.currentTarget.files?.[0])} />}</Field>
        <Field label="Reason">{(id) => <input id={id} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />}</Field>
      </div>
      {key && <p><Badge tone="good">{`signs as ${key.id}`}</Badge></p>}
      {!key && chosen.needsKey && <p class="reason">This person signs: choose the file of their private key.</p>}
      <div class="bar" role="group" aria-label="At any time">
        {live.phase !== "hold" && live.phase !== "rolling-back" && <button type="button" onClick={() => ask({ choice: "HOLD", roles: [] })}>HOLD</button>}
        {live.phase !== "rolling-back" && <button type="button" class="danger" onClick={() => ask({ choice: live.has_changed ? "ROLLBACK" : "ABORT", roles: [] })}>{live.has_changed ? "ROLLBACK" : "ABORT"}</button>}
      </div>
      <p role="status">{outcome}</p>
      <Trouble text={problem} />
      <Confirm question={question} onEnd={() => setQuestion(undefined)} />
    </Card>
  );
}

function Waited({ wait, live, onAsk }: { wait: LiveWait; live: Live; onAsk: (choice: Choice) => void }) {
  return (
    <div class="waited">
      <p><strong>{wait.text}</strong> <span class="dim">{wait.who.join(", ")}</span></p>
      <div class="bar">
        {choicesOf(wait, live).map((choice) => (
          <button type="button" key={`${choice.choice}${choice.about ?? ""}`} onClick={() => onAsk(choice)}>
            {choice.choice}{choice.about ? ` ${choice.about}` : ""}
          </button>
        ))}
      </div>
      <details><summary>On the command line</summary><p><code>{wait.command}</code></p>{wait.others?.map((other) => <p key={other.command}>{other.choice}: <code>{other.command}</code></p>)}</details>
    </div>
  );
}

/** Says a word: what a key signs is asked for, compared with what was meant, signed here, and sent. */
async function say(run: Detail, live: Live, word: Choice & { role: string; person: string; reason: string }, key: SigningKey | undefined): Promise<Answered> {
  const path = `/api/runs/${encodeURIComponent(run.id)}`;
  const { choice, about, role, person, reason } = word;
  if (choice === "AGAIN") return post<Answered>(`${path}/say`, { again: { step: about } });
  const meant = { choice, role, reason, ...(about ? { about } : {}) };
  if (!key) return post<Answered>(`${path}/say`, { unsigned: { word: meant, person } });
  const envelope = await post<Envelope>(`${path}/statement`, meant);
  const asked = decisionOf(envelope);
  const isMeant = asked.decision === choice && asked.role === role && asked.reason === reason && (asked.about ?? undefined) === about
    && asked.plan?.digest.sha256 === run.plan && asked.log.origin === live.run;
  if (!isMeant) throw new Error("The server asks to have something else signed than what you chose: nothing was signed.");
  return post<Answered>(`${path}/say`, { signed: { role, envelope: await signed(envelope, key) } });
}
