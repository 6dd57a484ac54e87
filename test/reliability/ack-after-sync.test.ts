import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { settle } from "../chaos/settle.ts";
import { createStage, type Stage } from "../chaos/stage.ts";
import { createUser } from "../chaos/user.ts";
import { needs } from "../setup/needs.ts";
import { earlyAnswers } from "./sync-order.ts";

const CALLBACKS = 1000;
const CONCURRENT = 20;
const ACCEPTED = /\\"type\\":\\"accepted\\",\\"id\\":\\"([^\\]+)/g;
const CALLS = "trace=pwrite64,fsync,fdatasync,write,writev,sendto,sendmsg";

/** What the operating system saw: promise P1 does not rest on anything that the daemon says of itself. */
test.runIf(needs("strace"))(
  "wecom: each of 1,000 callbacks is answered after the sync of what holds it",
  { timeout: 180_000 },
  async () => {
    await traced("wecom", async (stage, trace) => {
      const user = createUser(stage, "wecom", 1);
      const texts: string[] = [];
      for (let n = 0; n < CALLBACKS; n++) texts.push((await user.write()).text);
      await finished(stage);
      // One request at a time: the n-th answer is that of the n-th message.
      let answers = 0;
      const acknowledged = (line: string) => (line.includes('"HTTP/1.1 200') ? texts.slice(answers, ++answers) : []);
      expect(await earlyAnswers(linesOf(trace), { texts, acknowledged })).toEqual([]);
    });
  },
);

test.runIf(needs("strace"))(
  "websocket: each of 1,000 messages, 20 at a time, is confirmed after the sync of what holds it",
  { timeout: 180_000 },
  async () => {
    await traced("websocket", async (stage, trace) => {
      const textOf = new Map<string, string>();
      const users = Array.from({ length: CONCURRENT }, (_, n) => createUser(stage, "websocket", n));
      const write = async (user: (typeof users)[number]) => {
        for (let n = 0; n < CALLBACKS / CONCURRENT; n++) {
          const { id, text } = await user.write();
          textOf.set(id, text);
        }
      };
      await Promise.all(users.map(write));
      await finished(stage);
      // Frames of one turn leave in one call.
      const acknowledged = (line: string) => Array.from(line.matchAll(ACCEPTED), ([, id]) => textOf.get(id!)!);
      expect(await earlyAnswers(linesOf(trace), { texts: [...textOf.values()], acknowledged })).toEqual([]);
    });
  },
);

/** A daemon whose system calls are written down. */
async function traced(channel: string, run: (stage: Stage, trace: string) => Promise<void>): Promise<void> {
  const stage = await createStage({ channels: [channel] });
  const trace = join(stage.dir, "trace");
  const under = ["strace", "-f", "-qq", "--seccomp-bpf", "-s", "4096", "-e", CALLS, "-e", "signal=none", "-o", trace];
  try {
    await stage.start({ under }).ready;
    await run(stage, trace);
  } finally {
    await stage.close();
  }
}

async function finished(stage: Stage): Promise<void> {
  expect((await settle(stage)).problems).toEqual([]);
}

async function* linesOf(path: string): AsyncIterable<string> {
  expect((await stat(path)).size).toBeGreaterThan(0);
  yield* createInterface({ input: createReadStream(path, "latin1") });
}
