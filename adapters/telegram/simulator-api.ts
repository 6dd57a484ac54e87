import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, type Fault, PlatformServer, type Service, sleep } from "clawdbot";
import type { SimulatedChats } from "./simulator-chats.ts";
import { badRequest, refusal, SimulatedRefusal, tooMany } from "./simulator-refusal.ts";
import { type ApiRequest, readApiRequest } from "./simulator-request.ts";
import type { UpdateQueue } from "./simulator-updates.ts";
import type { User } from "./types.ts";

/** How polls misbehave: 409 as when another program polls, or a connection that says nothing any more. */
export type PollFault = { kind: "conflict" | "silent" } | { kind: "error"; status: number; description: string };

export interface Webhook {
  url: string;
  secret: string | undefined;
}

export interface SimulatedApiOptions {
  token: string;
  bot: User;
  clock: Clock;
  listen: { host: string; port: number };
  updates: UpdateQueue;
  chats: SimulatedChats;
}

export interface SimulatedApi extends Service {
  /** Empty before start. */
  readonly base: string;
  readonly calls: Record<string, number>;
  /** As setWebhook left it. */
  readonly webhook: Webhook | undefined;
  /** Touches calls that send or edit. */
  fault(fault: Fault | null): void;
  pollFault(fault: PollFault | null): void;
}

const ACTIVE = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
const DOWNLOAD_LIMIT = 20_000_000;

/**
 * The server side of the Bot API for one bot. Faults that lose the answer ("server-error", "reset", "timeout-after-success") do so after
 * the message is there; with code "before" the first two come before. https://core.telegram.org/bots/api#making-requests
 */
export function createSimulatedApi(options: SimulatedApiOptions): SimulatedApi {
  const { token, bot, clock, updates, chats } = options;
  const calls: Record<string, number> = {};
  let pollFault: PollFault | null = null;
  let webhook: Webhook | undefined;

  const server = new PlatformServer({ listen: options.listen, answer: (request, response) => void serve(request, response) });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url?.startsWith(`/file/bot${token}/`)) return download(request.url, response);
    let call: ApiRequest;
    try {
      call = await readApiRequest(request);
    } catch {
      return answer(response, badRequest("can't parse the request"));
    }
    const name = call.method.toLowerCase();
    calls[call.method] = (calls[call.method] ?? 0) + 1;
    if (name === "getupdates" && pollFault?.kind === "silent") return;
    const current = /^(send|edit)/.test(name) ? server.takeFault() : undefined;
    if (current?.code === "before" && breakOff(current.kind, request, response)) return;
    if (current?.kind === "slow") await sleep(clock, current.ms ?? 1000);
    const result = await resultOf(call, name, current).catch((error: unknown) => error);
    if (current?.code !== "before" && current && breakOff(current.kind, request, response)) return;
    answer(response, result);
  }

  /** Whether there will be no proper answer. */
  function breakOff(kind: Fault["kind"], request: IncomingMessage, response: ServerResponse): boolean {
    if (kind === "reset") request.socket.resetAndDestroy();
    if (kind === "server-error") response.writeHead(502, { "content-type": "text/html" }).end("<html>502 Bad Gateway</html>");
    return kind === "reset" || kind === "server-error" || kind === "timeout-after-success";
  }

  async function resultOf(call: ApiRequest, name: string, current: Fault | undefined): Promise<unknown> {
    if (call.token === undefined) throw refusal(404, "Not Found");
    if (call.token !== token || current?.kind === "unauthorised") throw refusal(401, "Unauthorized");
    if (current?.kind === "rate-limit") throw tooMany(Math.ceil((current.ms ?? 1000) / 1000));
    if (current?.kind === "error") throw errorOf(current.code);
    return chats.call(call) ?? (await otherMethod(name, call.parameters));
  }

  async function otherMethod(name: string, parameters: Record<string, unknown>): Promise<unknown> {
    switch (name) {
      case "getme":
        return { ...bot, can_join_groups: true, can_read_all_group_messages: true, supports_inline_queries: false };
      case "getupdates":
        return await getUpdates(parameters);
      case "setwebhook":
        return setWebhook(parameters);
      case "deletewebhook":
        return setWebhook({ ...parameters, url: "" });
      case "getwebhookinfo":
        return { url: webhook?.url ?? "", has_custom_certificate: false, pending_update_count: updates.size };
      case "getfile":
        return getFile(String(parameters.file_id));
      case "answercallbackquery":
      case "sendchataction":
      case "deletemessage":
        return true;
      default:
        throw refusal(404, "Not Found: method not found");
    }
  }

  async function getUpdates(parameters: Record<string, unknown>): Promise<unknown> {
    if (webhook) throw refusal(409, ACTIVE);
    if (pollFault?.kind === "error") throw refusal(pollFault.status, pollFault.description);
    if (pollFault?.kind === "conflict") {
      throw refusal(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running");
    }
    updates.allow(parameters.allowed_updates as string[] | undefined);
    const number = (name: string) => Number(parameters[name] ?? 0);
    return await updates.poll({ offset: number("offset"), timeout: number("timeout"), limit: Number(parameters.limit ?? 100) });
  }

  function setWebhook({ url, secret_token: secret, allowed_updates }: Record<string, unknown>): true {
    if (url !== "" && !/^https?:/.test(String(url))) throw badRequest("bad webhook: HTTPS URL must be provided");
    if (secret !== undefined && !/^[\w-]{1,256}$/.test(String(secret))) throw badRequest("secret token contains unallowed characters");
    updates.allow(allowed_updates as string[] | undefined);
    webhook = url === "" ? undefined : { url: String(url), secret: secret === undefined ? undefined : String(secret) };
    if (webhook) updates.end(refusal(409, "Conflict: terminated by setWebhook request"));
    return true;
  }

  function getFile(id: string): unknown {
    const file = chats.files.get(id);
    if (!file) throw badRequest("wrong file_id or the file is temporarily unavailable");
    if (file.data.length > DOWNLOAD_LIMIT) throw badRequest("file is too big");
    return { file_id: id, file_unique_id: id, file_size: file.data.length, file_path: `documents/${id}` };
  }

  function download(path: string, response: ServerResponse): void {
    const file = chats.files.get(path.slice(path.lastIndexOf("/") + 1));
    response.writeHead(file ? 200 : 404, { "content-type": "application/octet-stream" }).end(file?.data);
  }

  return {
    calls,
    get base() {
      return server.base;
    },
    get webhook() {
      return webhook;
    },
    start: () => server.start(),
    async stop() {
      updates.end(new Error("the simulator is stopped"));
      await server.stop();
    },
    fault: (fault) => server.fault(fault),
    pollFault(next) {
      pollFault = next;
      if (next)
        updates.end(refusal(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"));
    },
  };
}

/** "403 Forbidden: bot was blocked by the user", or a bare number. */
function errorOf(code: number | string = 400): SimulatedRefusal {
  const [status = "", ...description] = String(code).split(" ");
  return refusal(Number(status), description.join(" ") || "Bad Request: simulated");
}

function answer(response: ServerResponse, result: unknown): void {
  const refused = result instanceof Error ? result : undefined;
  const status = refused instanceof SimulatedRefusal ? refused.status : refused ? 500 : 200;
  const parameters = refused instanceof SimulatedRefusal ? refused.parameters : undefined;
  const body = refused
    ? { ok: false, error_code: status, description: refused.message, ...(parameters && { parameters }) }
    : { ok: true, result };
  const retryAfter = parameters?.retry_after;
  response
    .writeHead(status, { "content-type": "application/json", ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }) })
    .end(JSON.stringify(body));
}
