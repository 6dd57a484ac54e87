import type { DaemonDelta, DaemonReply } from "../net/daemon-socket.ts";

/** Opens the conversation. What comes is heard from the first moment, unheard answers of an earlier session included. */
export type Connect = (ears: Ears) => Promise<Talk>;

export interface Ears {
  reply(reply: DaemonReply): void;
  delta?(delta: DaemonDelta): void;
  state?(state: "up" | "down" | "refused"): void;
}

export interface Talk {
  newId(): string;
  /** Resolves once the daemon has it on disk. */
  send(id: string, text: string): Promise<unknown>;
}
