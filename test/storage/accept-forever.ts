import { writeSync } from "node:fs";
import { systemClock } from "../../src/clock.ts";
import { createSqliteStorage } from "../../src/storage/sqlite.ts";

/** A process that accepts messages, eight at a time, and prints the number of each as soon as it is confirmed, or what was said instead. */
const [path = "", first = "0"] = process.argv.slice(2);
const storage = createSqliteStorage({ path, clock: systemClock });
await storage.start();
let next = Number(first);

async function acceptForever(): Promise<never> {
  for (;;) {
    const n = next++;
    try {
      await storage.accept({
        id: `m-${n}`,
        channel: "test",
        account: "default",
        platformId: `p-${n}`,
        conversation: { id: "room", type: "direct" },
        sender: { id: "user" },
        contentType: "text",
        text: `${n}`,
        segments: [],
        mentionsBot: true,
        sentAt: 0,
        receivedAt: 0,
        raw: null,
      });
      writeSync(1, `${n}\n`);
    } catch (error) {
      writeSync(1, `${(error as { code: string }).code}\n`);
    }
  }
}

for (let lane = 0; lane < 8; lane++) void acceptForever();
