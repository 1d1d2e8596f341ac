/** The pages of health, chat and chains in Chromium. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { publishOrgEvent } from "../../../sdk/typescript/src/index.ts";
import { KEY, redis, Server } from "../../../sdk/typescript/test/support/server.ts";
import { confirm, inBrowser, lookAtAll, open, signIn } from "./support/browser.ts";

test("a live switch is watched and undone from the page, and a server that goes away is told", { timeout: 90_000 }, () => inBrowser(async (browser) => {
  const store = await redis();
  const server = await new Server({ REDIS_URL: store.url }).start();
  const { page, complaints } = await open(browser, server.url, "health");
  try {
    await signIn(page);
    await publishOrgEvent("before.switch", { number: 1 }, { url: server.url, apiKey: KEY });
    const current = (state: string) => page.locator(".states [aria-current]").filter({ hasText: state }).waitFor();
    await current("idle");
    await page.getByRole("button", { name: "Switch to redis" }).click();
    // Nothing is done before the word was typed.
    assert.ok(await page.getByRole("button", { name: "Confirm" }).isDisabled());
    await page.keyboard.press("Escape");
    await current("idle");
    await page.getByRole("button", { name: "Switch to redis" }).click();
    await confirm(page, "redis");
    await current("switched");
    await page.getByText("redis; after a restart memory").waitFor();
    console.log(await lookAtAll(page, "health"));
    await page.getByRole("button", { name: "Undo" }).click();
    await confirm(page, "undo");
    await current("idle");
    await page.getByText("memory; after a restart memory").waitFor();
    assert.deepEqual(complaints, []);
    await server.stop("SIGKILL");
    await page.getByRole("alert").filter({ hasText: "The server does not answer." }).first().waitFor();
  } finally {
    await server.stop("SIGKILL");
    await store.stop();
  }
}));

test("a thread is made, read and written in", { timeout: 60_000 }, () => inBrowser(async (browser) => {
  const server = await new Server().start();
  const { page, complaints } = await open(browser, server.url, "chat");
  try {
    await signIn(page);
    await page.getByRole("button", { name: "New public thread" }).click();
    const said = page.getByRole("list", { name: "Messages" });
    for (const text of ["The canary has a fifth.", "<b>Is it well?</b>"]) {
      await page.getByRole("textbox", { name: "Message" }).fill(text);
      await page.getByRole("button", { name: "Send" }).click();
      await said.getByText(text).waitFor();
    }
    assert.equal(await said.locator("b").count(), 0);
    await page.getByRole("button", { name: "Find" }).click();
    await page.getByRole("button", { name: /2 messages/ }).waitFor();
    console.log(await lookAtAll(page, "chat"));
    assert.deepEqual(complaints, []);
  } finally {
    await server.stop("SIGKILL");
  }
}));

/** As `/opps` answers where pools are in the registry (docs/opportunities.md). */
const opportunities = {
  opportunities: [{
    seq_id: 51, chain_key: "demo", computed_unix_ms: 1767225600002, id: `0x${"66".repeat(32)}`, cause_chain_seq: 48, status: "confirmed", value_wei: "12000000000000000",
    opportunity: { version: 1, kind: "arbitrage", path: [{}, {}], assumptions: [{ kind: "first_in_block" }, { kind: "without_gas" }, { kind: "plain_transfers" }] },
  }],
  next: 51, has_more: false,
};

test("a chain's transactions, opportunities and reorganisations are shown", { timeout: 60_000 }, () => inBrowser(async (browser) => {
  const server = await new Server({ VIZ_API_INGEST_MODE: "replay", VIZ_API_REPLAY_SPEED: "max" }).start();
  const { page, complaints } = await open(browser, server.url, "chain");
  try {
    await page.route("**/opps?**", (route) => route.fulfill({ json: opportunities }));
    await signIn(page);
    const table = page.getByRole("table", { name: "Transactions" });
    await table.getByRole("row").nth(5).waitFor();
    await table.getByRole("row").nth(2).click();
    await page.getByText("What it asks for").waitFor();
    // The recorded feed has no node whose state could be asked: that is said.
    await page.getByRole("button", { name: "Simulate" }).first().click();
    await page.getByRole("alert").first().waitFor();
    await page.getByLabel("Status").first().selectOption("reorged");
    await page.getByRole("list", { name: "Blocks taken back" }).getByText("block.reverted").first().waitFor();
    const found = page.getByRole("table", { name: "Opportunities" }).getByRole("row").filter({ hasText: "0.012" });
    await found.click();
    await page.getByRole("listitem").filter({ hasText: "first in block" }).waitFor();
    await page.getByLabel("Status").first().selectOption("");
    console.log(await lookAtAll(page, "chain"));
    assert.deepEqual(complaints, []);
  } finally {
    await server.stop("SIGKILL");
  }
}));
