/** Numbers, times and texts as people read them. */

/** A time of the day with milliseconds, as `10:04:05.250`. */
export function clock(at: number | string): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : `${date.toLocaleTimeString("en-GB")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** A date with its time to the second, in UTC. */
export function moment(at: number | string | null | undefined): string {
  if (at === null || at === undefined) return "–";
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** A length of time in milliseconds, in two units at most. */
export function length(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  const size = Math.abs(ms);
  const sign = ms < 0 ? "−" : "";
  const two = (of: number, large: string, small: string, per: number) => {
    const [whole, rest] = [Math.floor(of / per), Math.floor(of % per)];
    return `${sign}${whole} ${large}${rest ? ` ${rest} ${small}` : ""}`;
  };
  if (size < 1000) return `${sign}${Number(size.toPrecision(3))} ms`;
  if (size < 10_000) return `${sign}${(size / 1000).toFixed(1)} s`;
  const seconds = size / 1000;
  if (seconds < 60) return `${sign}${Math.floor(seconds)} s`;
  if (seconds < 3600) return two(seconds, "min", "s", 60);
  if (seconds < 86_400) return two(seconds / 60, "h", "min", 60);
  return two(seconds / 3600, "d", "h", 24);
}

/** A count with its thousands. */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : value.toLocaleString("en-GB", { maximumFractionDigits: 2 });
}

/** A number with three digits that mean something. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return Math.abs(value) >= 1000 ? count(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** A number of bytes. */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const place = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  return `${Number((value / 1024 ** place).toPrecision(3))} ${units[place]}`;
}

/** An amount in the chain's coin, of wei as a decimal text. */
export function coin(wei: string | null | undefined): string {
  if (!wei || !/^-?\d+$/.test(wei)) return "–";
  const sign = wei.startsWith("-") ? "−" : "";
  const digits = wei.replace("-", "").padStart(19, "0");
  const fraction = digits.slice(-18).replace(/0+$/, "").slice(0, 8);
  return `${sign}${digits.slice(0, -18)}${fraction ? `.${fraction}` : ""}`;
}

/** A hash or an address, cut in its midst. */
export function brief(hash: string | null | undefined): string {
  if (!hash) return "–";
  return hash.length > 14 ? `${hash.slice(0, 8)}…${hash.slice(-4)}` : hash;
}
