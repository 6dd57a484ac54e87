import dingtalk from "../../../adapters/dingtalk/index.ts";
import simulation from "../../../adapters/dingtalk/simulator.ts";
import { adapterConformance } from "../../../src/testing/adapter-conformance.ts";

// The folder's own run is in Stream mode; this one is the same in HTTP mode.
adapterConformance({
  definition: dingtalk,
  simulator: { ...simulation, config: (apiBase) => ({ ...simulation.config(apiBase), mode: "callback" }) },
});
