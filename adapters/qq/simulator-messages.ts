import type { Clock, SentRecord } from "clawdbot";
import type { QqConfig } from "./config.ts";
import { isObject } from "./event.ts";
import { type Answer, refusal } from "./simulator-answer.ts";
import type { SimulatedFiles } from "./simulator-files.ts";
import type { Scene } from "./target.ts";

const MEMORY = 100_000;
const MAX_CHARACTERS = 5000;
const PUSHES_PER_MINUTE = 20;

interface Asked {
  conversation: string;
  at: number;
  used: Set<number>;
}

export interface SimulatedMessagesOptions {
  config: QqConfig;
  clock: Clock;
  files: SimulatedFiles;
  rateLimits: boolean;
  onSent(record: SentRecord): void;
}

/** What the platform does with messages of the bot: reply windows, numbers, links, pushes. */
export class SimulatedMessages {
  /** Domains that the bot may link to. */
  readonly domains = new Set<string>();
  /** Whether the bot may push. */
  pushes = true;
  readonly #on: SimulatedMessagesOptions;
  readonly #asked = new Map<string, Asked>();
  readonly #minutes = new Map<string, { minute: number; count: number }>();
  #ids = 0;

  constructor(on: SimulatedMessagesOptions) {
    this.#on = on;
  }

  /** Notes a message or event that can be answered from now on. */
  asked(id: string, conversation: string): void {
    if (this.#asked.has(id)) return;
    this.#asked.set(id, { conversation, at: this.#on.clock.now(), used: new Set() });
    if (this.#asked.size > MEMORY) this.#asked.delete(this.#asked.keys().next().value!);
  }

  /** https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/send-receive/send.html */
  take(scene: Scene, conversation: string, body: Record<string, unknown>): Answer {
    const text = textOf(scene, body);
    if (text === undefined) return refusal(11255, "invalid request");
    if (text.length > MAX_CHARACTERS) return refusal(40054007, "消息长度超限");
    if (this.#hasForeignLink(text)) return refusal(scene === "guild" ? 304003 : 40054010, "url not allowed");
    const file = isObject(body.media) ? this.#on.files.check(String(body.media.file_info), scene) : true;
    if (!file) return refusal(40034004, "富媒体文件无效");
    const suppressed = this.#place(scene, conversation, body);
    if (typeof suppressed === "object") return suppressed;
    this.#on.onSent({ at: this.#on.clock.now(), conversation, text, suppressed, raw: body });
    if (suppressed) return refusal(40054005, "消息被去重，请检查请求msgseq");
    const id = `ROBOT1.0_simulated-reply-${++this.#ids}`;
    return {
      status: 200,
      body: { id, timestamp: new Date(this.#on.clock.now()).toISOString(), ext_info: { ref_idx: `REFIDX_${this.#ids}` } },
    };
  }

  /** Whether the message is one that was shown already, or why it is refused. */
  #place(scene: Scene, conversation: string, { msg_id, event_id, msg_seq = 1 }: Record<string, unknown>): boolean | Answer {
    const id = msg_id ?? event_id;
    if (id === undefined) return this.#push(conversation) ?? false;
    const asked = this.#asked.get(String(id));
    if (!asked || asked.conversation !== conversation) return refusal(40034024, "msg_id 无效");
    const { window, replies } = this.#on.config.reply_windows[scene];
    if (scene !== "guild" && asked.used.has(Number(msg_seq))) return true;
    if (this.#on.clock.now() - asked.at > window) return refusal(40034005, "msg_id 已过期");
    if (asked.used.size >= replies) return refusal(40034128, "被动消息超过限制");
    asked.used.add(scene === "guild" ? asked.used.size : Number(msg_seq));
    return false;
  }

  #push(conversation: string): Answer | undefined {
    if (!this.pushes) return refusal(40034102, "主动消息失败, 无权限");
    if (!this.#on.rateLimits) return undefined;
    const minute = Math.floor(this.#on.clock.now() / 60_000);
    const used = this.#minutes.get(conversation);
    const count = used?.minute === minute ? used.count + 1 : 1;
    this.#minutes.set(conversation, { minute, count });
    return count > PUSHES_PER_MINUTE ? refusal(40034100, "主动消息频率超限") : undefined;
  }

  #hasForeignLink(text: string): boolean {
    const links = text.matchAll(/https?:\/\/([^\s/:]+)|\b((?:[\w-]+\.)+(?:com|cn|net|org|io|dev))\b/gi);
    return [...links].some(([, host, bare]) => !this.domains.has((host ?? bare)!.toLowerCase()));
  }
}

/** What a user sees; undefined for what is no message. */
function textOf(scene: Scene, body: Record<string, unknown>): string | undefined {
  const content = typeof body.content === "string" ? body.content : undefined;
  if (scene === "guild") return content ?? (typeof body.image === "string" ? "[image]" : undefined);
  // A missing kind is text: some clients leave it out.
  if (body.msg_type === 0 || body.msg_type === undefined) return content || undefined;
  if (body.msg_type === 2) return isObject(body.markdown) && typeof body.markdown.content === "string" ? body.markdown.content : undefined;
  return body.msg_type === 7 && isObject(body.media) ? `[media ${String(body.media.file_info)}]` : undefined;
}
