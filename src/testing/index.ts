/** Suites and tools for those who write a channel, a store or a queue; they run under vitest. @module clawdbot/testing */

export * from "./adapter-conformance.ts";
export * from "./fake-clock.ts";
export * from "./messages.ts";
export * from "./queue-conformance.ts";
export * from "./storage-conformance.ts";
export * from "./test-gateway.ts";
export * from "./until.ts";
