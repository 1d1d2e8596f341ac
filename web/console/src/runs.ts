/** Runs as the server shows them: docs/console.md has what each part means. */

/** How a run stands; see `status.json` in docs/runs.md. */
export interface Live {
  run: string;
  runbook: string;
  mode: string;
  at: string;
  begun_at: string;
  t0?: string;
  pace: number;
  phase: string;
  entries: number;
  has_changed: boolean;
  why?: string;
  now: string;
  steps: LiveStep[];
  next?: { step: string; text: string; at?: string };
  waiting: LiveWait[];
  guards: LiveGuard[];
  traffic?: TrafficShare;
  clocks?: LiveClocks;
  troubles: string[];
}

export interface LiveStep {
  id: string;
  kind: string;
  place: string;
  text: string;
  owners: string[];
  due?: string;
  status?: string;
  verdict?: string;
  said?: string;
  begun_at?: string;
  ended_at?: string;
}

export interface LiveWait {
  choice: string;
  about?: string;
  roles: string[];
  who: string[];
  text: string;
  command: string;
  others?: { choice: string; command: string }[];
}

export interface LiveGuard {
  id: string;
  is_armed: boolean;
  verdict?: string;
  value?: number;
  baseline?: number;
  bound?: number;
  margin?: number;
  unit: string;
  n: number;
  sentence: string;
}

export interface TrafficShare {
  canary_percent: number;
  given_percent: number;
  canary_open: number;
  stable_open: number;
}

export interface LiveClocks {
  since_ms: number;
  new_traffic_ms?: number;
  residual_ms?: number;
  promised_ms?: number;
}

export interface Certificate {
  result: string;
  expires: string;
  configuration: { name?: string; digest: Record<string, string> }[];
  folder: string;
}

/** A run in the list. */
export interface Listed {
  id: string;
  is_carried_out: boolean;
  error: string | null;
  runbook: string | null;
  mode: string | null;
  phase: string | null;
  why: string | null;
  now: string | null;
  begun_at: string | null;
  at: string | null;
  waiting: string[];
  clocks: LiveClocks | null;
  certificate: Certificate | null;
}

/** A run whole. */
export interface Detail {
  id: string;
  is_carried_out: boolean;
  live: Live | null;
  plan: string;
  is_production: boolean;
  roles: { role: string; people: { name: string; key: string | null }[] }[];
  dead_man: Record<string, unknown>[];
  certificate: Certificate | null;
}

export interface Output {
  name: string;
  sha256: string;
  bytes: number;
}

/** An entry of the journal. */
export interface Entry {
  n: number;
  at: string;
  kind: string;
  name?: string;
  data?: Record<string, unknown>;
  role?: string;
  outputs?: Output[];
}

export interface JournalPage {
  entries: Entry[];
  next: number;
  has_more: boolean;
}

/** A look of guards or of the router. */
export type Sample =
  | { of: "guard"; at: string; guard: string; verdict: string; value: number | null; baseline: number | null; bound: number | null; n: number }
  | ({ of: "traffic"; at: string } & TrafficShare);

export interface SamplesPage {
  samples: Sample[];
  next: number;
  has_more: boolean;
}

const OVER = ["kept", "rolled-back", "rollback-failed", "aborted"];

/** Whether a run has ended. */
export function isOver(phase: string): boolean {
  return OVER.includes(phase);
}
