import type { Interface } from "node:readline";
import { expect, test } from "vitest";
import { createChatScreen } from "../../src/cli/chat-screen.ts";

/** A terminal ten columns wide and eight rows high on which the user has typed into `rows` further rows. */
function terminal(rows = 0) {
  let written = "";
  const output = {
    columns: 10,
    rows: 8,
    write(text: string) {
      written += text;
      return true;
    },
  };
  const line = { getCursorPos: () => ({ rows, cols: 0 }), prompt: () => output.write("> ") };
  const screen = createChatScreen(line as unknown as Interface, output as unknown as NodeJS.WriteStream);
  const take = () => {
    const taken = written;
    written = "";
    return taken;
  };
  return { screen, take };
}

const ERASE = "\u001b[1G\u001b[0J";
const up = (rows: number) => `\u001b[${rows}A`;

test("a text takes the place of the prompt, which comes back below it", () => {
  const { screen, take } = terminal();
  screen.print("hi");
  expect(take()).toBe(`${ERASE}hi\n> `);
});

test("a growing text replaces itself, and what follows replaces it once", () => {
  const { screen, take } = terminal();
  screen.preview("one");
  take();
  screen.preview("one two three");
  expect(take()).toBe(`${up(1)}${ERASE}one two three\n> `);
  screen.print("done");
  expect(take()).toBe(`${up(2)}${ERASE}done\n> `);
  screen.print("next");
  expect(take()).toBe(`${ERASE}next\n> `);
});

test("of a text that the screen has no room for, the end is shown while it grows", () => {
  const { screen, take } = terminal();
  screen.preview("1\n2\n3\n4\n5\n6");
  expect(take()).toBe(`${ERASE}3\n4\n5\n6\n> `);
});

test("what the user has typed over several rows makes room for the text", () => {
  const { screen, take } = terminal(1);
  screen.print("hi");
  expect(take()).toBe(`${up(1)}${ERASE}hi\n\n> `);
});
