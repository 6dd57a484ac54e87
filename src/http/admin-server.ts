import { chmod, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { ClawdbotError, errorCode, errorText } from "../errors.ts";
import type { Service } from "../service.ts";
import type { AdminApi } from "./admin-api.ts";

/**
 * Serves the admin API on a Unix socket with mode 0600: whoever may open it is the daemon's own user. `POST /METHOD` with JSON
 * parameters answers `{ok: true, result}` or `{ok: false, error: {code, message}}`. Must be started only by the owner of the data
 * directory, since it replaces a socket that a killed daemon left behind.
 */
export function createAdminServer(options: { socket: string; api: AdminApi }): Service {
  let server: Server | undefined;
  let app: Promise<RequestListener> | undefined;

  return {
    async start() {
      if (server) return;
      await rm(options.socket, { force: true });
      // express costs more to load than the rest of the daemon: the first request pays, not the start.
      server = createServer((request, response) => {
        app ??= makeApp(options.api);
        void app.then((handle) => handle(request, response));
      });
      const listening = server;
      await new Promise<void>((resolve, reject) => listening.once("error", reject).listen(options.socket, resolve));
      await chmod(options.socket, 0o600);
    },
    async stop() {
      const closing = server;
      server = undefined;
      if (!closing) return;
      closing.closeIdleConnections();
      await new Promise<void>((resolve) => closing.close(() => resolve()));
    },
  };
}

async function makeApp(api: AdminApi): Promise<RequestListener> {
  const { default: express } = await import("express");
  const app = express();
  app.disable("x-powered-by");
  app.use(express.json({ limit: "32mb" }));
  app.post("/:method", async (request, response) => {
    const method = Object.hasOwn(api, request.params.method) ? api[request.params.method as keyof AdminApi] : undefined;
    try {
      if (!method) throw new ClawdbotError("CLAWDBOT_ERR_NOT_FOUND", `no such method: ${request.params.method}`);
      const result = await (method as (query: unknown) => Promise<unknown>)(request.body);
      response.json({ ok: true, result });
    } catch (error) {
      const status = errorCode(error) === "CLAWDBOT_ERR_NOT_FOUND" ? 404 : 500;
      response.status(status).json({ ok: false, error: { code: errorCode(error), message: errorText(error) } });
    }
  });
  return app;
}
