/** Chat threads: the routes under `/v1/chat/threads`, and a thread's messages as an async iterator. */

import { TidegateError } from "./errors.ts";
import { newKey } from "./events.ts";
import type {
  Attachment, Left, Member, MemberList, Message, MessagePage, Privacy, ReadCursor, Thread, ThreadList,
} from "./generated.ts";
import { read } from "./read.ts";
import { address, call, jsonBody, type CallOptions, type ServerOptions } from "./server.ts";
import type { Frame } from "./sse.ts";
import type { SubscribeOptions, Subscription } from "./subscribe.ts";

/** A page of a list: behind which entry it begins, and how many it has at most. */
export interface PageOptions<T> {
  after?: T | undefined;
  limit?: number | undefined;
}

/** How a message is sent. */
export interface MessageOptions extends CallOptions {
  attachments?: Attachment[] | undefined;
  /** Makes a repeated attempt safe; one is made where it is absent. */
  idempotencyKey?: string | undefined;
}

/** The threads that a credential can reach. */
export class Chat {
  constructor(readonly server: ServerOptions) {}

  createThread(scopeId: string, privacy: Privacy, options?: CallOptions): Promise<Thread> {
    return this.#call("", jsonBody({ scope_id: scopeId, privacy_level: privacy }), options);
  }

  threads(scopeId: string, page: PageOptions<string> = {}, options?: CallOptions): Promise<ThreadList> {
    return this.#call("", {}, options, { scope_id: scopeId, ...page });
  }

  thread(id: string, options?: CallOptions): Promise<Thread> {
    return this.#call(part(id), {}, options);
  }

  members(id: string, page: PageOptions<string> = {}, options?: CallOptions): Promise<MemberList> {
    return this.#call(`${part(id)}/members`, {}, options, page);
  }

  invite(id: string, userId: string, options?: CallOptions): Promise<Member> {
    return this.#call(`${part(id)}/members`, jsonBody({ user_id: userId }), options);
  }

  join(id: string, options?: CallOptions): Promise<Member> {
    return this.#call(`${part(id)}/join`, jsonBody({}), options);
  }

  leave(id: string, options?: CallOptions): Promise<Left> {
    return this.#call(`${part(id)}/leave`, jsonBody({}), options);
  }

  /** Sends a message; with the same key again it is the same message. */
  send(
    id: string, body: string, more: MessageOptions = {},
  ): Promise<Message> {
    const { attachments, idempotencyKey = newKey(), ...options } = more;
    const message = attachments ? { body, attachments } : { body };
    return this.#call(`${part(id)}/messages/send`, jsonBody(message, "POST", { "idempotency-key": idempotencyKey }), options);
  }

  edit(id: string, seq: number, body: string, options?: CallOptions): Promise<Message> {
    return this.#call(`${part(id)}/messages/${seq}`, jsonBody({ body }, "PATCH"), options);
  }

  remove(id: string, seq: number, options?: CallOptions): Promise<Message> {
    return this.#call(`${part(id)}/messages/${seq}`, { method: "DELETE" }, options);
  }

  messages(id: string, page: PageOptions<number> = {}, options?: CallOptions): Promise<MessagePage> {
    return this.#call(`${part(id)}/messages`, {}, options, page);
  }

  readCursor(id: string, options?: CallOptions): Promise<ReadCursor> {
    return this.#call(`${part(id)}/read-cursor`, {}, options);
  }

  moveReadCursor(id: string, seq: number, options?: CallOptions): Promise<ReadCursor> {
    return this.#call(`${part(id)}/read-cursor`, jsonBody({ seq }), options);
  }

  /** Follows a thread's messages; `after` is a cursor or a message's number. Throws `forbidden` when the permission is lost. */
  follow(id: string, options: Omit<SubscribeOptions, keyof ServerOptions | "events"> = {}): Subscription<Message> {
    const all: SubscribeOptions = { ...this.server, ...options };
    const url = address(all, `/v1/chat/threads${part(id)}/messages/stream`);
    const decode = (frame: Frame) => {
      if (frame.event === "closed") throw new TidegateError("forbidden", "the thread may not be read any more");
      const message = JSON.parse(frame.data) as Message;
      if (typeof message?.message_id !== "string") throw new SyntaxError("no message");
      return message;
    };
    return read({ url, key: `thread:${id}`, decode, idOf: (message) => message.message_id }, all);
  }

  async #call<T>(path: string, init: RequestInit, options: CallOptions = {}, query = {}): Promise<T> {
    const url = address(this.server, `/v1/chat/threads${path}`, query);
    return call<T>(this.server, url, { ...init, signal: options.signal ?? null });
  }
}

function part(id: string): string {
  return `/${encodeURIComponent(id)}`;
}
