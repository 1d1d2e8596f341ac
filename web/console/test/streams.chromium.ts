/** The page of streams in Chromium: what comes, what does not, and that nothing is lost. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { publishOrgEvent, publishOrgEvents } from "../../../sdk/typescript/src/index.ts";
import { KEY, Server, token } from "../../../sdk/typescript/test/support/server.ts";
import { until } from "../../../sdk/typescript/test/support/program.ts";
import type { Page } from "playwright-core";
import { enter, inBrowser, lookAtAll, open, signIn } from "./support/browser.ts";

const rows = (page: Page) => page.getByRole("table", { name: "Events" });
const row = (page: Page, text: string) => rows(page).getByRole("row").filter({ hasText: text });
/** How many events the page says that came. */
const came = async (page: Page) => Number(/([\d,]+) events/.exec(await page.getByRole("group", { name: "What is shown" }).innerText())?.[1]?.replace(",", ""));

test("events come live, are filtered, and are shown as text", { timeout: 90_000 }, () => inBrowser(async (browser) => {
  const server = await new Server({ TIDEGATE_PAYLOAD_BYTES_MAX: "2000000" }).start();
  const own = { url: server.url, apiKey: KEY };
  const { page, complaints } = await open(browser, server.url);
  try {
    await signIn(page);
    await page.getByText("live").waitFor();
    await publishOrgEvent("action.created", { number: 1, markup: "<img src=x onerror=alert(1)><script>alert(2)</script>" }, own);
    await publishOrgEvent("action.ended", { number: 2, text: "x".repeat(1_000_000) }, own);
    await row(page, "action.ended").waitFor();
    // Shown as what it is: no element comes of it, and nothing runs.
    assert.equal(await page.locator("main img, main script").count(), 0);
    await row(page, "action.created").click();
    await page.getByText("<script>alert(2)</script>", { exact: false }).last().waitFor();
    // By keyboard; a payload of a million characters is cut until somebody asks for it.
    await row(page, "action.ended").focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: /Show all 1,000,/ }).click();
    assert.ok(((await page.getByLabel("Payload", { exact: true }).first().innerText()).length) > 1_000_000);
    await page.getByLabel("Filter").fill("CREATED");
    await row(page, "action.ended").waitFor({ state: "detached" });
    await row(page, "action.created").waitFor();
    await page.getByLabel("Filter").fill("");
    await page.getByLabel("Payload", { exact: true }).last().fill("{ nonsense");
    await page.getByRole("button", { name: "Publish" }).click();
    await page.getByText("The payload is no JSON").waitFor();
    await page.getByLabel("Payload", { exact: true }).last().fill('{ "from": "the page" }');
    await page.getByRole("button", { name: "Publish" }).click();
    await page.getByText("Acknowledged as evt_").waitFor();
    await row(page, "the page").waitFor();
    await page.getByLabel("Filter").fill("e");
    await page.getByLabel("Filter").fill("");
    await row(page, "action.created").click();
    console.log(await lookAtAll(page, "streams"));
    assert.deepEqual(complaints, []);
  } finally {
    await server.stop("SIGKILL");
  }
}));

test("a pause and a restart of the server lose nothing, and a cursor goes on where it stood", { timeout: 90_000 }, () => inBrowser(async (browser) => {
  let server = await new Server().start();
  const port = new URL(server.url).port;
  const { page } = await open(browser, server.url);
  try {
    await signIn(page);
    await page.getByText("live").waitFor();
    const publish = (from: number, many: number) =>
      publishOrgEvents(Array.from({ length: many }, (_, n) => ({ event: "counted.up", payload: { number: from + n } })), { url: server.url, apiKey: KEY });
    await publish(0, 5);
    await until("five events", async () => (await came(page)) === 5);
    const cursor = await page.locator("p:has-text('Cursor:') code").innerText();
    await page.getByRole("button", { name: "Pause" }).click();
    await publish(5, 300);
    await page.getByRole("button", { name: "Resume" }).click();
    await until("all of them", async () => (await came(page)) === 305);
    // Another page is looked at meanwhile: what came is still there.
    await page.getByRole("link", { name: "Health" }).click();
    await page.getByRole("heading", { name: "Server" }).waitFor();
    await page.getByRole("link", { name: "Streams" }).click();
    assert.equal(await came(page), 305);
    const state = server.state;
    await server.stop();
    await row(page, "The connection is lost").first().waitFor();
    server = new Server({ VIZ_API_BIND: `127.0.0.1:${port}`, REALTIME_STATE_DIR: state });
    await server.start();
    await publish(305, 5);
    await until("those after the restart", async () => (await came(page)) === 310, 40_000);
    assert.equal(await row(page, "may be missing").count(), 0);
    // From a cursor: all that came after it, once.
    await page.getByLabel("Begin").selectOption("cursor");
    await page.getByLabel("Cursor").fill(cursor);
    await page.getByRole("button", { name: "Read" }).click();
    await until("what came after the cursor", async () => (await came(page)) === 305);
    // From the beginning of the window.
    await page.getByLabel("Begin").selectOption("window");
    await page.getByRole("button", { name: "Read" }).click();
    await until("the window", async () => (await came(page)) === 310);
    await page.getByText("live").waitFor();
    // A cursor that nobody knows: the gap stands where it was.
    await page.getByLabel("Begin").selectOption("cursor");
    await page.getByLabel("Cursor").fill("nonsense");
    await page.getByRole("button", { name: "Read" }).click();
    // It stands before what is replayed; a filter hides no gap.
    await page.getByLabel("Filter").fill("no event has this");
    await row(page, "the server does not know the cursor").waitFor();
  } finally {
    await server.stop("SIGKILL");
  }
}));

test("who may not read is told, and a token that ended asks to sign in again", { timeout: 90_000 }, () => inBrowser(async (browser) => {
  const server = await new Server({ TIDEGATE_KEYS: `org_sdk=${KEY}:publish+subscribe+admin,org_sdk=reader-key-0123:subscribe` }).start();
  try {
    const wrong = await open(browser, server.url);
    await enter(wrong.page, "not-a-key-of-this-server");
    await wrong.page.getByRole("alert").filter({ hasText: "does not take this credential" }).waitFor();
    const reader = await open(browser, server.url, "cutover");
    await signIn(reader.page, "reader-key-0123");
    await reader.page.getByRole("alert").filter({ hasText: "`admin`" }).waitFor();
    await reader.page.goto(`${server.url}/console#/streams`);
    await reader.page.getByRole("button", { name: "Publish" }).click();
    await reader.page.getByRole("alert").filter({ hasText: "`publish`" }).waitFor();
    // This browser's clock is a day ahead: what counts is the server's.
    const skewed = await open(browser, server.url, "health");
    await skewed.page.addInitScript("const real = Date.now; Date.now = () => real() + 86400000");
    await skewed.page.reload();
    await signIn(skewed.page);
    await skewed.page.getByText("apart from this browser's").waitFor();
    const short = await open(browser, server.url);
    await enter(short.page, token(3));
    await short.page.getByText("the token ends in").waitFor();
    await short.page.getByRole("alert").filter({ hasText: "does not take this credential" }).waitFor();
    await short.page.getByRole("button", { name: "Sign in" }).waitFor();
    // Kept for the tab where that was asked for, and only there.
    const kept = await open(browser, server.url);
    await kept.page.getByLabel("Keep it until").check();
    await signIn(kept.page);
    await kept.page.reload();
    await kept.page.getByText("live").waitFor();
    await kept.page.getByRole("button", { name: "Sign out" }).click();
    await kept.page.reload();
    await kept.page.getByLabel("API key or token").waitFor();
    console.log(await lookAtAll(kept.page, "signin"));
  } finally {
    await server.stop("SIGKILL");
  }
}));
