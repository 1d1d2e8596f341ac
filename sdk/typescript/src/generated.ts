// Made by scripts/generate.ts from the server's OpenAPI document; do not edit.

/** The one form of every error. */
export type Error = {
  error: {
    code: "validation_error" | "unauthorized" | "forbidden" | "not_found" | "method_not_allowed" | "conflict" | "idempotency_conflict" | "unprocessable" | "too_large" | "unsupported" | "rate_limited" | "unavailable" | "internal";
    /** For people; its text may change. */
    message: string;
    /** As in `x-request-id`; the server's log has the cause under it. */
    request_id: string;
  };
};

/** One of the server's own (`connected`, `gap`, `goodbye`, `message`, `error`, `open`, `ping`) is refused. */
export type EventName = string;

/** Given once, globally unique: `evt_` and a ULID. */
export type EventId = string;

/** Opaque; it outlives a restart and a change of the backend. */
export type Cursor = string;

/** An event as its publisher describes it. */
export type Draft = {
  event: EventName;
  payload?: Record<string, unknown>;
};

/** Where an event went. */
export type Receipt = {
  id: EventId;
  cursor: Cursor;
  org_id: string;
  event: EventName;
  timestamp: string;
  version: "v1";
};

/** What a reader receives as one event: exactly these six fields. */
export type Envelope = {
  id: EventId;
  org_id: string;
  event: EventName;
  /** UTC with milliseconds. */
  timestamp: string;
  version: "v1";
  payload: Record<string, unknown>;
};

/** A stretch of the window. */
export type Page = {
  events: {
    cursor: Cursor;
    id: EventId;
    org_id: string;
    event: EventName;
    timestamp: string;
    version: "v1";
    payload: Record<string, unknown>;
  }[];
  next: Cursor;
  has_more: boolean;
  gap: Gap | null;
};

/** A hole can't be ruled out between `after` and `resumes_at`. */
export type Gap = {
  reason: "expired" | "unknown_cursor" | "diverged" | "lagged" | "data_loss";
  after: string | null;
  resumes_at: Cursor;
  missed: number | null;
};

/** How a stream begins. */
export type Connected = {
  status: "ok";
  orgId: string;
  backend: "memory" | "redis";
  realtimeStatus: "healthy" | "degraded";
  resume: "fresh" | "resumed" | "gap";
  /** How many events will be sent before the live ones, after filters. */
  replayed: number;
  lastEventId: Cursor;
};

/** The server ends the stream. */
export type Goodbye = {
  reason: "drain" | "token_expired" | "moved";
  retry_ms: number;
};

export type Ticket = {
  ticket: string;
  /** In seconds. */
  expires_in: number;
};

/** How far the live switch is. */
export type Cutover = {
  state: "idle" | "shadow" | "backfill" | "compared" | "switching" | "switched";
  /** Whether it is being carried out. */
  is_running: boolean;
  /** Who owns the streams that have not moved. */
  owner: "memory" | "redis";
  to: "memory" | "redis";
  /** What the settings name, and so who owns the streams after a restart. */
  settings: "memory" | "redis";
  is_undo: boolean;
  actor: string;
  since: string;
  streams: number;
  copied: number;
  moved: number;
  events: number;
  bytes: number;
  /** How long appends waited while their stream changed hands. */
  pause_ms: {
    p50: number;
    p99: number;
    max: number;
  };
  /** After how long it is finalised by itself, and when, if it stays good; null where that was not asked for. */
  soak: {
    lasts_s: number;
    ends_at: string | null;
  } | null;
  /** Why the last attempt did not go on. */
  error: {
    kind: string;
    message: string;
  } | null;
};

/** The running account of a log. */
export type Ledger = {
  stream: string;
  window_after: Cursor;
  first: number;
  last: Cursor;
  count: number;
  hash: string;
};

export type Live = {
  status: "ok";
  version: string;
};

export type Ready = {
  status: "ok" | "unavailable";
  checks: {
    lifecycle: "starting" | "ready" | "draining" | "stopped";
    realtime: "ok" | "unhealthy";
    database: "ok" | "unhealthy" | "unused";
    /** The feed of chains. A fault in it degrades it alone. */
    ingest: {
      status: "off" | "ok" | "degraded";
      mode: "off" | "rpc" | "replay";
      reasons: string[];
    };
  };
  reason: string | null;
};

export type Health = {
  status: "healthy" | "degraded";
  timestamp: string;
  version: string;
  checks: {
    realtime: RealtimeCheck;
    database: DatabaseCheck;
    runtime: {
      status: "healthy" | "degraded";
      phase: "starting" | "ready" | "draining" | "stopped";
      /** What this process is called among the replicas; null where no Redis is configured. */
      replica: string | null;
      /** What this build was made of, where whoever built it said so. */
      commit: string | null;
      uptime_seconds: number;
      open_streams: number;
      /** The live switch: where the streams are, and what the settings name. */
      cutover: {
        state: "idle" | "shadow" | "backfill" | "compared" | "switching" | "switched";
        owner: "memory" | "redis";
        settings: "memory" | "redis";
        /** Whether a switch was begun and neither undone nor finalised. */
        is_open: boolean;
        error: string | null;
      } | null;
    };
  };
};

/** What a query of the database found, within 650 ms. */
export type DatabaseCheck = {
  status: "healthy" | "unhealthy";
  reason: string | null;
  backend: "memory" | "embedded" | "surreal";
  version: string;
  engine: string | null;
  migration_checksum: string;
  migrations: number;
  /** What keeps the logs of threads. */
  log: "memory" | "redis";
  /** Digests of where several replicas keep the logs of threads: replicas of one log tell the same. Null where one process keeps them. */
  log_place: null | {
    /** The beginning of a digest of CHAT_REALTIME_CHANNEL_PREFIX. */
    prefix_sha256: string;
    /** The beginning of a digest of the name of Redis's run; null while there is no connection. */
    run_sha256: string | null;
  };
} | {
  status: "unhealthy";
  backend: "memory" | "embedded" | "surreal";
  reason: string;
};

/** What a probe through the real publish and delivery path found. */
export type RealtimeCheck = {
  status: "healthy" | "degraded" | "unhealthy";
  reason: string | null;
  requested_backend: "memory" | "redis";
  selected_backend: "memory" | "redis";
  redis_configured: boolean;
  enforce_redis_cutover: boolean;
  replay_window_seconds: number;
  replay_max_events: number;
  probe_ms: number | null;
  epoch: string | null;
};

export type Chains = {
  chains: ChainRow[];
};

export type ChainRow = {
  chain_key: string;
  chain_id?: number | null;
  source_id: string;
  state: "booting" | "connecting" | "subscribed" | "active" | "silent_timeout" | "error" | "rotating" | "disconnected";
  endpoint_index: number;
  endpoint_count: number;
  endpoint?: string | null;
  head_number?: number | null;
  head_hash?: string | null;
  last_pending_unix_ms?: number | null;
  silent_for_ms?: number | null;
  updated_unix_ms: number;
  last_error?: string | null;
  rotation_count: number;
  broken_below?: {
    number?: number;
    hash?: string;
  } | null;
  fork_refused_count: number;
};

export type Chain = ChainRow & {
  canonical?: Record<string, unknown> | null;
};

export type Snapshot = {
  latest_seq_id: number;
  transactions: Transaction[];
  opportunities: OpportunityRow[];
  feature_summary: CategoryCount[];
  feature_details: FeatureRow[];
  chain_ingest_status: ChainRow[];
  market_stats: Record<string, unknown>;
  propagation: Record<string, unknown>[];
  replay: Record<string, unknown>[];
};

export type ChainEvents = {
  events: Record<string, unknown>[];
  next: number;
  has_more: boolean;
  gap: Record<string, unknown> | null;
};

export type Replay = {
  from_seq_id: number;
  to_seq_id: number;
  stride: number;
  summary?: Record<string, unknown> | null;
  frames: Record<string, unknown>[];
};

export type FeaturePage = {
  features: FeatureRow[];
  next: number;
  has_more: boolean;
  summary: CategoryCount[];
};

/** What a transaction asks for, and when that was computed. */
export type FeatureRow = {
  seq_id: number;
  chain_key: string;
  computed_unix_ms: number;
  hash: string;
  /** The number of the fact that it was computed for. */
  cause_chain_seq: number;
  category: string;
  /** See docs/features.md. */
  features: Record<string, unknown>;
};

export type CategoryCount = {
  chain_key: string;
  category: string;
  count: number;
};

export type Bundle = {
  /** A chain's key; it can be left out where one chain is followed. */
  chain?: string;
  calls: {
    from: string;
    /** Left out where it creates a contract. */
    to?: string | null;
    /** Decimal, or 0x-hex. */
    value_wei?: string;
    /** 0x-hex. */
    input?: string;
    /** 10000000 where it is left out. */
    gas_limit?: number;
    /** The one that fits where it is left out. */
    nonce?: number;
    /** Left out, nothing is paid for gas. */
    max_fee_per_gas_wei?: string;
    max_priority_fee_per_gas_wei?: string;
    access_list?: {
      address: string;
      storage_keys?: string[];
    }[];
  }[];
  /** What is assumed of accounts, by address. */
  overrides?: Record<string, {
    balance_wei?: string;
    nonce?: number;
    code?: string;
    storage?: Record<string, string>;
  }>;
};

/** See docs/simulation.md. Amounts are 0x-hex, in wei. */
export type Simulation = {
  /** The block behind which the state was read. */
  at: Record<string, unknown>;
  /** The block that it stands in. */
  block: Record<string, unknown>;
  assumptions: string[];
  outcomes: Outcome[];
};

export type Outcome = {
  version: number;
  hardfork: string;
  status: {
    kind: "success" | "revert" | "halt" | "invalid" | "incomplete";
  };
  gas_used: number;
  output: string;
  logs: Record<string, unknown>[];
  balance_changes: Record<string, unknown>[];
  created: string | null;
};

export type TransactionSimulation = {
  chain_key: string;
  hash: string;
  simulation: Simulation;
};

export type CallsSimulation = {
  chain_key: string;
  simulation: Simulation;
};

export type OpportunityPage = {
  opportunities: OpportunityRow[];
  next: number;
  has_more: boolean;
};

/** What could be gained, how far that was checked, and when. See docs/opportunities.md. */
export type OpportunityRow = {
  seq_id: number;
  chain_key: string;
  computed_unix_ms: number;
  id: string;
  cause_chain_seq: number;
  status: "candidate" | "confirmed" | "refuted" | "stale";
  value_wei: string | null;
  opportunity: Record<string, unknown>;
};

export type Transactions = {
  transactions: Transaction[];
  next: number;
  has_more: boolean;
};

/** Hashes and addresses are 0x-hex; amounts in wei are decimal texts. */
export type Transaction = {
  hash: string;
  chain_key: string;
  sender?: string;
  to?: string | null;
  nonce?: number;
  value_wei?: string;
  lifecycle_status: "pending" | "included" | "final" | "replaced" | "dropped" | "reorged";
};

/** Given once: `thr_` and a ULID. */
export type ThreadId = string;

/** Given once: `msg_` and the ULID of its event. */
export type MessageId = string;

/** Whether every credential of the organisation reads it, or members alone. */
export type Privacy = "public" | "private";

export type NewThread = {
  /** What threads are found under. */
  scope_id: string;
  privacy_level: Privacy;
};

/** A thread. */
export type Thread = {
  thread_id: ThreadId;
  scope_id: string;
  privacy_level: Privacy;
  created_by: string;
  created_at_ms: number;
  /** The number of its last message; 0 where there is none. */
  head_seq: number;
};

/** Threads of a scope, without private ones of which the caller is no member. */
export type ThreadList = {
  threads: Thread[];
  /** After which thread to go on; null at the end. */
  next: ThreadId | null;
  has_more: boolean;
};

/** How somebody stands to a thread. */
export type Member = {
  user_id: string;
  role: "owner" | "member" | "invited";
  joined_at_ms: number;
};

/** Its owner and members, in the order of their ids; who is invited and has not joined is not among them. */
export type MemberList = {
  members: Member[];
  /** After which user to go on; null at the end. */
  next: string | null;
  has_more: boolean;
};

export type Invitation = {
  user_id: string;
};

/** Nothing is said; the body may be absent. */
export type Nothing = Record<string, never>;

/** The caller is a member no longer. */
export type Left = {
  status: "left";
};

/** A reference to what is attached, at most 4096 bytes of JSON. */
export type Attachment = Record<string, unknown>;

export type NewMessage = {
  /** Counted in characters. */
  body: string;
  attachments?: Attachment[];
};

export type MessageEdit = {
  body: string;
};

/** A message. One that was deleted has `deleted_at_ms`, an empty `body` and no attachments. */
export type Message = {
  thread_id: ThreadId;
  message_id: MessageId;
  /** 1, 2, 3 … in each thread without a hole, the same on every replica. */
  seq: number;
  author_id: string;
  body: string;
  attachments: Attachment[];
  created_at_ms: number;
  edited_at_ms: number | null;
  deleted_at_ms: number | null;
  request_id: string | null;
  correlation_id: string | null;
};

/** Messages in the order of the thread. */
export type MessagePage = {
  messages: Message[];
  /** After which number to go on. */
  next: number;
  has_more: boolean;
};

export type ReadCursorMove = {
  /** Not beyond the last message. A smaller one than before changes nothing. */
  seq: number;
};

/** How far the caller has read. */
export type ReadCursor = {
  thread_id: ThreadId;
  user_id: string;
  seq: number;
};

/** First, with the place where the stream begins as its `id`; then every 15 s. */
export type ThreadPing = Record<string, never>;

/** The caller may not read the thread any more; the stream ends. */
export type ThreadClosed = {
  reason: "permission_lost";
};

/** What a client says over a thread's WebSocket, beside what it may say on `/api/ws`. */
export type ThreadSaid = {
  type: "send";
  ref: string | number;
  /** `thread:ID`; absent, the thread of the address. */
  stream?: string;
  body: string;
  request_id?: string;
};

/** What the server says over a thread's WebSocket. `goodbye` comes before it ends it: 1001 drain, 1008 credential expired or permission lost, 1013 too far behind. */
export type ThreadFrame = {
  type: "connected";
  orgId: string;
  backend: "memory" | "redis";
  realtimeStatus: "healthy" | "degraded";
} | {
  type: "subscribed";
  stream: string;
  resume: "fresh" | "resumed" | "gap";
  replayed: number;
  lastEventId: Cursor;
} | {
  type: "event";
  stream: string;
  cursor: Cursor;
  /** The envelope of an event: `event` is `message.sent`, `payload` the message. */
  envelope: {
    id: EventId;
    org_id: string;
    event: "message.sent";
    timestamp: string;
    version: "v1";
    payload: Message;
  };
} | {
  type: "gap";
  stream: string;
  reason: "expired" | "unknown_cursor" | "diverged" | "lagged" | "data_loss";
  after: string | null;
  resumes_at: Cursor;
  missed: number | null;
} | {
  type: "ack";
  ref: string | number;
  id: MessageId;
  cursor: Cursor;
  seq: number;
} | {
  type: "error";
  ref?: string | number;
  code: string;
  message: string;
  request_id: string;
} | {
  type: "goodbye";
  reason: "drain" | "token_expired" | "moved";
  retry_ms: number;
};

/** The codes of the server's errors. */
export type ErrorCode = "validation_error" | "unauthorized" | "forbidden" | "not_found" | "method_not_allowed" | "conflict" | "idempotency_conflict" | "unprocessable" | "too_large" | "unsupported" | "rate_limited" | "unavailable" | "internal";
