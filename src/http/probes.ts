import type { RouteHandler, RouteResponse } from "../adapter.ts";
import type { Readiness } from "./readiness.ts";

/**
 * The paths that an orchestrator asks. /livez: the event loop turns. /startupz: start-up is over. /readyz: messages can be taken;
 * else its reasons, for people.
 */
export function probes(on: { ready(): Promise<Readiness>; started(): boolean }): [path: string, handler: RouteHandler][] {
  return [
    ["/livez", () => status(200, { status: "ok" })],
    ["/startupz", () => (on.started() ? status(200, { status: "ok" }) : status(503, { status: "starting" }))],
    [
      "/readyz",
      async () => {
        const { ready, reasons } = await on.ready();
        return ready ? status(200, { status: "ok" }) : status(503, { status: "unavailable", reasons });
      },
    ],
  ];
}

function status(code: number, body: object): RouteResponse {
  return { status: code, body: JSON.stringify(body), contentType: "application/json", headers: { "Cache-Control": "no-store" } };
}
