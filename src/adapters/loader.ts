import type { AdapterDefinition } from "../adapter.ts";
import { ClawdbotError } from "../errors.ts";
import { folderNames, loadFrom } from "../load-folders.ts";
import type { SimulatorDefinition } from "../simulator.ts";

/** Every adapter that is installed: one folder each, no list names them. Runs no vendor code: adapters load their SDKs when created. */
export async function loadAdapters(): Promise<AdapterDefinition[]> {
  const names = await folderNames("adapters");
  const definitions = await Promise.all(names.map((name) => loadFrom<AdapterDefinition>("adapters", name, "index")));
  return definitions.flatMap((definition, index) => {
    if (definition && definition.name !== names[index]) {
      throw new ClawdbotError("CLAWDBOT_ERR_INVALID", `adapter folder ${names[index]} declares the name ${definition.name}`);
    }
    return definition ? [definition] : [];
  });
}

/** The program that plays the platform of a channel. */
export async function loadSimulator(channel: string): Promise<SimulatorDefinition | undefined> {
  const names = await folderNames("adapters");
  return names.includes(channel) ? await loadFrom<SimulatorDefinition>("adapters", channel, "simulator") : undefined;
}
