import fc from "fast-check";
import { expect, test } from "vitest";
import { createMigrations } from "../../../adapters/telegram/migrations.ts";
import { createTake } from "../../../adapters/telegram/take.ts";
import type { Update } from "../../../adapters/telegram/types.ts";
import type { AdapterContext } from "../../../src/adapter.ts";
import { OverloadedError } from "../../../src/errors.ts";
import type { InboundMessage } from "../../../src/message.ts";
import { fakeClock } from "../../../src/testing/fake-clock.ts";
import { memoryKeyValue } from "./host.ts";

const BOT = { id: "42", username: "My_Bot" };
const from = { id: 7, is_bot: false, first_name: "Li" };

/** Only what taking an update needs; `refuse` makes the intake reject. */
function setup(refuse = false) {
  const received: InboundMessage[] = [];
  const calls: unknown[] = [];
  const log = () => {};
  const context = {
    account: "default",
    clock: fakeClock(),
    kv: memoryKeyValue(),
    log: { debug: log, info: log, warn: log, error: log },
    async receive(message: InboundMessage) {
      if (refuse) throw new OverloadedError("full");
      received.push(message);
      return "accepted";
    },
  } as unknown as AdapterContext;
  const api = { call: async (method: string, parameters: object) => calls.push([method, parameters]) as never };
  return { received, calls, take: createTake({ api, migrations: createMigrations(context), context }) };
}

test("a button is answered once its press is on disk, and not before", async () => {
  const update: Update = { update_id: 1, callback_query: { id: "77", from, data: "ok:1" } };
  const refusing = setup(true);
  await expect(refusing.take(update, BOT)).rejects.toBeInstanceOf(OverloadedError);
  expect(refusing.calls).toEqual([]);
  const { take, calls, received } = setup();
  await take(update, BOT);
  expect(received).toHaveLength(1);
  expect(calls).toEqual([["answerCallbackQuery", { callback_query_id: "77" }]]);
});

test("no update, however strange, holds up those behind it", async () => {
  const kinds = ["message", "edited_message", "channel_post", "edited_channel_post", "callback_query", "my_chat_member", "new_kind"];
  const strange = fc.dictionary(
    fc.constantFrom("chat", "from", "text", "entities", "message_id", "photo", "reply_to_message", "data", "id", "date", "sender_chat"),
    fc.oneof(fc.jsonValue(), fc.constant({ id: 1, type: "private", first_name: "x" })),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...kinds), fc.oneof(strange, fc.jsonValue()), async (kind, content) => {
      const { take } = setup();
      await expect(take({ update_id: 1, [kind]: content } as never, BOT)).resolves.toBeUndefined();
    }),
    { numRuns: 500 },
  );
});
