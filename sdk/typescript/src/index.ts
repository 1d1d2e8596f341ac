/** Tidegate for TypeScript: publish, and read without a hole and without a repeat. */

export { Chat, type MessageOptions, type PageOptions } from "./chat.ts";
export { TidegateError, type ErrorDetails, type LocalCode } from "./errors.ts";
export {
  buyTicket, listOrgEvents, publishOrgEvent, publishOrgEvents, subscribeOrgEvents,
  type EventsQuery, type OrgSubscription, type PublishOptions,
} from "./events.ts";
export type { ConnectionOptions } from "./frames.ts";
export type * from "./generated.ts";
export type { CallOptions, CredentialSource, ServerOptions } from "./server.ts";
export type { Frame } from "./sse.ts";
export { memoryStorage, webStorage, type CursorStorage } from "./storage.ts";
export { eventSource, subscribe, type StreamEvent, type SubscribeOptions, type Subscription } from "./subscribe.ts";
export type { Backoff } from "./wait.ts";
export type { Acknowledgement } from "./socket-publishes.ts";
export type { SocketStreamOptions } from "./socket-streams.ts";
export { openSocket, TidegateSocket, type SocketOptions } from "./websocket.ts";
