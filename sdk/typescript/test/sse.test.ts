/** The parser: the cases of the WHATWG rules, each also cut at every place. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameTooLarge, SseParser, type Frame } from "../src/sse.ts";

const cases: [what: string, text: string, frames: Frame[]][] = [
  ["one line", "data: a\n\n", [{ event: "message", data: "a", id: "" }]],
  ["two lines", "data: a\ndata:b\n\n", [{ event: "message", data: "a\nb", id: "" }]],
  ["no data, no event", "event: x\nid: 1\n\ndata: a\n\n", [{ event: "message", data: "a", id: "1" }]],
  ["empty data", "data\n\n", [{ event: "message", data: "", id: "" }]],
  ["CR LF", "data: a\r\nid: 1\r\n\r\n", [{ event: "message", data: "a", id: "1" }]],
  ["CR alone", "data: a\rid: 1\r\rdata: b\r\r", [{ event: "message", data: "a", id: "1" }, { event: "message", data: "b", id: "1" }]],
  ["comments", ": x\n\n:\ndata: a\n: y\n\n", [{ event: "message", data: "a", id: "" }]],
  ["an id stays, an empty one resets", "id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
    [{ event: "message", data: "a", id: "1" }, { event: "message", data: "b", id: "1" }, { event: "message", data: "c", id: "" }]],
  ["an id with NUL is ignored", "id: 1\0\ndata: a\n\n", [{ event: "message", data: "a", id: "" }]],
  ["an unfinished frame is dropped", "data: a\n\ndata: b\n", [{ event: "message", data: "a", id: "" }]],
  ["a byte order mark", "\ufeffdata: a\n\n", [{ event: "message", data: "a", id: "" }]],
  ["unknown fields", "foo: 1\ndata: a\nretry: x\n\n", [{ event: "message", data: "a", id: "" }]],
  ["one space goes", "data:  a\n\n", [{ event: "message", data: " a", id: "" }]],
];

for (const [what, text, frames] of cases) {
  test(`frames: ${what}`, () => {
    assert.deepEqual(new SseParser().push(text), frames);
    for (let cut = 0; cut <= text.length; cut += 1) {
      const parser = new SseParser();
      assert.deepEqual([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))], frames, `cut at ${cut}`);
    }
    const parser = new SseParser();
    assert.deepEqual([...text].flatMap((char) => parser.push(char)), frames, "char by char");
  });
}

test("retry is taken where it is a number", () => {
  const parser = new SseParser();
  parser.push("retry: 1500\nretry: 1e3\n\n");
  assert.equal(parser.retryMs, 1500);
});

test("a long line in small pieces costs what it is long", { timeout: 20_000 }, () => {
  const parser = new SseParser();
  const pieces = 400_000;
  parser.push("data:");
  // Where each piece had the whole line searched again, this took minutes.
  for (let n = 0; n < pieces; n += 1) parser.push("0123456789");
  assert.equal(parser.push("\n\n")[0]?.data.length, 10 * pieces);
});

test("a frame without an end is given up at its bound", () => {
  const parser = new SseParser("", 1000);
  assert.throws(() => { for (;;) parser.push("data: 0123456789\n"); }, FrameTooLarge);
  assert.throws(() => new SseParser("", 1000).push("x".repeat(1001)), FrameTooLarge);
});
