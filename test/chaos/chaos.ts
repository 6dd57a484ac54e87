import { setTimeout as pass } from "node:timers/promises";
import { seededRandom } from "../../src/testing/fake-clock.ts";
import { type Settled, settle } from "./settle.ts";
import { createStage, type Stage } from "./stage.ts";
import { createUser, type User, type Written } from "./user.ts";

export interface ChaosOptions {
  kills: number;
  /** The moments of the kills and what users do follow from it; what the machine does between them does not. */
  seed: number;
  channels: readonly string[];
  conversations: number;
  /** See StageOptions.dir; kept when given. */
  dir?: string;
  progress?(kills: number, acked: number): void;
}

export interface ChaosResult extends Settled {
  /** Median of the ms from the start of a daemon after a kill to its ready line. */
  readyMs: number;
}

/** A kill comes this long after the ready line; every tenth comes while the daemon still starts. */
const KILL_AFTER_MS = [20, 300] as const;
const KILL_IN_START = 0.1;
const START_MS = 250;
/** Between two messages of one user. */
const THINK_MS = 40;
/** Of all messages, those that the platform delivers three times at once. */
const TRIPLE = 0.05;
/** Old messages that the platform delivers again after each start. */
const REPEATS = 3;

/**
 * Kills the daemon at random moments under load and starts it again; in the end lets it drain and stops it. Every message that was
 * acknowledged must have been answered, in order, and once, but for what was in flight at a kill.
 */
export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  const stage = await createStage({ channels: options.channels, ...(options.dir !== undefined && { dir: options.dir }) });
  try {
    return await run(stage, options);
  } finally {
    await stage.close();
  }
}

async function run(stage: Stage, { kills, seed, channels, conversations, progress }: ChaosOptions): Promise<ChaosResult> {
  const random = seededRandom(seed);
  const between = (from: number, to: number) => from + random.number() * (to - from);
  const written: { user: User; message: Written }[] = [];
  const ready: number[] = [];
  const repeating: Promise<void>[] = [];
  let ended = false;

  async function live(user: User, habits: { number(): number }): Promise<void> {
    while (!ended) {
      const message = await user.write({ duplicate: habits.number() < TRIPLE ? 3 : 1 });
      written.push({ user, message });
      await pass(habits.number() * THINK_MS);
    }
  }

  const users = Array.from({ length: conversations }, (_, n) => createUser(stage, channels[n % channels.length]!, n));
  const lives = Promise.all(users.map((user, n) => live(user, seededRandom(seed * 1000 + n))));
  // Awaited at the end; until then a failure must not end the process. The same for repeats.
  lives.catch(() => {});

  async function startAgain(after: "kill" | "nothing"): Promise<void> {
    const { ms } = await stage.start().ready;
    if (after === "kill") ready.push(ms);
    for (let n = 0; n < REPEATS && written.length > 0; n++) {
      const { user, message } = written[Math.floor(random.number() * written.length)]!;
      const repeated = user.repeat(message);
      repeated.catch(() => {});
      repeating.push(repeated);
    }
  }

  for (let kill = 0; kill < kills; kill++) {
    if (random.number() < KILL_IN_START) {
      stage.start();
      await pass(between(0, START_MS));
    } else {
      await startAgain(kill === 0 ? "nothing" : "kill");
      await pass(between(...KILL_AFTER_MS));
    }
    await stage.kill();
    progress?.(kill + 1, written.length);
  }
  await startAgain(kills === 0 ? "nothing" : "kill");
  ended = true;
  await Promise.all([lives, ...repeating]);
  return { ...(await settle(stage)), readyMs: median(ready) };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
