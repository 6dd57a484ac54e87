/** `npm start -- OPTIONS`: installs and builds what is missing, then is `bin/clawdbot start OPTIONS`. */
import { build } from "./build.js";
import { install } from "./install.js";
import { become, node } from "./node.js";

const args = process.argv.slice(2);
const watch = args[0] === "--dev";

install();
if (watch) {
  become(node(), ["--watch", "--conditions=source", "src/cli/main.ts", "start", ...args.slice(1)]);
} else {
  build();
  become(node(), ["bin/clawdbot", "start", ...args]);
}
