import fc from "fast-check";
import { expect, test } from "vitest";
import { type CqSegment, formatCqCode, parseCqCode } from "../../../adapters/onebot/cq-code.ts";

const text = (written: string): CqSegment => ({ type: "text", data: { text: written } });

test("the examples of the standard are read", () => {
  expect(parseCqCode("[CQ:at,qq=10001] hi[CQ:image,file=a.jpg]")).toEqual([
    { type: "at", data: { qq: "10001" } },
    text(" hi"),
    { type: "image", data: { file: "a.jpg" } },
  ]);
  expect(parseCqCode("[CQ:shake]")).toEqual([{ type: "shake", data: {} }]);
  expect(parseCqCode("")).toEqual([]);
});

test("escapes are undone once: in text three of them, in parameters the comma too", () => {
  expect(parseCqCode("&#91;CQ:at,qq=all&#93; &amp;#91; a&#44;b")).toEqual([text("[CQ:at,qq=all] &#91; a&#44;b")]);
  expect(parseCqCode("[CQ:share,title=a&#44;b &amp;amp;&#91;&#93;,url=http://x/?a=1&amp;b=2]")).toEqual([
    { type: "share", data: { title: "a,b &amp;[]", url: "http://x/?a=1&b=2" } },
  ]);
});

test.each(["[CQ:at,qq=1", "[CQ:]", "[cq:at,qq=1]", "[CQ:at,qq]", "CQ:at,qq=1]", "[CQ:at,[CQ:at,"])(
  "%s is text, since it is no proper code",
  (written) => {
    expect(parseCqCode(written)).toEqual([text(written)]);
  },
);

test("what a user typed never becomes a code, once a peer has escaped it", () => {
  const typed = fc.string({ unit: fc.constantFrom("[", "]", "&", ",", "=", "CQ:at", "qq", "#91;", "amp;", "1", " ") });
  fc.assert(
    fc.property(typed, (written) => {
      expect(parseCqCode(formatCqCode([text(written)]))).toEqual(written === "" ? [] : [text(written)]);
    }),
    { numRuns: 500 },
  );
});

test("segments are read back as they were written", () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9_.-]{0,8}$/);
  const code = fc.record({
    type: name.filter((type) => type !== "text"),
    data: fc.dictionary(name, fc.string({ unit: "binary" }), { noNullPrototype: true }),
  });
  const message = fc.array(fc.oneof(code, fc.string({ minLength: 1 }).map(text)), { maxLength: 6 });
  fc.assert(
    fc.property(message, (segments) => {
      const neighbours = segments.flatMap((segment, n) => (segment.type === "text" && segments[n - 1]?.type === "text" ? [] : [segment]));
      expect(parseCqCode(formatCqCode(neighbours))).toEqual(neighbours);
    }),
    { numRuns: 300 },
  );
});

test("no string makes it throw, lose text or take long", () => {
  const soup = fc.string({ unit: fc.constantFrom("[CQ:", "]", ",", "a", "=", "&#91;", "&", "x", "["), maxLength: 60 });
  fc.assert(
    fc.property(soup, (written) => {
      const segments = parseCqCode(written);
      expect(segments.length === 0).toBe(written === "");
    }),
    { numRuns: 500 },
  );
  for (const hostile of ["[CQ:a,b=", "[CQ:a,", "[CQ:", "[CQ:a,b=c,"]) expect(parseCqCode(hostile.repeat(200_000)).length).toBe(1);
});
