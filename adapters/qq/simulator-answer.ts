/** What the simulated API answers. */
export interface Answer {
  status: number;
  body: Record<string, unknown>;
  headers?: Record<string, string>;
}

/** https://bot.q.qq.com/wiki/develop/api-v2/dev-prepare/error-trace/openapi.html */
export function refusal(code: number, message: string, status = 400): Answer {
  return { status, body: { message, code, err_code: code, trace_id: "simulated-trace" } };
}
