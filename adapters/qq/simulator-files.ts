import { createHash } from "node:crypto";
import type { Clock } from "clawdbot";
import { type Answer, refusal } from "./simulator-answer.ts";
import type { Scene } from "./target.ts";

const TTL_SECONDS = 3600;
const BLOCK_BYTES = 2 * 1024 * 1024;

interface Upload {
  size: number;
  md5: string;
  parts: Map<number, Buffer>;
  finished: Set<number>;
}

/** Files that bots upload: https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/send-receive/rich-media.html */
export class SimulatedFiles {
  /** How many of the next parts are lost on the way. */
  lostParts = 0;
  /** What has come in whole, in order. */
  readonly received: { name: unknown; bytes: Buffer | string }[] = [];
  readonly #clock: Clock;
  readonly #files = new Map<string, { scene: Scene; until: number }>();
  readonly #uploads = new Map<string, Upload>();
  #ids = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Handles of users and groups are not interchangeable, and end. */
  check(fileInfo: string, scene: Scene): boolean {
    const file = this.#files.get(fileInfo);
    return file?.scene === scene && this.#clock.now() < file.until;
  }

  add(scene: Scene, { file_type, file_name, url, file_data, upload_id }: Record<string, unknown>): Answer {
    if (![1, 2, 3, 4].includes(Number(file_type))) return refusal(40034004, "file_type");
    const upload = this.#uploads.get(String(upload_id));
    if (upload && upload.finished.size < Math.ceil(upload.size / BLOCK_BYTES)) return refusal(850018, "upload not finished");
    const whole = upload && Buffer.concat([...upload.parts].toSorted(([a], [b]) => a - b).map(([, bytes]) => bytes));
    if (whole && (whole.length !== upload.size || md5(whole) !== upload.md5)) return refusal(850019, "digest");
    const bytes = whole ?? (typeof file_data === "string" ? Buffer.from(file_data, "base64") : typeof url === "string" ? url : undefined);
    if (bytes === undefined) return refusal(40034004, "no file");
    this.received.push({ name: file_name, bytes });
    const fileInfo = `simulated-file-${++this.#ids}`;
    this.#files.set(fileInfo, { scene, until: this.#clock.now() + TTL_SECONDS * 1000 });
    return { status: 200, body: { file_uuid: `uuid-${this.#ids}`, file_info: fileInfo, ttl: TTL_SECONDS } };
  }

  prepare(base: string, { file_size, md5: digest }: Record<string, unknown>): Answer {
    const id = `upload-${++this.#ids}`;
    const size = Number(file_size);
    this.#uploads.set(id, { size, md5: String(digest), parts: new Map(), finished: new Set() });
    const parts = Array.from({ length: Math.ceil(size / BLOCK_BYTES) }, (_, index) => ({
      index,
      presigned_url: `${base}/simulated-store/${id}/${index}?sign=1`,
      block_size: Math.min(BLOCK_BYTES, size - index * BLOCK_BYTES),
    }));
    const upload_config = { concurrency: 1, retry_timeout: 60, retry_delay: 1 };
    return { status: 200, body: { upload_id: id, block_size: String(BLOCK_BYTES), parts, upload_config } };
  }

  put(id: string, index: number, bytes: Buffer): Answer {
    const upload = this.#uploads.get(id);
    if (!upload) return { status: 404, body: {} };
    if (this.lostParts > 0) this.lostParts--;
    else upload.parts.set(index, bytes);
    return { status: 200, body: {} };
  }

  finishPart({ upload_id, part_index, block_size, md5: digest }: Record<string, unknown>): Answer {
    const upload = this.#uploads.get(String(upload_id));
    const part = upload?.parts.get(Number(part_index));
    if (!upload || !part || part.length !== Number(block_size) || md5(part) !== digest) return refusal(40093001, "retry the part");
    upload.finished.add(Number(part_index));
    return { status: 200, body: {} };
  }
}

function md5(bytes: Buffer): string {
  return createHash("md5").update(bytes).digest("hex");
}
