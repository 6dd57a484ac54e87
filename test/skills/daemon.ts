import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectDaemon, type DaemonSocket } from "../../src/net/daemon-socket.ts";
import { type TestGateway, type TestGatewayOptions, testGateway } from "../../src/testing/test-gateway.ts";
import { until } from "../../src/testing/until.ts";

export interface Daemon {
  readonly gateway: TestGateway;
  /** A folder for skills that are to be loaded. */
  readonly dir: string;
  write(file: string, text: string): Promise<string>;
  /** Says something in a conversation; resolves with the next reply to it. */
  say(text: string, conversation?: string): Promise<string>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A whole daemon with a client of its WebSocket channel. */
export async function startDaemon(config: Record<string, unknown> = {}): Promise<Daemon> {
  const dir = await mkdtemp(join(tmpdir(), "clawdbot-skills-"));
  await mkdir(join(dir, "other"));
  const options: TestGatewayOptions = { config: { websocket: { enabled: true }, ...config } };
  const gateway = await testGateway(options);
  const replies = new Map<string, string>();
  let serial = 0;
  let socket = await connect();

  async function connect(): Promise<DaemonSocket> {
    const { url, token } = gateway.gateway.login()!;
    return await connectDaemon({ url, token, onReply: ({ replyTo, text }) => void (replyTo && replies.set(replyTo, text)) });
  }

  return {
    gateway,
    dir,
    async write(file, text) {
      const path = join(dir, file);
      await writeFile(path, text);
      return path;
    },
    async say(text, conversation = "c1") {
      const id = `m${++serial}`;
      await socket.send({ id, conversation: { id: conversation, type: "direct" }, sender: { id: "ann", locale: "en" }, text });
      await until(`a reply to ${text}`, () => replies.has(id));
      return replies.get(id)!;
    },
    async restart() {
      await socket.close();
      await gateway.restart();
      socket = await connect();
    },
    async stop() {
      await socket.close();
      await gateway.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A JavaScript skill called by name alone, whose answer is this expression of `message`. */
export function skillText(name: string, answer: string, version = "1.0"): string {
  return `import { defineSkill } from "clawdbot";
export default defineSkill({ name: "${name}", version: "${version}", description: "${name}", triggers: [], handleMessage: async (message, context) => ${answer} });
`;
}
