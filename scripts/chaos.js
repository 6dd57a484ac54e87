/** `npm run test:chaos -- --kills 200 --seed 1`: kills the daemon under load and judges what was lost. */
import { build } from "./build.js";
import { install } from "./install.js";
import { become, node } from "./node.js";

install();
build();
become(node(), ["--conditions=source", "test/chaos/run.ts", ...process.argv.slice(2)]);
