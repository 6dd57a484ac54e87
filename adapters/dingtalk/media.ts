import { type AdapterContext, ClawdbotError, errorText, type HttpClient, RejectedError, UnreachableError } from "clawdbot";
import type { AccessTokens } from "./access-token.ts";
import { checkOldAnswer, isOldTokenRefused } from "./answer.ts";
import type { SendableMedia } from "./split.ts";

/** https://open.dingtalk.com/document/development/upload-media-files */
const MAX_BYTES = 20 * 1024 * 1024;

/** Resolves with the platform's id of the content, uploaded unless it has one. However it fails, nothing was shown to anybody. */
export type MediaId = (media: SendableMedia, name: string, signal: AbortSignal) => Promise<string>;

export function createMediaId(client: HttpClient, tokens: AccessTokens, context: Pick<AdapterContext, "fetch" | "random">): MediaId {
  async function upload(media: SendableMedia, name: string, signal: AbortSignal): Promise<string> {
    const boundary = `clawdbot-${Buffer.from(context.random.bytes(12)).toString("hex")}`;
    const body = multipart(boundary, media, name, await bytesOf(media, context, signal));
    const headers = { "content-type": `multipart/form-data; boundary=${boundary}` };
    const post = (token: string) =>
      client.request("POST", `/media/upload?access_token=${encodeURIComponent(token)}&type=${media.type}`, { headers, body, signal });
    const token = await tokens.get();
    let response = await post(token);
    if (isOldTokenRefused(response)) response = await post(await tokens.replace(token));
    const { media_id } = checkOldAnswer(response);
    if (typeof media_id !== "string") throw new UnreachableError("DingTalk's answer to an upload names no media");
    return media_id;
  }

  return async (media, name, signal) => {
    if (media.ref) return media.ref;
    try {
      return await upload(media, name, signal);
    } catch (error) {
      const outcomeUnknown =
        error instanceof ClawdbotError && (error.code === "CLAWDBOT_ERR_PLATFORM" || error.code === "CLAWDBOT_ERR_TIMEOUT");
      throw outcomeUnknown ? new UnreachableError(`not uploaded: ${errorText(error)}`, error) : error;
    }
  };
}

async function bytesOf(media: SendableMedia, context: Pick<AdapterContext, "fetch">, signal: AbortSignal): Promise<Buffer> {
  if (media.data !== undefined) {
    const content = Buffer.from(media.data, "base64");
    if (content.length > MAX_BYTES) throw new RejectedError(`larger than ${MAX_BYTES} bytes`);
    return content;
  }
  const response = await context.fetch(media.url!, { maxBytes: MAX_BYTES, signal }).catch((cause: unknown) => {
    if (cause instanceof ClawdbotError && !cause.retryable) throw new RejectedError(errorText(cause), cause.code, cause);
    throw cause;
  });
  if (response.status === 200) return response.body;
  if (response.status >= 500) throw new UnreachableError(`the file's address answered HTTP ${response.status}`);
  throw new RejectedError(`the file's address answered HTTP ${response.status}`, response.status);
}

function multipart(boundary: string, { type, mime }: SendableMedia, name: string, content: Buffer): Buffer {
  const fileName = name.replace(/["\r\n\\]/g, "_");
  const head =
    `--${boundary}\r\nContent-Disposition: form-data; name="type"\r\n\r\n${type}\r\n` +
    `--${boundary}\r\nContent-Disposition: form-data; name="media"; filename="${fileName}"\r\n` +
    `Content-Type: ${mime && /^[\w.+-]+\/[\w.+-]+$/.test(mime) ? mime : "application/octet-stream"}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}
