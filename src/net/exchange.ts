import type { Dispatcher } from "undici";
import type { HttpResponse } from "../adapter.ts";
import type { Clock, Timer } from "../clock.ts";
import { ClawdbotError, errorText, UnreachableError } from "../errors.ts";

/** One HTTP call, as it goes over the wire. */
export interface Call {
  origin: string;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query. */
  path: string;
  headers: Record<string, string>;
  body: string | Buffer | null;
  timeoutMs: number;
  maxBytes: number;
  signal: AbortSignal | undefined;
  /** Goes out as X-Request-ID and into error texts. */
  requestId: string;
}

/**
 * Makes a call once, and surely not twice: undici sends a request again only when it had not begun to write it. Resolves with
 * whatever status the peer answers. Rejects with UnreachableError when nothing was sent, with TIMEOUT when the time was up or the
 * caller gave up after that, with PLATFORM when the connection broke. Error texts name the origin alone: paths and queries carry tokens.
 */
export function exchange(dispatcher: Dispatcher, call: Call, clock: Clock): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const { origin, method, path, headers, body, signal, timeoutMs } = call;
    const handler = new ExchangeHandler(call, clock, resolve, reject);
    if (signal?.aborted) return handler.giveUp("given up");
    handler.startTimer(timeoutMs);
    signal?.addEventListener("abort", handler, { once: true });
    const request = { origin, method, path, headers, body, headersTimeout: 0, bodyTimeout: 0 };
    try {
      dispatcher.dispatch(request, handler);
    } catch (error) {
      handler.onResponseError(undefined, error as Error);
    }
  });
}

class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly #call: Call;
  readonly #clock: Clock;
  readonly #resolve: (response: HttpResponse) => void;
  readonly #reject: (error: Error) => void;
  #timer: Timer | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #status = 0;
  #headers: HttpResponse["headers"] = {};
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(call: Call, clock: Clock, resolve: (response: HttpResponse) => void, reject: (error: Error) => void) {
    this.#call = call;
    this.#clock = clock;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  startTimer(ms: number): void {
    this.#timer = this.#clock.setTimeout(() => this.giveUp(`no answer within ${ms} ms`), ms);
  }

  /** The caller's signal fired. */
  handleEvent(): void {
    this.giveUp("given up");
  }

  giveUp(why: string): void {
    if (this.#controller) this.#fail(new ClawdbotError("CLAWDBOT_ERR_TIMEOUT", this.#text(why), { retryable: true }));
    else this.#fail(new UnreachableError(this.#text(`${why}, nothing was sent`)));
  }

  /** Called when a connection is there and nothing has been written to it. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#settled) controller.abort(new Error("given up"));
    else this.#controller = controller;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: HttpResponse["headers"]): void {
    this.#status = status;
    this.#headers = headers;
    if (Number(headers["content-length"]) > this.#call.maxBytes) this.#tooLarge();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > this.#call.maxBytes) this.#tooLarge();
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (!this.#settle()) return;
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#size);
    this.#resolve({ status: this.#status, headers: this.#headers, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, cause: Error & { code?: string }): void {
    if (cause instanceof ClawdbotError) this.#fail(cause);
    else if (cause.code === "UND_ERR_INVALID_ARG")
      this.#fail(new ClawdbotError("CLAWDBOT_ERR_INVALID", this.#text(cause.message), { cause }));
    else if (this.#controller)
      this.#fail(new ClawdbotError("CLAWDBOT_ERR_PLATFORM", this.#text(reason(cause)), { retryable: true, cause }));
    else this.#fail(new UnreachableError(this.#text(reason(cause)), cause));
  }

  #tooLarge(): void {
    this.#fail(new ClawdbotError("CLAWDBOT_ERR_PLATFORM", this.#text(`the answer is larger than ${this.#call.maxBytes} bytes`)));
  }

  #fail(error: Error): void {
    if (!this.#settle()) return;
    this.#controller?.abort(error);
    this.#reject(error);
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#clock.clearTimeout(this.#timer);
    this.#call.signal?.removeEventListener("abort", this);
    return true;
  }

  #text(what: string): string {
    return `${this.#call.method} ${this.#call.origin}: ${what} (request ${this.#call.requestId})`;
  }
}

/** An attempt over both address families fails with an error for each. */
function reason(error: Error): string {
  const errors = error instanceof AggregateError ? error.errors : [error];
  return errors.map(errorText).join("; ");
}
