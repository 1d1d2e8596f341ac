/** Faults, in the runtime that runs this file: nothing is lost, nothing comes twice. */

import { test } from "node:test";
import { until } from "./support/program.ts";
import { readBoth } from "./support/reader.ts";
import { throughFaults } from "./support/ledger.ts";
import { KEY } from "./support/server.ts";

test("both transports come through restart, cutover, crash, rollback, no network and another replica", { timeout: 120_000 }, async () => {
  const said = await throughFaults(async (url) => {
    const account = readBoth(url, KEY);
    await until("the beginning", () => account.isReading || account.errors.length > 0);
    const checked = () => {
      if (account.errors.length > 0) throw new Error(account.errors.join("; "));
      return account.ids;
    };
    return { ids: checked, gaps: () => account.gaps, stop: async () => account.stop() };
  }, 2);
  console.log(said);
});
