/** `npm start -- OPTIONS`: installs and builds what is missing, then is `bin/clawdbot start OPTIONS`. */
import { build } from "./build.js";
import { install } from "./install.js";
import { become, node } from "./node.js";

install();
build();
become(node(), ["bin/clawdbot", "start", ...process.argv.slice(2)]);
