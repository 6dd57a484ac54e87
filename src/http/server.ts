import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { RequestHandler } from "express";
import type { RouteHandler, RouteResponse, UpgradeHandler } from "../adapter.ts";
import type { Clock } from "../clock.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Service } from "../service.ts";
import type { Logger } from "../skill.ts";
import { createAnswers, problem, unavailable } from "./answer.ts";
import { collectBody } from "./body.ts";
import { createConnections } from "./connections.ts";
import { createFallback } from "./fallback.ts";
import { InboundRequest } from "./inbound-request.ts";
import { listen, urlOf } from "./listen.ts";
import { probes } from "./probes.ts";
import type { Readiness } from "./readiness.ts";
import { createUpgrades } from "./upgrades.ts";

export interface HttpServerOptions {
  host: string;
  /** 0 = any free one. */
  port: number;
  /** Largest request body, bytes. */
  maxBody: number;
  maxConnectionsPerAddress: number;
  clock: Clock;
  log: Logger;
  metrics?: Pick<Metrics, "gate" | "error">;
  /** For /readyz, which is served when this is there, as are /livez and /startupz. */
  ready?: () => Promise<Readiness>;
  /** For /startupz: true once start-up is over. */
  started?: () => boolean;
  /** A connection whose headers or whole request take longer is cut, up to checkMs late; default 5 s, 10 s and 1 s. */
  slowest?: { headersMs: number; requestMs: number; checkMs: number };
}

/** The daemon's one port. Paths are matched exactly; what no route takes goes to what was mounted, else it is 404. */
export interface HttpServer extends Service {
  /** Several handlers on one path are asked in order while they throw VerifyError. */
  route(method: "GET" | "POST", path: string, handler: RouteHandler): void;
  upgrade(path: string, handler: UpgradeHandler): void;
  /** Serves everything below a path with an Express router. */
  mount(path: string, handler: RequestHandler): void;
  /** Where a client on this machine finds it; empty before start. */
  readonly url: string;
}

type Route = Partial<Record<string, RouteHandler[]>>;

const SLOWEST = { headersMs: 5000, requestMs: 10_000, checkMs: 1000 };
/** Longer than the idle time of the usual proxies: they close first, so no request meets a closing connection. */
const KEEP_ALIVE_MS = 65_000;
const MOST_CONNECTIONS = 20_000;
/** How long stop() waits for requests under way and for the owners of upgraded sockets. */
const STOP_MS = 10_000;

const NO_BODY = Buffer.alloc(0);
const TOO_LARGE = problem(413, "too large", { Connection: "close" });

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { clock, log, maxBody, slowest = SLOWEST } = options;
  const answers = createAnswers({ clock, log, metrics: options.metrics });
  const fallback = createFallback(answers.failed);
  const upgrades = createUpgrades(answers.failed);
  const routes = new Map<string, Route>();
  const connections = createConnections(options.maxConnectionsPerAddress);
  let running: { server: Server; url: string } | undefined;
  let stopped: Promise<void> | undefined;

  const { ready, started } = options;
  if (ready && started) for (const [path, handler] of probes({ ready, started })) addRoute("GET", path, handler);

  function addRoute(method: "GET" | "POST", path: string, handler: RouteHandler): void {
    const route = routes.get(path) ?? {};
    routes.set(path, { ...route, [method]: [...(route[method] ?? []), handler] });
  }

  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    connections.began(request.socket);
    response.on("close", onClosed);
    const target = request.url!;
    const mark = target.indexOf("?");
    const path = mark < 0 ? target : target.slice(0, mark);
    const route = routes.get(path);
    const method = request.method === "HEAD" ? "GET" : request.method!;
    const handlers = route?.[method];
    if (stopped) {
      respond(response, unavailable(1000));
    } else if (handlers !== undefined) {
      const query = mark < 0 ? "" : target.slice(mark + 1);
      const answer = (body: Buffer) => void serve(handlers, new InboundRequest(request, path, query, body), response);
      if (method === "POST") collectBody(request, maxBody, answer, () => respond(response, TOO_LARGE));
      else answer(NO_BODY);
    } else if (route !== undefined) {
      respond(response, problem(405, "method not allowed", { Allow: allowed(route) }));
    } else {
      fallback.handle(request, response);
    }
  }

  function onClosed(this: ServerResponse): void {
    connections.ended(this.req.socket);
  }

  async function serve(handlers: RouteHandler[], request: InboundRequest, response: ServerResponse): Promise<void> {
    const answer = await answers.ask(handlers, request);
    try {
      respond(response, answer);
    } catch (error) {
      respond(response, answers.failed(error));
    }
  }

  function respond(response: ServerResponse, answer: RouteResponse): void {
    const { status, body = "", contentType = "text/plain; charset=utf-8", headers } = answer;
    if (stopped) response.setHeader("Connection", "close");
    const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    const about = status === 204 ? {} : { "Content-Type": contentType, "Content-Length": length };
    response.writeHead(status, { ...about, ...headers });
    response.end(body);
  }

  async function close(server: Server): Promise<void> {
    const limit = clock.setTimeout(connections.destroy, STOP_MS);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    connections.drain(upgrades.has);
    await closed;
    clock.clearTimeout(limit);
    running = undefined;
  }

  return {
    route: addRoute,
    upgrade: upgrades.add,
    mount: fallback.mount,
    get url() {
      return running?.url ?? "";
    },
    async start() {
      if (running && !stopped) return;
      await stopped;
      stopped = undefined;
      const server = createServer(
        {
          headersTimeout: slowest.headersMs,
          requestTimeout: slowest.requestMs,
          connectionsCheckingInterval: slowest.checkMs,
          keepAliveTimeout: KEEP_ALIVE_MS,
          // Other offers (h2c, as some Java clients make) may be ignored, and are: RFC 9110 section 7.8.
          shouldUpgradeCallback: (request) => /^websocket$/i.test(request.headers.upgrade ?? ""),
        },
        onRequest,
      );
      server.maxConnections = MOST_CONNECTIONS;
      server.on("upgrade", upgrades.handle);
      server.on("connection", connections.add);
      const address = await listen(server, options.host, options.port);
      server.on("error", answers.failed);
      running = { server, url: urlOf(address) };
    },
    /** Listens no more, closes what is idle, lets requests under way be answered; upgraded sockets are left to their handlers until a limit. */
    async stop() {
      if (running) stopped ??= close(running.server);
      await stopped;
    },
  };
}

function allowed(route: Route): string {
  return Object.keys(route)
    .flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]))
    .join(", ");
}
