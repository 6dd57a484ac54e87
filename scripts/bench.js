/** `npm run bench`: the daemon's throughput and latency beside those of a bare floor, measured in the same run. */
import { build } from "./build.js";
import { install } from "./install.js";
import { become, node } from "./node.js";

install();
build();
become(node(), ["--conditions=source", "bench/run.ts", ...process.argv.slice(2)]);
