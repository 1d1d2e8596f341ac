/** Builds the server that the tests start, unless one is named: `bun test` needs this tree's. */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

if (!process.env["TIDEGATE_BIN"]) {
  const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
  // As `cargo test` builds it, so that nothing is built twice.
  const cargo = Bun.spawnSync(["cargo", "build", "--workspace", "--bins"], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (cargo.exitCode !== 0) {
    console.error("the server was not built: install Rust, or name a server in TIDEGATE_BIN");
    process.exit(1);
  }
}
