// What would happen if a letter were replayed now, in words.

import { badge, h } from "./dom.js";

const VERDICTS = { apply: ["would be applied", "good"], skip: ["would be skipped", "idle"], fail: ["would fail again", "bad"], unknown: ["unknown", "warn"] };

/** `one`: as the API answers it. */
export function verdict(one) {
  const [words, tone] = VERDICTS[one.verdict] ?? [one.verdict, "idle"];
  const parts = [
    one.calls && `calls ${one.calls}`,
    one.writes?.length && `writes ${one.writes.join(", ")}`,
    one.publishes?.length && `publishes ${one.publishes.join(", ")}`,
    one.why, one.error,
  ].filter(Boolean);
  return h("span", {}, badge(words, tone), parts.length ? ` ${parts.join("; ")}` : "");
}
