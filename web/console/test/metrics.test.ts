/** Metrics as text, rates and quantiles. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, quantile, rate, sum } from "../src/metrics.ts";

const text = (published: number, [fast, slow]: [number, number]) => `# HELP x Something
# TYPE x counter
events_total{backend="memory",result="stored"} ${published}
events_total{backend="redis",result="refused"} 5
odd_total{text="a\\"b\\\\c\\nd"} 1
up 1 1700000000
took_bucket{le="0.1",route="/a"} ${fast}
took_bucket{le="1.0",route="/a"} ${fast + slow}
took_bucket{le="+Inf",route="/a"} ${fast + slow}
nonsense
other NaN
`;

test("values are read with their labels", () => {
  const look = parse(text(10, [1, 1]), 0);
  assert.equal(sum(look, "events_total"), 15);
  assert.equal(sum(look, "events_total", { result: "stored" }), 10);
  assert.equal(sum(look, "up"), 1);
  assert.equal(look.byName.get("odd_total")?.[0]?.labels["text"], 'a"b\\c\nd');
  assert.equal(look.byName.has("other"), false);
});

test("a rate is of the growth between two looks, and none where a counter began anew", () => {
  const [before, now] = [parse(text(10, [0, 0]), 1000), parse(text(30, [0, 0]), 3000)];
  assert.equal(rate(before, now, "events_total", { result: "stored" }), 10);
  assert.equal(rate(now, parse(text(3, [0, 0]), 5000), "events_total"), undefined);
  assert.equal(rate(undefined, now, "events_total"), undefined);
});

test("a quantile lies within its bucket", () => {
  const before = parse(text(0, [100, 100]), 0);
  const now = parse(text(0, [190, 110]), 1000);
  assert.equal(quantile(before, now, "took", 0.45)?.toFixed(3), "0.050");
  assert.equal(quantile(before, now, "took", 0.95)?.toFixed(3), "0.550");
  assert.equal(quantile(now, now, "took", 0.5), undefined);
});
