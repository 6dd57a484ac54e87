import type { Exchange } from "./oracle.ts";
import type { Stage } from "./stage.ts";

/** More says of one message than any outage of a test lasts. */
const MAX_SAYS = 300;

/** One person in a direct chat with the bot, who waits for each message to be taken before writing the next. */
export interface User {
  /** Writes `/echo c7-000123` and has the platform offer it until the daemon takes it. duplicate: the platform delivers it so often at once. */
  write(options?: { duplicate?: number }): Promise<Written>;
  /** The platform delivers an old message again. */
  repeat(message: Written): Promise<void>;
}

export interface Written extends Exchange {
  id: string;
}

/** A user of one of the stage's platforms, by number. */
export function createUser({ oracle, platforms }: Pick<Stage, "oracle" | "platforms">, channel: string, number: number): User {
  const platform = platforms.get(channel);
  if (!platform) throw new Error(`the stage has no platform "${channel}"`);
  const conversation = `c${number}`;
  let count = 0;

  async function offer(exchange: Exchange, duplicate: number, known?: string): Promise<string> {
    let id = known;
    for (let says = 0; says < MAX_SAYS; says++) {
      const message = { text: `/echo ${exchange.text}`, from: conversation, ...(id !== undefined && { id }) };
      const { acked, answers, ...offered } = await platform!.say(message, { duplicate });
      id = offered.id;
      if (acked) {
        oracle.acked(exchange);
        return id;
      }
      oracle.refused(exchange, answers);
    }
    throw new Error(`${exchange.text} was refused ${MAX_SAYS} times`);
  }

  return {
    async write({ duplicate = 1 } = {}) {
      const exchange: Exchange = { channel, conversation, text: `${conversation}-${String(++count).padStart(6, "0")}` };
      oracle.offered(exchange);
      return { ...exchange, id: await offer(exchange, duplicate) };
    },
    async repeat({ id, ...exchange }) {
      oracle.offered(exchange);
      await offer(exchange, 1, id);
    },
  };
}
