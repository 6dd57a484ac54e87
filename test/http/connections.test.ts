import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { createConnections } from "../../src/http/connections.ts";
import { createMinuteCounts } from "../../src/http/minute-counts.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";

function socketFrom(remoteAddress: string) {
  const socket = Object.assign(new EventEmitter(), { remoteAddress, destroyed: false, destroy: () => void socket.emit("close") });
  socket.once("close", () => {
    socket.destroyed = true;
  });
  return socket as unknown as Socket;
}

/** Which of these peers, coming one after the other, are let in when each address may have two connections. */
function letIn(...addresses: string[]): boolean[] {
  const connections = createConnections(2);
  return addresses.map((address) => {
    const socket = socketFrom(address);
    connections.add(socket);
    return !socket.destroyed;
  });
}

describe("an address's share of the connections", () => {
  test("is its own", () => {
    expect(letIn("10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2")).toEqual([true, true, false, true]);
  });

  test("is the same whether a peer comes over IPv4 or mapped into IPv6", () => {
    expect(letIn("10.0.0.1", "::ffff:10.0.0.1", "::ffff:10.0.0.1", "::ffff:10.0.0.2")).toEqual([true, true, false, true]);
  });

  test("is that of the whole /64 in IPv6, however it is written", () => {
    expect(letIn("2001:db8::1", "2001:db8:0:0:ffff::2", "2001:db8::3:0:0:1", "2001:db8:0:1::1", "::1")).toEqual([
      true,
      true,
      false,
      true,
      true,
    ]);
  });

  test("is given back when a connection closes", () => {
    const connections = createConnections(1);
    const first = socketFrom("10.0.0.1");
    connections.add(first);
    first.destroy();
    const second = socketFrom("10.0.0.1");
    connections.add(second);
    expect(second.destroyed).toBe(false);
  });
});

describe("counts by the minute", () => {
  test("start anew each minute and bear any number of keys", async () => {
    const clock = fakeClock();
    const counts = createMinuteCounts(clock);
    expect([counts.add("a"), counts.add("a"), counts.add("b")]).toEqual([1, 2, 1]);
    for (let n = 0; n < 20_000; n++) counts.add(`key ${n}`);
    expect(counts.add("a")).toBe(3);
    expect(counts.add("one more")).toBeGreaterThan(10_000);
    await clock.advance(60_000);
    expect(counts.add("a")).toBe(1);
  });
});
