import type { Message, Reply } from "../message.ts";
import type { Failure, MessageEnd, Storage } from "../storage/storage.ts";
import type { FakeClock } from "./fake-clock.ts";

/** What one test of storageConformance works with. */
export interface Scene {
  storage: Storage;
  clock: FakeClock;
  reopen(): Promise<void>;
}

/** Declares a test that has a fresh store. */
export type Scenario = (name: string, run: (scene: Scene) => Promise<void>) => void;

let serial = 0;

/** A reply to a message, which need not be stored. */
export function answer(message: Message, text: string, over: Partial<Reply> = {}): Reply {
  const { id: messageId, channel, account, conversation, platformId: replyTo } = message;
  const id = `r-${String(++serial).padStart(9, "0")}`;
  return { id, channel, account, conversation, segments: [{ type: "text", text }], text, messageId, replyTo, createdAt: 0, ...over };
}

export function end(over: Partial<MessageEnd> = {}): MessageEnd {
  return { outcome: "replied", reason: "replied", replies: [], steps: [], attempts: 1, at: 0, ...over };
}

export function failure(over: Partial<Failure> = {}): Failure {
  return { attempts: 1, notBefore: 0, reason: "failed", detail: "it failed", at: 0, ...over };
}

type Sent = Parameters<Storage["finishReply"]>[1];

export function sent(over: Partial<Sent> = {}): Sent {
  return { at: 0, attempts: 1, result: {}, ...over };
}
