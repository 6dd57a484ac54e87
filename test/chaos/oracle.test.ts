import { describe, expect, test } from "vitest";
import { createOracle, type Verdict } from "./oracle.ts";

/** Tells an oracle a story: "offered 1 acked 1 sent 1 killed started". Words with a number are about that message of one conversation. */
function verdictOn(story: string, conversation = "room"): Verdict {
  const oracle = createOracle(() => 0);
  const words = story.split(/\s+/).filter(Boolean);
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === "started" || word === "killed" || word === "stopped") {
      oracle[word]();
      continue;
    }
    const exchange = { channel: "test", conversation, text: words[++at]! };
    if (word === "offered" || word === "acked") oracle[word](exchange);
    else if (word === "refused") oracle.refused(exchange, [503]);
    else oracle.sent({ ...exchange, suppressed: word === "suppressed" });
  }
  return oracle.verdict();
}

function offences(story: string): string[] {
  return verdictOn(story).offences.map(({ what, exchange }) => `${what} ${exchange.text}`);
}

describe("the oracle lets pass", () => {
  test.each([
    ["a message that is answered", "started offered 1 acked 1 sent 1 stopped"],
    ["a message that is answered after a crash", "started offered 1 acked 1 killed started sent 1 stopped"],
    ["an answer that overtakes its acknowledgement", "started offered 1 sent 1 acked 1"],
    ["a message that was never acknowledged and never answered", "started offered 1 killed started refused 1 stopped"],
    ["a message that was answered although its acknowledgement was lost", "started offered 1 killed started sent 1 acked 1"],
    ["an answer to an unacknowledged message, whenever it comes", "started offered 1 refused 1 offered 2 acked 2 sent 2 sent 1"],
    [
      "a platform's callback that came three times and was answered once",
      "started offered 1 acked 1 acked 1 acked 1 sent 1 killed started acked 1",
    ],
    ["a reply that was in flight at a kill", "started offered 1 acked 1 sent 1 killed started sent 1"],
    ["a reply that arrived between the kill and the next start", "started offered 1 acked 1 killed sent 1 started sent 1"],
    ["a reply that was in flight at two kills", "started offered 1 acked 1 sent 1 killed started sent 1 killed started sent 1"],
  ])("%s", (_name, story) => {
    expect(verdictOn(story)).toMatchObject({ ok: true, offences: [] });
  });
});

describe("the oracle condemns", () => {
  test.each([
    ["an acknowledged message without an answer", "started offered 1 acked 1 offered 2 acked 2 sent 2 stopped", "lost 1"],
    ["an acknowledged message whose only answer was hidden", "started offered 1 acked 1 suppressed 1", "lost 1"],
    [
      "an answer that was overtaken by the answer to a later message",
      "started offered 1 acked 1 offered 2 acked 2 sent 2 sent 1",
      "reordered 1",
    ],
    [
      "an answer that was overtaken across a crash",
      "started offered 1 acked 1 offered 2 acked 2 killed started sent 2 sent 1",
      "reordered 1",
    ],
    ["a second answer without a crash", "started offered 1 acked 1 sent 1 sent 1", "duplicate 1"],
    ["a second answer that the platform hid, without a crash", "started offered 1 acked 1 sent 1 suppressed 1", "duplicate 1"],
    ["a second answer after a clean stop", "started offered 1 acked 1 sent 1 stopped started sent 1", "duplicate 1"],
    [
      "a second answer after a clean stop that follows a kill",
      "killed started offered 1 acked 1 sent 1 stopped started sent 1",
      "duplicate 1",
    ],
    [
      "a second answer to what a later reply had proved to be noted",
      "started offered 1 acked 1 offered 2 acked 2 sent 1 sent 2 killed started sent 1",
      "duplicate 1",
    ],
    [
      "a second answer that comes when the conversation had already gone on after the kill",
      "started offered 1 acked 1 offered 2 acked 2 sent 1 killed started sent 2 sent 1",
      "duplicate 1",
    ],
    ["a second repetition for one kill", "started offered 1 acked 1 sent 1 killed started sent 1 sent 1", "duplicate 1"],
    ["an answer that nobody asked for", "started sent 1", "unasked 1"],
  ])("%s", (_name, story, offence) => {
    expect(offences(story)).toEqual([offence]);
    expect(verdictOn(story).ok).toBe(false);
  });

  test("two repetitions of different replies for one kill in one conversation", () => {
    const story = "started offered 1 acked 1 offered 2 acked 2 sent 1 sent 2 killed started sent 1 sent 2";
    expect(offences(story)).toEqual(["duplicate 1", "duplicate 2"]);
  });

  test("an answer in another conversation, both as unasked there and as lost here", () => {
    const oracle = createOracle();
    const exchange = { channel: "test", conversation: "mine", text: "1" };
    oracle.offered(exchange);
    oracle.acked(exchange);
    oracle.sent({ ...exchange, conversation: "yours", suppressed: false });
    expect(oracle.verdict().offences.map(({ what }) => what)).toEqual(["lost", "unasked"]);
  });
});

describe("the verdict", () => {
  test("counts, and tells apart what a user saw twice from what the platform hid", () => {
    const story = `started offered 1 acked 1 sent 1 killed started suppressed 1 offered 2 refused 2 offered 2 acked 2 sent 2
      killed started sent 2 stopped`;
    const verdict = verdictOn(story);
    expect(verdict).toMatchObject({ ok: true, kills: 2, refused: 1, suppressed: 1, duplicates: 1, inFlight: 1 });
    expect(verdict.summary).toBe("acked 2 lost 0 reordered 0 duplicates 1 (in flight 1)");
  });

  test("tells the history of an offence, with what happened to the daemon meanwhile", () => {
    const [offence] = verdictOn("started offered 1 acked 1 killed started offered 2 sent 1 stopped started sent 1").offences;
    expect(offence?.history.map((line) => line.replace(/ 0 ms/, ""))).toEqual([
      "#1 offered",
      "#2 acked",
      "#3 killed",
      "#4 started",
      "#6 sent",
      "#7 stopped",
      "#8 started",
      "#9 sent",
    ]);
  });

  test("unanswered are the acknowledged messages whose answer nobody has seen", () => {
    const oracle = createOracle();
    const [first, second] = ["1", "2"].map((text) => ({ channel: "test", conversation: "room", text }));
    for (const exchange of [first!, second!]) oracle.offered(exchange);
    oracle.sent({ ...first!, suppressed: false });
    oracle.acked(first!);
    oracle.acked(second!);
    oracle.sent({ ...second!, suppressed: true });
    expect(oracle.unanswered()).toEqual([second]);
  });
});
