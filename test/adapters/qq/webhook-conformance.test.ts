import qq from "../../../adapters/qq/index.ts";
import simulation from "../../../adapters/qq/simulator.ts";
import { adapterConformance } from "../../../src/testing/adapter-conformance.ts";

/** The same promises in the other mode. */
adapterConformance({
  definition: qq,
  simulator: { ...simulation, config: (apiBase) => ({ ...simulation.config(apiBase), mode: "webhook" }) },
});
