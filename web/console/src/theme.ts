/** Dark or light: as the system has it, until somebody chooses. */

import { effect, signal } from "@preact/signals";

/** What is chosen. */
export type Theme = "auto" | "dark" | "light";

const STORED = "tidegate-console-theme";

/** The choice. */
export const theme = signal<Theme>(stored());

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
  try {
    localStorage.setItem(STORED, theme.value);
  } catch {
    // A browser that keeps nothing: the choice lasts as long as the page.
  }
});

function stored(): Theme {
  try {
    const found = localStorage.getItem(STORED);
    return found === "dark" || found === "light" ? found : "auto";
  } catch {
    return "auto";
  }
}
