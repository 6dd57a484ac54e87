/** `npm test -- VITEST-OPTIONS`: installs and builds what is missing, then runs the tests on the pinned Node.js. */
import { build } from "./build.js";
import { install } from "./install.js";
import { become, tool } from "./node.js";

install();
build();
const colour = process.stdout.isTTY ? [] : ["--no-color"];
const [program, ...args] = [...tool("vitest"), "run", ...colour, ...process.argv.slice(2)];
become(program, args);
