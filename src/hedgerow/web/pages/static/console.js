// The console's scripts. Every page does its work without them, but for showing media (reveal.js).

import { listenForKeys } from "./keys.js";
import { preparePalette } from "./palette.js";
import { keepDrafts } from "./drafts.js";

listenForKeys(preparePalette());
keepDrafts();

// Scripts of single parts are loaded by the pages that have them.
const parts = { "[data-reveal]": "./reveal.js", "[data-claim]": "./claim.js", "[data-undo]": "./undo.js", "[data-live]": "./live.js", "[data-verify]": "./verify.js" };
for (const [selector, module] of Object.entries(parts)) {
  if (document.querySelector(selector)) import(module);
}
