import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { loadSimulator } from "../../src/adapters/loader.ts";
import { until } from "../../src/testing/until.ts";
import { freePort, type RunningDaemon, startDaemon } from "./running-daemon.ts";

let daemon: RunningDaemon;

beforeAll(async () => {
  const wecom = (await loadSimulator("wecom"))!;
  const config = {
    server: { port: 0 },
    metrics: { port: 0 },
    router: { default: "hepl" },
    websocket: { enabled: true },
    wechat_enterprise: wecom.config(`http://127.0.0.1:${await freePort()}`),
  };
  daemon = await startDaemon({ "config/gateway.yaml": stringify(config) });
});
afterAll(() => daemon.remove());

const trace = async (...args: string[]) => JSON.parse((await daemon.run("trace", "--json", ...args)).stdout);

test("the start names what listens and each channel, and ends with the line that scripts wait for", () => {
  const lines = daemon.stdout.trimEnd().split("\n");
  expect(lines.slice(0, -1)).toEqual([
    expect.stringMatching(/^listening {2}http:\/\/127\.0\.0\.1:\d+$/),
    expect.stringMatching(/^metrics {4}http:\/\/127\.0\.0\.1:\d+\S*$/),
    expect.stringMatching(/^admin {6}\S*admin\.sock$/),
    expect.stringMatching(/^channel {4}websocket\/default {2}receiving/),
    expect.stringMatching(/^channel {4}wecom\/default {2}receiving/),
  ]);
  expect(lines.at(-1)).toMatch(/^ready in \d+ ms {2}http:\/\/127\.0\.0\.1:\d+$/);
});

test("a second daemon on the same data ends with 6 and names the first one", async () => {
  const { code, stdout, stderr } = await daemon.shell(["start", "--port", "0"]);
  expect({ code, stdout }).toEqual({ code: 6, stdout: "" });
  expect(stderr).toContain(`pid ${daemon.child.pid}`);
});

describe("status", () => {
  test("says who runs, where, and how each channel does", async () => {
    const { code, stdout } = await daemon.run("status", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      pid: daemon.child.pid,
      url: /http:\S+$/.exec(daemon.stdout.trimEnd())![0],
      channels: [
        { channel: "websocket", account: "default", receiving: true },
        { channel: "wecom", account: "default", receiving: true },
      ],
    });
  });

  test("for people is a table", async () => {
    const { code, stdout } = await daemon.run("status");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^clawdbot \S+ {2}pid \d+ {2}up .*\nCHANNEL +ACCOUNT +STATE .*\nwebsocket +default +receiving /s);
  });

  test("names the allocator of the daemon", async () => {
    const { code, stdout } = await daemon.run("status", "--memory");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^rss: [\d.]+ MiB {2}heap: .*\nallocator: \S+.*\nTHP /s);
  });

  test.each(["live", "ready", "startup"])("as a health check (%s) is an exit code", async (probe) => {
    expect((await daemon.run("status", "--probe", probe)).code).toBe(0);
  });
});

describe("chat", () => {
  test("plays a script from stdin", async () => {
    const ran = await daemon.shell(["chat", "--script"], { input: "/echo 你好\n你好\n" });
    expect(ran).toEqual({ code: 0, stdout: "TAP version 14\n1..1\nok 1 - /echo 你好\n", stderr: "" });
  });

  test("plays a script from a file, and fails where something else comes back", async () => {
    const file = join(daemon.dir, "talk.txt");
    await writeFile(file, "> /echo a\n< a\n> /echo b\n< c\n");
    const { code, stdout } = await daemon.run("chat", "--script", file);
    expect(code).toBe(1);
    expect(stdout).toContain('ok 1 - /echo a\nnot ok 2 - /echo b\n  ---\n  expected: ["c"]\n  got: ["b"]\n  ...\n');
  });

  test("answers line by line in a pipe", async () => {
    const ran = await daemon.shell(["chat", "--user", "pipe"], { input: "/echo one\n/echo two\n" });
    expect(ran).toEqual({ code: 0, stdout: "one\ntwo\n", stderr: "" });
  });

  test("with a script that is not there is wrong usage", async () => {
    expect((await daemon.run("chat", "--script", "nowhere.txt")).code).toBe(2);
  });
});

describe("send", () => {
  const send = (...args: string[]) => daemon.run("send", "--to", "somebody", "--text", "-v hi", "--json", ...args);

  test("waits for the delivery", async () => {
    const { code, stdout } = await send("--channel", "websocket", "--account", "console");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ids: [expect.any(String)], settled: { state: "sent" } });
  });

  test("ends with 7 when the platform is out of reach; the reply stays pending", async () => {
    const { code, stdout } = await send("--channel", "wecom", "--wait", "100ms");
    expect(code).toBe(7);
    expect(JSON.parse(stdout)).toEqual({ ids: [expect.any(String)], ms: expect.any(Number) });
  });

  test("ends with 1 when the reply was given up", async () => {
    const { code, stdout } = await send("--channel", "websocket", "--account", "nobody");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ settled: { state: "dead", reason: "rejected" } });
  });

  test("to a channel that does not run is not found", async () => {
    const { code, stdout } = await send("--channel", "nowhere");
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: "CLAWDBOT_ERR_NOT_FOUND" } });
  });

  test("without a text is wrong usage", async () => {
    expect((await daemon.run("send", "--channel", "websocket", "--to", "x")).code).toBe(2);
  });
});

describe("dead letters", () => {
  const deadletter = (...args: string[]) => daemon.run("deadletter", ...args);
  const listed = async () => JSON.parse((await deadletter("list", "--json")).stdout);

  test("are listed, and shown without what people wrote", async () => {
    const [letter] = await listed();
    expect(letter).toMatchObject({ kind: "reply", channel: "websocket", reason: "rejected" });
    const hidden = await deadletter("show", letter.id);
    expect(hidden.stdout).toMatch(/^reason {8}rejected$/m);
    expect(hidden.stdout).not.toContain("-v hi");
    expect((await deadletter("show", letter.id, "--content")).stdout).toContain("-v hi");
  });

  test("are only counted by a dry run of a replay", async () => {
    const { stdout } = await deadletter("replay", "--all", "--dry-run");
    expect(stdout).toMatch(/^\S+\nwould replay 1\n$/);
  });

  test("are tried again by a replay", async () => {
    expect((await deadletter("replay", "--all", "--reason", "expired")).stdout).toBe("replayed 0\n");
    expect((await deadletter("replay", "--all")).stdout).toBe("replayed 1\n");
    await until("it to be given up again", async () => (await listed()).length === 1);
  });

  test("are purged only when a script says that it means it", async () => {
    const refused = await deadletter("purge");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("--yes");
    expect((await deadletter("purge", "--older-than", "1h", "--yes")).stdout).toBe("purged 0\n");
    expect((await deadletter("purge", "--yes")).stdout).toBe("purged 1\n");
    expect(await listed()).toEqual([]);
  });

  test("that do not exist are not found", async () => {
    expect((await deadletter("show", "nothing")).code).toBe(3);
    expect((await deadletter("purge", "nothing", "--yes")).code).toBe(3);
    expect((await deadletter("replay", "nothing")).code).toBe(3);
  });

  test("to replay have to be named one way or the other", async () => {
    expect((await deadletter("replay")).code).toBe(2);
  });
});

describe("channel simulate", () => {
  test("plays a user and shows what comes back", async () => {
    const { code, stdout } = await daemon.run("channel", "simulate", "websocket", "--text", "/echo hi", "--from", "u1");
    expect(stdout).toMatch(/^answer accepted$/m);
    expect(stdout).toMatch(/^\S.* … "hi"$/m);
    expect(stdout).toMatch(/^\d reply$/m);
    expect(code).toBe(0);
  });

  test("delivers a message twice, and the trace counts the one that was suppressed", async () => {
    const args = ["channel", "simulate", "websocket", "--text", "/echo twice", "--from", "u2", "--duplicate", "2", "--json"];
    const { code, stdout } = await daemon.run(...args);
    expect(code).toBe(0);
    const { id, sent } = JSON.parse(stdout);
    expect(sent).toEqual([{ text: "twice", suppressed: false }]);
    expect(await trace(id)).toMatchObject({ platformId: id, duplicates: 1, outcome: "replied" });
  });

  test("shows the calls of the platform's API, which listens where the configuration says", async () => {
    const { code, stdout } = await daemon.run("channel", "simulate", "wecom", "--text", "/echo 你好", "--from", "u1");
    expect(stdout).toMatch(/^answer 200$/m);
    expect(stdout).toMatch(/message\/send … "你好"$/m);
    expect(stdout).toMatch(/^\d message\/send$/m);
    expect(code).toBe(0);
  });

  test("succeeds when a forgery is refused", async () => {
    const { code, stdout } = await daemon.run("channel", "simulate", "websocket", "--text", "hi", "--from", "u1", "--forge", "token");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^answer 401$/m);
  });

  test("names the forgeries it knows when asked for another", async () => {
    const { code, stderr } = await daemon.run("channel", "simulate", "websocket", "--text", "hi", "--from", "u1", "--forge", "magic");
    expect(code).toBe(2);
    expect(stderr).toContain("token, no-token");
  });

  test("of a channel that does not exist is not found", async () => {
    expect((await daemon.run("channel", "simulate", "nowhere", "--text", "hi", "--from", "u1")).code).toBe(3);
  });
});

test("the trace of a message that never came is not found", async () => {
  expect((await daemon.run("trace", "nothing")).code).toBe(3);
});

describe("the log", () => {
  test("is on disk, in lines of the contract, without colours in a pipe", async () => {
    const { code, stdout } = await until("the start in the log", async () => {
      const ran = await daemon.run("log", "show", "--grep", "daemon started");
      return ran.stdout ? ran : undefined;
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO daemon started pid=\d+ url=\S+ ms=\d+\n$/);
  });

  test("in JSON is one document of records", async () => {
    const { stdout } = await daemon.run("log", "show", "--grep", "daemon started", "--json");
    expect(JSON.parse(stdout)).toMatchObject([
      { level: "info", component: "daemon", message: "started", fields: { pid: String(daemon.child.pid) } },
    ]);
  });
});

test("a default skill that is not there is warned of", () => {
  expect(daemon.stderr).toMatch(/WARN pipeline router\.default names no skill .* skill=hepl$/m);
});

test("SIGHUP has permissions.yaml decide as it is now, and a rule for no skill is warned of", async () => {
  await writeFile(join(daemon.dir, "permissions.yaml"), "skills:\n  echo:\n    deny_users: [mallory]\n  statsu: {}\n");
  daemon.child.kill("SIGHUP");
  await until("the reload", () => daemon.stderr.includes("permissions reloaded"));
  expect(daemon.stderr).toMatch(
    /WARN guard skills\.statsu: no skill of that name is loaded\. Did you mean status\? place=\S*permissions\.yaml:4:3$/m,
  );
  const { code } = await daemon.shell(["chat", "--user", "mallory", "--script"], { input: "> /echo hi\n< hi\n" });
  expect(code).toBe(1);
  expect((await trace("--lines", "1"))[0]).toMatchObject({ sender: "mallory", outcome: "denied", reason: "user_denied" });
});

describe("stop", () => {
  test("has the daemon drain and end with 0", async () => {
    const { code, stdout } = await daemon.run("stop");
    expect({ code, stdout }).toEqual({ code: 0, stdout: `stopped, pid ${daemon.child.pid}\n` });
    expect(await daemon.exited).toBe(0);
    expect(daemon.stderr).toMatch(/^draining …$.*^bye$/ms);
  });

  test("when none runs ends with 4 and says how to start one", async () => {
    const { code, stderr } = await daemon.run("stop");
    expect(code).toBe(4);
    expect(stderr).toContain("clawdbot start");
  });

  test("leaves what was stored to be read from the store", async () => {
    const { code, stdout, stderr } = await daemon.run("trace", "--lines", "1");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "source: store (daemon down)\n" });
    expect(stdout).toMatch(/mallory .* denied {2}user_denied .*\n.* accept /s);
    expect((await daemon.run("deadletter", "list", "--json", "--quiet")).stdout).toBe("[]\n");
  });

  test("makes a health check fail", async () => {
    expect((await daemon.run("status", "--probe", "live")).code).toBe(1);
  });
});
