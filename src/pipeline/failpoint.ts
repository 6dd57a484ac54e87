/** Named places between two steps where a crash test kills the daemon. Without a plan each costs one comparison. */
export type Failpoint =
  | "after-accept-commit"
  | "before-ack"
  | "after-run"
  | "after-finish-commit"
  | "before-send"
  | "after-send"
  | "after-delivered-commit";

let plan: { at: string; passes: number; crash: () => void } | undefined;

/** Reads "name" or "name:N" (crash at the N-th pass). Only the crash tests set it. */
export function planCrash(text: string | undefined, crash: () => void): void {
  if (!text) {
    plan = undefined;
    return;
  }
  const [at = "", passes = "1"] = text.split(":");
  plan = { at, passes: Number(passes), crash };
}

export function failpoint(name: Failpoint): void {
  if (plan !== undefined && plan.at === name && --plan.passes === 0) plan.crash();
}
