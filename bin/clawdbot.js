#!/usr/bin/env node
// What npm installs as `clawdbot` and `oclaw`. The launcher itself begins as a shell script, which Windows cannot run.
require("./clawdbot");
