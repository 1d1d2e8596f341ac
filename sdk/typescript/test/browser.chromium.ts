/** Chromium: the same faults, and the React page of the examples. Runs in Node. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { chromium, type Page } from "playwright-core";
import { publishOrgEvent } from "../src/index.ts";
import type { Account } from "./support/reader.ts";
import { throughFaults } from "./support/ledger.ts";
import { against } from "./support/fake.ts";
import { root, until } from "./support/program.ts";
import { KEY, Server, token } from "./support/server.ts";

const executablePath = process.env["CHROMIUM_BIN"] ?? "/usr/bin/chromium";

/** Serves the bundles, and a page in which something runs. */
async function inBrowser<T>(module: string, body: (page: Page, origin: string) => Promise<T>): Promise<T> {
  const files = http.createServer((request, response) => {
    const name = new URL(request.url ?? "/", "http://page").pathname;
    const isPage = name === "/";
    if (!isPage && !/^\/\w+\.js$/.test(name)) return void response.writeHead(404).end();
    response.setHeader("content-type", isPage ? "text/html" : "text/javascript");
    response.end(isPage ? `<!doctype html><body><script type="module">${module}</script>`
      : readFileSync(join(root, "sdk/typescript/build/browser", name)));
  });
  await new Promise<void>((resolve) => files.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.error(error));
    return await body(page, origin);
  } finally {
    await browser.close();
    files.close();
  }
}

test("Chromium comes through every fault on both transports", { timeout: 120_000 }, () =>
  inBrowser('import { readBoth } from "/reader.js"; window.readBoth = readBoth', async (page, origin) => {
    await page.goto(origin);
    const said = await throughFaults(async (url) => {
      await page.waitForFunction("window.readBoth");
      await page.evaluate(`window.account = readBoth(${JSON.stringify(url)}, ${JSON.stringify(KEY)})`);
      const account = () => page.evaluate("({ ...account, stop: undefined })") as Promise<Account>;
      await until("the beginning", async () => (await account()).isReading);
      return {
        ids: async () => {
          const { ids, errors } = await account();
          assert.deepEqual(errors, []);
          return ids;
        },
        gaps: async () => (await account()).gaps,
        stop: async () => void (await page.evaluate("account.stop()")),
      };
    }, 2, { TIDEGATE_CORS_ORIGINS: origin });
    console.log(`Chromium: ${said}`);
  }));

test("the React page shows what is published once, though strict mode mounts it twice", { timeout: 60_000 }, () =>
  inBrowser('import "/page.js"', async (page, origin) => {
    const server = await new Server({ TIDEGATE_CORS_ORIGINS: origin }).start();
    try {
      const at = `${origin}/?url=${encodeURIComponent(server.url)}&key=${KEY}`;
      await page.goto(at);
      await page.waitForFunction("document.querySelector('#status')?.textContent === 'open'");
      for (const number of [1, 2]) await publishOrgEvent("page.shown", { number }, { url: server.url, apiKey: KEY });
      await page.waitForFunction("document.querySelectorAll('li').length === 2");
      assert.deepEqual(await page.locator("li").allTextContents(), ["page.shown 1", "page.shown 2"]);
      await server.stop();
      await page.waitForFunction("document.querySelector('#status').textContent === 'waiting'");
    } finally {
      await server.stop("SIGKILL");
    }
  }));

test("Chromium does not follow a redirect with a key", { timeout: 60_000 }, () =>
  inBrowser('import { readBoth } from "/reader.js"; window.readBoth = readBoth', async (page, origin) => {
    const allowed = { "access-control-allow-origin": origin, "access-control-allow-headers": "x-api-key" };
    await against((_, request, response) => {
      if (request.method === "OPTIONS") response.writeHead(204, allowed).end();
      else response.writeHead(301, { ...allowed, location: "/elsewhere" }).end();
    }, async ({ url, requests }) => {
      await page.goto(origin);
      await page.waitForFunction("window.readBoth");
      await page.evaluate(`window.account = readBoth(${JSON.stringify(url)}, ${JSON.stringify(KEY)})`);
      const [error] = await until("the refusal", async () => {
        const errors = (await page.evaluate("account.errors")) as string[];
        return errors.length > 0 ? errors : undefined;
      });
      assert.match(error ?? "", /redirect/);
      assert.ok(requests.every((request) => request.url?.startsWith("/api/")), requests.map((request) => request.url).join());
      await page.evaluate("account.stop()");
    });
  }));

test("a worker of a browser reads on both transports, and publishes", { timeout: 60_000 }, () =>
  inBrowser('window.worker = new Worker("/worker.js", { type: "module" }); worker.onmessage = ({ data }) => (window.said = data)', async (page, origin) => {
    const server = await new Server({ TIDEGATE_CORS_ORIGINS: origin }).start();
    try {
      await page.goto(origin);
      const settings = { url: server.url, apiKey: KEY, token: token(60) };
      await page.waitForFunction("window.worker");
      await page.evaluate(`worker.postMessage(${JSON.stringify(settings)})`);
      const said = await until("the worker", async () => {
        const now = (await page.evaluate("window.said")) as Account | undefined;
        return now && (now.ids.length >= 4 || now.errors.length > 0) ? now : undefined;
      });
      assert.deepEqual(said.errors, []);
      assert.deepEqual(said.ids.map((id) => id.slice(0, 2)).sort(), ["0:", "0:", "1:", "1:"]);
    } finally {
      await server.stop("SIGKILL");
    }
  }));
