import type { IncomingMessage, ServerResponse } from "node:http";
import type { ErrorRequestHandler, Express, RequestHandler, Router } from "express";

/** What no route of the server serves: mounted Express routers, and 404 for the rest. */
export interface Fallback {
  /** Serves everything below a path. Routers, not applications: an application would change the prototype of each request. */
  mount(path: string, handler: RequestHandler): void;
  handle(request: IncomingMessage, response: ServerResponse): void;
}

/** Express is imported for the first request that gets here: it takes longer to load than the rest of the daemon. */
export function createFallback(failed: (error: unknown) => void): Fallback {
  const mounted: [string, RequestHandler][] = [];
  let loading: Promise<void> | undefined;
  let app: Express | undefined;
  let mounts: Router | undefined;

  async function load(): Promise<void> {
    const { default: express } = await import("express");
    const made = express();
    made.disable("x-powered-by").disable("etag");
    mounts = express.Router();
    for (const [path, handler] of mounted) mounts.use(path, handler);
    made.use(mounts);
    made.use(notFound, answerError);
    app = made;
  }

  const answerError: ErrorRequestHandler = (error, _request, response, _next) => {
    const status = error?.status >= 400 && error?.status < 500 ? error.status : 500;
    if (status === 500) failed(error);
    if (response.headersSent) response.destroy();
    else response.status(status).json({ error: status === 500 ? "internal error" : "bad request" });
  };

  return {
    mount(path, handler) {
      if (mounts) mounts.use(path, handler);
      else mounted.push([path, handler]);
    },
    handle(request, response) {
      if (app) {
        app(request, response);
        return;
      }
      loading ??= load();
      void loading.then(() => app!(request, response));
    },
  };
}

const notFound: RequestHandler = (_request, response) => {
  response.status(404).json({ error: "not found" });
};
