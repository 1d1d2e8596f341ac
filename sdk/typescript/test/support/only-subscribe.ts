/** What a page bundles that only reads. */
export { subscribe } from "../../src/index.ts";
