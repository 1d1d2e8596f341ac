/** What can fail, in one class; the codes of the server's errors and the SDK's own. */

import type { ErrorCode } from "./generated.ts";

/** Codes that the SDK finds by itself, without an answer that the server made. */
export type LocalCode =
  /** No answer: no network, or the connection broke. */
  | "network"
  /** An answer that is none of this server's: HTML, another type, no JSON. */
  | "bad_answer"
  /** A frame that can't be read, again and again at the same place. */
  | "bad_frame"
  /** Nothing was heard for too long. */
  | "timeout"
  /** A setting that can't work. */
  | "usage";

/** What is known of a failure beside its code. */
export interface ErrorDetails {
  status?: number | undefined;
  requestId?: string | undefined;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** A request or a stream failed. `message` is for people. */
export class TidegateError extends Error {
  override readonly name = "TidegateError";
  /** The server's code, or one of the SDK's own. */
  readonly code: ErrorCode | LocalCode;
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** Under which the server's log has the cause. */
  readonly requestId: string | undefined;
  /** When another attempt is worth it. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode | LocalCode,
    message: string,
    more: ErrorDetails = {},
  ) {
    super(message, { cause: more.cause });
    this.code = code;
    this.status = more.status;
    this.requestId = more.requestId;
    this.retryAfterMs = more.retryAfterMs;
  }

  /** Whether it was answered with success by something that is no such server: a login page, a wrong address. */
  get isForeign(): boolean {
    return this.code === "bad_answer" && (this.status ?? 0) < 400;
  }

  /** Whether the same request may succeed later. */
  get isTemporary(): boolean {
    const { status } = this;
    if (status === undefined || status < 400) return ["network", "timeout", "bad_frame", "bad_answer"].includes(this.code);
    return status === 408 || status === 429 || status >= 500;
  }
}

/** Makes the error of an answer that is no success. Reads at most 64 KiB of it. */
export async function errorOf(response: Response): Promise<TidegateError> {
  const after = /^\d+$/.exec(response.headers.get("retry-after") ?? "");
  const more = {
    status: response.status,
    requestId: response.headers.get("x-request-id") ?? undefined,
    retryAfterMs: after ? Number(after[0]) * 1000 : undefined,
  };
  try {
    const { code, message } = (JSON.parse(await startOf(response, 65536)) as { error: { code: ErrorCode; message: string } }).error;
    if (typeof code === "string" && typeof message === "string") return new TidegateError(code, message, more);
  } catch {
    // No JSON, or none with an error: told below.
  }
  const type = response.headers.get("content-type") ?? "no type";
  return new TidegateError("bad_answer", `${response.status} with ${type}: is this the server's address?`, more);
}

async function startOf(response: Response, bytesMax: number): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (reader && text.length < bytesMax) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += decoder.decode(value, { stream: true });
  }
  reader?.cancel().catch(() => {});
  return text;
}
