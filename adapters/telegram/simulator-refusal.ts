/** What the simulated API answers instead of a result. */
export class SimulatedRefusal extends Error {
  readonly status: number;
  readonly parameters: Record<string, unknown> | undefined;

  constructor(status: number, description: string, parameters?: Record<string, unknown>) {
    super(description);
    this.status = status;
    this.parameters = parameters;
  }
}

export function refusal(status: number, description: string, parameters?: Record<string, unknown>): SimulatedRefusal {
  return new SimulatedRefusal(status, description, parameters);
}

export function badRequest(description: string, parameters?: Record<string, unknown>): SimulatedRefusal {
  return refusal(400, `Bad Request: ${description}`, parameters);
}

export function tooMany(seconds: number): SimulatedRefusal {
  return refusal(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds });
}
