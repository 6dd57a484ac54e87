import { loadAdapters, loadSimulator } from "../../src/adapters/loader.ts";
import { adapterConformance } from "../../src/testing/adapter-conformance.ts";

for (const definition of await loadAdapters()) {
  const simulator = await loadSimulator(definition.name);
  if (!simulator) throw new Error(`adapters/${definition.name} has no simulator.ts`);
  adapterConformance({ definition, simulator });
}
