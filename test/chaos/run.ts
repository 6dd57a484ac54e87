import { parseArgs } from "node:util";
import { chaos } from "./chaos.ts";
import { simulatedChannels } from "./stage.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    channels: { type: "string", default: "all" },
    conversations: { type: "string", default: "20" },
    dir: { type: "string" },
  },
});

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

const seed = number("seed");
const channels = values.channels === "all" ? await simulatedChannels() : values.channels.split(",");
const began = performance.now();
const result = await chaos({
  kills: number("kills"),
  seed,
  channels,
  conversations: number("conversations"),
  ...(values.dir !== undefined && { dir: values.dir }),
  progress: (kills, acked) => kills % 50 === 0 && console.error(`${kills} kills, ${acked} acked`),
}).catch((error: unknown) => {
  console.error(`seed ${seed}`);
  throw error;
});
const { verdict, problems, readyMs } = result;
console.log(verdict.summary);
console.log(
  `kills ${verdict.kills}, refused ${verdict.refused}, hidden by the platform ${verdict.suppressed}, ` +
    `restart to ready p50 ${readyMs.toFixed(0)} ms, ${((performance.now() - began) / 1000).toFixed(0)} s, ${channels.join("+")}, seed ${seed}`,
);
for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);

function number(name: "kills" | "seed" | "conversations"): number {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} ${values[name]}: a whole number is needed`);
  return value;
}
