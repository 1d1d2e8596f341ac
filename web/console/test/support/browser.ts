/** Chromium, and a page of the console in it. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { KEY } from "../../../../sdk/typescript/test/support/server.ts";

const executablePath = process.env["CHROMIUM_BIN"] ?? "/usr/bin/chromium";
/** Widths in pixels. */
export const DESKTOP = { width: 1280, height: 860 };
export const PHONE = { width: 390, height: 844 };

/** Runs something in a browser, which ends with it. */
export async function inBrowser(body: (browser: Browser) => Promise<void>): Promise<void> {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    await body(browser);
  } finally {
    await browser.close();
  }
}

/** A page in a session of its own; what it complains of is kept. */
export interface Opened {
  page: Page;
  complaints: string[];
}

/** Opens the console; `#/streams` and so on is what it shows. */
export async function open(browser: Browser, url: string, place = "streams", options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ viewport: DESKTOP, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // The browser itself tells of answers such as 401 and of a server that is away.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
  });
  await page.goto(`${url}/console#/${place}`);
  return { page, complaints };
}

/** Hands a credential in, which may not be a good one. */
export async function enter(page: Page, secret: string): Promise<void> {
  await page.getByLabel("API key or token").fill(secret);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Signs in, with the key of all tests unless another is given. */
export async function signIn(page: Page, secret = KEY): Promise<void> {
  await enter(page, secret);
  await page.getByRole("navigation", { name: "Pages" }).waitFor();
}

/** Answers the question before something is done. */
export async function confirm(page: Page, word: string): Promise<void> {
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill(word);
  await dialog.getByRole("button", { name: "Confirm" }).click();
  await dialog.waitFor({ state: "hidden" });
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Fails where axe finds something; returns how many of its rules passed. */
export async function assertAccessible(page: Page, what: string): Promise<number> {
  await page.evaluate(axeSource);
  const found = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as {
    violations: { id: string; help: string; nodes: { target: string[]; failureSummary: string }[] }[]; passes: unknown[];
  };
  const told = found.violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map((node) => `  ${node.target.join(" ")}: ${node.failureSummary}`).join("\n")}`);
  assert.deepEqual(told, [], what);
  return found.passes.length;
}

/** Takes pictures into the folder that CONSOLE_SCREENSHOTS names; without one, none. */
export async function picture(page: Page, name: string, fullPage = false): Promise<void> {
  const folder = process.env["CONSOLE_SCREENSHOTS"];
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage });
}

/** Looks at a page at both widths and in both themes: it fits, axe finds nothing, and there is a picture of each. */
export async function lookAtAll(page: Page, name: string): Promise<string> {
  let rules = 0;
  for (const [width, size] of [["desktop", DESKTOP], ["phone", PHONE]] as const) {
    await page.setViewportSize(size);
    for (const theme of ["light", "dark"] as const) {
      await page.getByLabel("Theme").selectOption(theme);
      await page.evaluate("scrollTo(0, 0)");
      await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
      const isWider = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth");
      assert.equal(isWider, false, `${name} at ${width}: it is wider than the screen`);
      rules += await assertAccessible(page, `${name}, ${width}, ${theme}`);
      await picture(page, `${name}-${width}-${theme}`);
    }
  }
  await page.setViewportSize(DESKTOP);
  return `${name}: 2 widths, 2 themes, ${rules} rules passed, 0 violations`;
}
