/**
 * Everything that the gateway runs. Constructors and create* functions do no I/O; start and stop do.
 * Both bear being called twice, and stop bears being called before start.
 */
export interface Service {
  start(): Promise<void>;
  stop(): Promise<void>;
}
