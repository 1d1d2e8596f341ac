/** A rehearsal on a whole stack: watched, approved of with a key, and sent back from the page. */

import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { root, run, serverProgram, start } from "../../../sdk/typescript/test/support/program.ts";
import { folder, Server } from "../../../sdk/typescript/test/support/server.ts";
import { confirm, inBrowser, lookAtAll, open, picture, signIn } from "./support/browser.ts";

const here = join(root, "web/console/test");

/** Makes a key, and the runbook whose operator it is. */
async function stage(): Promise<{ runs: string; key: string; verifier: string; runbook: string }> {
  const home = folder();
  const [runs, key, runbook] = [join(home, "runs"), join(home, "ana.key"), join(home, "watched.run.md")];
  mkdirSync(runs);
  const said = await run(serverProgram(), ["keys", "new", "--sign", "example.com/ana", "--role", "operator", "--out", key]);
  const [verifier = ""] = /example\.com\/ana\+[0-9a-f]{8}\+\S+/.exec(said) ?? [];
  writeFileSync(runbook, readFileSync(join(here, "watched.run.md"), "utf8").replace("<key>", verifier));
  return { runs, key, verifier, runbook };
}

const decide = (page: Page) => page.getByRole("region", { name: "Decide" });

test("a rehearsal is watched, approved of and sent back from the page", { timeout: 240_000 }, () => inBrowser(async (browser) => {
  const { runs, key, verifier, runbook } = await stage();
  const server = await new Server({ TIDEGATE_RUNS_DIR: runs }).start();
  const words = ["rehearse", runbook, "--script", join(here, "watched.rehearsal.toml"), "--dir", join(runs, "watched"), "--attended", "--drain", "2"];
  const rehearsal = start(serverProgram(), words, {}, root);
  const { page, complaints } = await open(browser, server.url, "cutover");
  page.setDefaultTimeout(90_000);
  try {
    await signIn(page);
    await page.getByRole("link", { name: "watched" }).click();
    // Without the key the server says that it does not count; a file that is none is told.
    await decide(page).getByRole("button", { name: "APPROVE" }).waitFor();
    await decide(page).getByLabel("Person").selectOption("Ana Ruiz");
    await decide(page).getByRole("button", { name: "APPROVE" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox").fill("APPROVE");
    await dialog.getByRole("button", { name: "Confirm" }).click();
    await dialog.getByRole("alert").filter({ hasText: "It does not count" }).waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await decide(page).getByLabel("Private key").setInputFiles({ name: "no.key", mimeType: "text/plain", buffer: Buffer.from("nonsense") });
    await decide(page).getByRole("alert").filter({ hasText: "is no private key" }).waitFor();
    await decide(page).getByLabel("Private key").setInputFiles(key);
    await decide(page).getByText("signs as example.com/ana+").waitFor();
    const because = (reason: string) => decide(page).getByLabel("Reason").fill(reason);
    await because("The plan was read.");
    const requests: string[] = [];
    page.on("request", (request) => requests.push(`${request.url()} ${request.postData() ?? ""} ${JSON.stringify(request.headers())}`));
    await decide(page).getByRole("button", { name: "APPROVE" }).click();
    await confirm(page, "APPROVE");
    await decide(page).getByText("APPROVE was taken in.").waitFor();
    // A reason is of one decision.
    assert.equal(await decide(page).getByLabel("Reason").inputValue(), "");
    await decide(page).getByRole("button", { name: "GO" }).click();
    await confirm(page, "GO");
    await page.getByRole("row").filter({ hasText: "S2" }).getByText("under way").waitFor();
    await page.getByRole("heading", { name: /^errors/ }).waitFor();
    await page.getByText(/The canary has (19|2\d)/).waitFor();
    // Some looks of the guards, so that there is something to draw.
    await page.locator(".guard canvas").first().waitFor();
    console.log(await lookAtAll(page, "run"));
    await page.getByLabel("Theme").selectOption("light");
    const phase = (name: string) => page.locator("header .badge").filter({ hasText: new RegExp(`^\\W+${name}$`) }).waitFor();
    await decide(page).getByRole("button", { name: "HOLD" }).click();
    await confirm(page, "HOLD");
    await phase("hold");
    await decide(page).getByRole("button", { name: "GO" }).click();
    await confirm(page, "GO");
    await phase("go");
    await because("It was seen enough.");
    await decide(page).getByRole("button", { name: "ROLLBACK" }).click();
    await confirm(page, "ROLLBACK");
    await page.getByText("rolled-back").first().waitFor();
    await page.getByText("New traffic off the canary").waitFor();
    // The key went nowhere: neither its text nor its bytes.
    const secret = readFileSync(key, "utf8").trim().split("+").at(-1) ?? "";
    assert.ok(requests.length > 10 && requests.every((request) => !request.includes(secret.slice(4, 30)) && !request.includes("PRIVATE")));
    await picture(page, "run-whole", true);
    await page.getByRole("button", { name: "S1 Start the release" }).click();
    await page.getByRole("cell").filter({ hasText: "Owners" }).getByText("operator").waitFor();
    await page.getByRole("button", { name: "Show the report" }).click();
    await page.getByLabel("Report").getByText("A release that is watched").waitFor();
    const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save the report" }).click()]);
    assert.match(readFileSync(await saved.path(), "utf8"), /<html/);
    await page.getByText("certificate until").waitFor();
    await page.getByRole("link", { name: "All runs" }).click();
    await page.getByText("certificate until").waitFor();
    console.log(await lookAtAll(page, "cutover"));
    assert.deepEqual(complaints, []);
    const code = await new Promise((resolve) => (rehearsal.child.exitCode === null ? rehearsal.child.once("exit", resolve) : resolve(rehearsal.child.exitCode)));
    assert.equal(code, 0, rehearsal.said());
    console.log(rehearsal.said().split("\n").filter((line) => /PASSED|clients:/.test(line)).join("\n"));
    // Offline, with the keys that are trusted: each decision counts as signed.
    const keys = join(runs, "watched/evidence.keys");
    appendFileSync(keys, `operator ${verifier}\n`);
    const verified = await run(serverProgram(), ["evidence", "verify", join(runs, "watched/evidence"), "--keys", keys]);
    for (const said of ["APPROVE: The plan was read", "GO", "HOLD", "ROLLBACK: It was seen enough"]) {
      assert.match(verified, new RegExp(`decision ${said}.* by example\\.com/ana\\+`));
    }
  } catch (error) {
    throw new Error(`${String(error)}\n${rehearsal.said()}`, { cause: error });
  } finally {
    await rehearsal.stop("SIGINT");
    await server.stop("SIGKILL");
  }
}));
