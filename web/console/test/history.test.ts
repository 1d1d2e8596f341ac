/** The rows that are kept: bounded, filtered, with gaps where they were. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CHARS_MAX, gapText, History, ROWS_MAX, rowOf } from "../src/history.ts";
import { visibleRange } from "../src/rows.tsx";

const event = (n: number, payload: Record<string, unknown> = { n }) =>
  rowOf({ id: `evt_${n}`, cursor: `c-${n}`, org_id: "o", event: n % 2 ? "odd.one" : "even.one", timestamp: "2026-01-31T12:00:00.000Z", version: "v1", payload });
const gap = { reason: "expired", after: null, resumes_at: "c-1", missed: 3 } as const;

test("rows are bounded by number, and the newest are kept in their order", () => {
  const history = new History();
  const many = ROWS_MAX * 3 + 7;
  for (let n = 0; n < many; n += 1) history.add(event(n));
  assert.ok(history.shown.length <= ROWS_MAX * 1.1);
  assert.equal(history.events, many);
  assert.equal(history.shown.length + history.forgotten, many);
  const ids = history.shown.map((row) => row.kind === "event" && row.id);
  assert.deepEqual(ids, ids.map((_, place) => `evt_${many - ids.length + place}`));
});

test("rows are bounded by what they hold", () => {
  const history = new History();
  for (let n = 0; n < 60; n += 1) history.add(event(n, { text: "x".repeat(1_000_000) }));
  const chars = history.shown.reduce((sum, row) => sum + (row.kind === "event" ? row.payload.length : 0), 0);
  assert.ok(chars <= CHARS_MAX, String(chars));
  assert.ok(history.shown.length >= 10);
});

test("a filter is of names and whole payloads, and hides no gap", () => {
  const history = new History();
  history.add(event(1, { text: `${"x".repeat(1000)} Needle` }));
  history.add({ kind: "gap", at: "", text: gapText(gap), gap });
  history.add(event(2));
  history.filter("needle");
  assert.deepEqual(history.shown.map((row) => row.kind), ["event", "gap"]);
  history.add(event(4, { needle: 1 }));
  history.add(event(6));
  assert.deepEqual(history.shown.map((row) => row.n), [0, 1, 3]);
  history.filter("");
  assert.equal(history.shown.length, 5);
});

test("a filter forgets with the rows", () => {
  const history = new History();
  history.filter("odd");
  for (let n = 0; n < ROWS_MAX * 2; n += 1) history.add(event(n));
  assert.ok(history.shown.every((row) => row.kind === "event" && row.event === "odd.one"));
  assert.ok(history.shown.length <= ROWS_MAX * 0.56 && history.shown.length >= ROWS_MAX * 0.45, String(history.shown.length));
});

test("every reason of a gap is told", () => {
  for (const reason of ["expired", "unknown_cursor", "diverged", "lagged", "data_loss"] as const) {
    assert.match(gapText({ ...gap, reason }), /^3 events may be missing here: \w/);
    assert.match(gapText({ ...gap, reason, missed: null }), /^Events may be missing/);
  }
});

test("only rows that are seen, and some beyond, are in the page", () => {
  assert.deepEqual(visibleRange(0, 280, 5000), [0, 16]);
  assert.deepEqual(visibleRange(28_000, 280, 5000), [994, 1016]);
  assert.deepEqual(visibleRange(140_000, 280, 5000), [4994, 5000]);
  assert.deepEqual(visibleRange(99_999, 280, 10), [10, 10]);
  assert.deepEqual(visibleRange(0, 280, 0), [0, 0]);
});
