/**
 * How the page keeps up with 1,000 events a second: frames that took longer than 50 ms, long tasks, and
 * the heap after collections over the whole time.
 *
 * `bun run --cwd web/console speed [SECONDS] [EVENTS_PER_SECOND]`
 */

import { chromium } from "playwright-core";
import { publishOrgEvents } from "../../../sdk/typescript/src/index.ts";
import { KEY, Server } from "../../../sdk/typescript/test/support/server.ts";

const [seconds, perSecond] = [Number(process.argv[2] ?? 60), Number(process.argv[3] ?? 1000)];
/** Events in one request, and so the time between two. */
const BATCH = 20;
/** Looks at the heap. */
const LOOKS = 10;

const server = await new Server().start();
const browser = await chromium.launch({ executablePath: process.env["CHROMIUM_BIN"] ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  const tools = await page.context().newCDPSession(page);
  await page.goto(`${server.url}/console#/streams`);
  await page.getByLabel("API key or token").fill(KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("live").waitFor();
  await page.evaluate(`
    window.frames_ = []; window.tasks = [];
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => tasks.push(entry.duration))).observe({ entryTypes: ["longtask"] });
    let before = performance.now();
    const step = (now) => { frames_.push(now - before); before = now; requestAnimationFrame(step); };
    requestAnimationFrame(step);`);
  const heap = async () => {
    await tools.send("HeapProfiler.collectGarbage");
    return ((await page.evaluate("performance.memory.usedJSHeapSize")) as number) / 1e6;
  };
  const heaps: number[] = [];
  const begun = performance.now();
  let sent = 0;
  while (performance.now() - begun < seconds * 1000) {
    const due = Math.floor(((performance.now() - begun) / 1000) * perSecond);
    while (sent + BATCH <= due) {
      await publishOrgEvents(Array.from({ length: BATCH }, (_, n) => ({ event: "speed.measured", payload: { number: sent + n, text: "x".repeat(200) } })), { url: server.url, apiKey: KEY });
      sent += BATCH;
    }
    if (performance.now() - begun > ((heaps.length + 1) * seconds * 1000) / LOOKS) heaps.push(await heap());
    await Bun.sleep(5);
  }
  const took = (performance.now() - begun) / 1000;
  const came = () => page.getByRole("group", { name: "What is shown" }).innerText();
  for (let tries = 0; !(await came()).includes(`${sent.toLocaleString("en-GB")} events`) && tries < 200; tries += 1) await Bun.sleep(50);
  const frames = ((await page.evaluate("frames_")) as number[]).sort((a, b) => a - b);
  const tasks = (await page.evaluate("tasks")) as number[];
  const at = (share: number) => frames[Math.floor((frames.length - 1) * share)]?.toFixed(1);
  console.log(`${sent} events in ${took.toFixed(1)} s (${Math.round(sent / took)} a second); the page: ${/[\d,]+ events/.exec(await came())?.[0]}`);
  console.log(`frames: ${frames.length}, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms; over 50 ms: ${frames.filter((ms) => ms > 50).length}`);
  console.log(`tasks over 50 ms: ${tasks.length}${tasks.length ? `, longest ${Math.max(...tasks).toFixed(0)} ms` : ""}`);
  console.log(`heap after collections, MB: ${heaps.map((mb) => mb.toFixed(1)).join(" ")}`);
} finally {
  await browser.close();
  await server.stop("SIGKILL");
}
