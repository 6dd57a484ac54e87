import type { IncomingMessage } from "node:http";

/** A call as the Bot API reads it, however it was encoded. */
export interface ApiRequest {
  /** Undefined for a path that is not the API's. */
  token: string | undefined;
  /** As written; methods compare without regard to case. */
  method: string;
  parameters: Record<string, unknown>;
  /** Uploaded parts by their name. */
  files: Map<string, UploadedFile>;
}

export interface UploadedFile {
  name: string;
  mime: string;
  data: Buffer;
}

/** Parameters that are JSON text in every encoding but JSON. */
const OBJECTS = new Set([
  "allowed_updates",
  "reply_parameters",
  "reply_markup",
  "entities",
  "caption_entities",
  "media",
  "link_preview_options",
]);

/** Reads a call in any of the four encodings: https://core.telegram.org/bots/api#making-requests */
export async function readApiRequest(request: IncomingMessage): Promise<ApiRequest> {
  const url = new URL(request.url ?? "/", "http://simulator");
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const [, token, method = ""] = /^\/bot([^/]+)\/(.+)$/.exec(url.pathname) ?? [];
  const read: ApiRequest = { token, method, parameters: {}, files: new Map() };
  for (const [name, value] of url.searchParams) read.parameters[name] = parsed(name, value);
  const type = request.headers["content-type"] ?? "";
  const body = Buffer.concat(chunks);
  if (body.length === 0) return read;
  if (type.startsWith("application/json")) Object.assign(read.parameters, JSON.parse(body.toString("utf8")));
  else await readForm(type, body, read);
  return read;
}

async function readForm(type: string, body: Buffer, into: ApiRequest): Promise<void> {
  const form = await new Response(Uint8Array.from(body), { headers: { "content-type": type } }).formData();
  for (const [name, value] of form) {
    if (typeof value === "string") into.parameters[name] = parsed(name, value);
    else into.files.set(name, { name: value.name, mime: value.type, data: Buffer.from(await value.arrayBuffer()) });
  }
}

function parsed(name: string, value: string): unknown {
  return OBJECTS.has(name) ? JSON.parse(value) : value;
}
