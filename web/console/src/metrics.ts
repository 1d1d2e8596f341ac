/** The text format of Prometheus, and rates and quantiles between two looks at it. */

/** One value with its labels. Source: Prometheus text exposition format 0.0.4. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** A look at the metrics: every value of a name, and when it was taken, in milliseconds. */
export interface Look {
  at: number;
  byName: Map<string, Sample[]>;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** Reads metrics; a line that is none is left out. */
export function parse(text: string, at: number): Look {
  const byName = new Map<string, Sample[]>();
  for (const line of text.split("\n")) {
    const found = line.startsWith("#") ? null : LINE.exec(line);
    if (!found) continue;
    const [, name = "", list = "", given = ""] = found;
    const value = given === "+Inf" ? Infinity : given === "-Inf" ? -Infinity : Number(given);
    if (Number.isNaN(value)) continue;
    const labels: Record<string, string> = {};
    for (const [, label = "", raw = ""] of list.matchAll(LABEL)) {
      labels[label] = raw.replace(/\\(.)/g, (_, one: string) => (one === "n" ? "\n" : one));
    }
    const known = byName.get(name);
    if (known) known.push({ name, labels, value });
    else byName.set(name, [{ name, labels, value }]);
  }
  return { at, byName };
}

/** The sum of a name's values, of those whose labels have these values. */
export function sum(look: Look, name: string, labels: Record<string, string> = {}): number {
  let total = 0;
  for (const sample of look.byName.get(name) ?? []) {
    if (Object.entries(labels).every(([label, value]) => sample.labels[label] === value)) total += sample.value;
  }
  return total;
}

/** How fast a counter grew between two looks, in a second; undefined where it began anew. */
export function rate(before: Look | undefined, now: Look, name: string, labels: Record<string, string> = {}): number | undefined {
  if (!before || now.at <= before.at) return undefined;
  const grown = sum(now, name, labels) - sum(before, name, labels);
  return grown < 0 ? undefined : (grown * 1000) / (now.at - before.at);
}

/**
 * A quantile of a histogram between two looks, in its own unit: within the bucket where it lies it is
 * taken as spread evenly, as Prometheus' `histogram_quantile` does. Undefined where nothing came.
 */
export function quantile(before: Look | undefined, now: Look, name: string, share: number): number | undefined {
  if (!before) return undefined;
  const counts = grownBuckets(before, now, `${name}_bucket`);
  const whole = counts.at(-1)?.[1] ?? 0;
  if (whole <= 0) return undefined;
  const wanted = whole * share;
  let [lower, below] = [0, 0];
  for (const [upper, up] of counts) {
    if (up >= wanted) {
      if (!Number.isFinite(upper)) return lower;
      return up === below ? upper : lower + ((upper - lower) * (wanted - below)) / (up - below);
    }
    [lower, below] = [upper, up];
  }
  return lower;
}

/** The cumulated growth of each bucket, by its upper end. */
function grownBuckets(before: Look, now: Look, name: string): [number, number][] {
  const at = (look: Look) => {
    const byEnd = new Map<number, number>();
    for (const { labels, value } of look.byName.get(name) ?? []) {
      const end = labels["le"] === "+Inf" ? Infinity : Number(labels["le"]);
      byEnd.set(end, (byEnd.get(end) ?? 0) + value);
    }
    return byEnd;
  };
  const [first, last] = [at(before), at(now)];
  const grown = [...last].map(([end, value]): [number, number] => [end, Math.max(0, value - (first.get(end) ?? 0))]);
  return grown.sort(([a], [b]) => a - b);
}
