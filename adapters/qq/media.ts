import { createHash } from "node:crypto";
import { type AdapterContext, ClawdbotError, type MediaSegment, RejectedError } from "clawdbot";
import { checkAnswer, parseBody } from "./answer.ts";
import type { Rest } from "./rest.ts";
import type { Target } from "./target.ts";

const FILE_TYPES = { image: 1, video: 2, voice: 3, file: 4 } as const;
/** From this size on a file goes up in parts. */
const LARGE = 5 * 1024 * 1024;
/** What `md5_10m` is the digest of. */
const HEAD_BYTES = 10_002_432;
const UPLOAD_MS = 60_000;
const PART_TRIES = 3;

/** Uploads a medium for one user or group and resolves with the handle (`file_info`) that a message can carry there. */
export type Upload = (target: Target, media: MediaSegment, signal: AbortSignal) => Promise<string>;

interface Part {
  index: number;
  presigned_url: string;
  block_size: number | string;
}

/** https://bot.q.qq.com/wiki/develop/api-v2/server-inter/message/send-receive/rich-media.html */
export function createUpload(rest: Rest, context: AdapterContext): Upload {
  async function post(path: string, body: unknown, signal: AbortSignal): Promise<Record<string, unknown>> {
    const response = await rest.call("POST", path, { body, signal, timeoutMs: UPLOAD_MS });
    const answer = parseBody(response);
    checkAnswer(response, answer);
    return answer;
  }

  /** Resolves with the id under which the platform has the file. https://bot.q.qq.com/wiki/develop/api-v2/autogen/api/ (upload_prepare) */
  async function uploadInParts({ path }: Target, file: Buffer, about: Record<string, unknown>, signal: AbortSignal): Promise<unknown> {
    const digest = (algorithm: string, of: Buffer) => createHash(algorithm).update(of).digest("hex");
    const md5_10m = digest("md5", file.subarray(0, HEAD_BYTES));
    const sums = { md5: digest("md5", file), sha1: digest("sha1", file), md5_10m };
    const prepared = await post(`${path}/upload_prepare`, { ...about, file_size: String(file.length), ...sums }, signal);
    let from = 0;
    for (const part of (prepared.parts ?? []) as Part[]) {
      const size = Number(part.block_size ?? prepared.block_size);
      const block = file.subarray(from, from + size);
      from += size;
      await uploadPart(part, block, `${path}/upload_part_finish`, prepared.upload_id, signal);
    }
    if (from < file.length) throw notUploaded("the platform asked for less than the whole file");
    return prepared.upload_id;
  }

  async function uploadPart(part: Part, block: Buffer, finish: string, uploadId: unknown, signal: AbortSignal): Promise<void> {
    const url = new URL(part.presigned_url);
    const storage = context.client(url.origin);
    const md5 = createHash("md5").update(block).digest("hex");
    for (let attempt = 1; ; attempt++) {
      const put = await storage.request("PUT", url.pathname + url.search, { body: block, signal, timeoutMs: UPLOAD_MS });
      if (put.status >= 300) throw notUploaded(`its store answered HTTP ${put.status}`);
      const body = { upload_id: uploadId, part_index: part.index, block_size: block.length, md5 };
      const response = await rest.call("POST", finish, { body, signal });
      const answer = parseBody(response);
      if (answer.code === 40093001 && attempt < PART_TRIES) continue;
      return checkAnswer(response, answer);
    }
  }

  return async (target, media, signal) => {
    if (media.ref) return media.ref;
    const about = { file_type: FILE_TYPES[media.type], ...(media.name && { file_name: media.name }) };
    let source: Record<string, unknown>;
    if (media.data !== undefined) {
      const file = Buffer.from(media.data, "base64");
      if (file.length < LARGE) source = { file_data: file.toString("base64") };
      else source = { upload_id: await uploadInParts(target, file, { file_name: "file", ...about }, signal) };
    } else if (media.url) {
      // The platform fetches it: the address must be a public one.
      source = { url: media.url };
    } else throw new RejectedError("a medium without content, address or handle");
    const answer = await post(`${target.path}/files`, { ...about, ...source, srv_send_msg: false }, signal);
    if (typeof answer.file_info !== "string") throw notUploaded("the answer has no file_info");
    return answer.file_info;
  };
}

function notUploaded(why: string): ClawdbotError {
  return new ClawdbotError("CLAWDBOT_ERR_PLATFORM", `QQ did not take the file: ${why}`, { retryable: true });
}
