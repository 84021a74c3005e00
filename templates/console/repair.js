// Repairs: values to set or a JSON Patch, tried on the consumer and shown before anything is stored.

import { post } from "./api.js";
import { field, fill, form, h, note, table } from "./dom.js";
import { verdict } from "./verdict.js";

/** A patch from lines as in `items.0.sku=GADGET-01`, or from the JSON of a patch itself. */
export function patchOf(text) {
  if (text.trim().startsWith("[")) return JSON.parse(text);
  return text.split("\n").filter((line) => line.trim()).map((line) => {
    const place = line.indexOf("=");
    if (place < 1) throw new Error(`${line}: must be path=value, as in items.0.sku=GADGET-01`);
    const [path, value] = [line.slice(0, place).trim(), line.slice(place + 1).trim()];
    const pointer = path.startsWith("/") ? path : path.split(".").map((name) => `/${name}`).join("");
    return { op: "replace", path: pointer, value: json(value) };
  });
}

/** What reads as JSON is that; anything else is a text. */
function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `letters`: as the API takes a choice. */
export function repairForm(letters) {
  const preview = h("div", { class: "preview" });
  const ask = async (given, dry_run) => post("dead-letters/repairs", { letters, patch: patchOf(given.changes), reason: given.reason, dry_run });
  return h("div", {}, form([
    field("Changes: a line each, as in items.0.sku=GADGET-01, or a JSON Patch", { name: "changes", rows: 3, required: true, spellcheck: false }),
    field("Why (no personal data: the audit log is never erased)", { name: "reason", required: true, maxLength: 255 }),
  ], "Show what would change", async (given) => {
    const found = await ask(given, true);
    const then = Object.entries(found.if_replayed_then).map(([words, count]) => `${count} ${words}`).join(", ");
    fill(preview,
      h("p", { id: "repair-preview" }, `${found.changed} would change${then ? ` (${then})` : ""}, ${found.unchanged} stay, ${found.refused.length} cannot be repaired so.`),
      found.refused.length ? h("p", { class: "fault" }, found.refused[0].detail) : null,
      table(["Letter", "Changes", "Then"], found.first.map((one) => [
        one.id.slice(-12),
        h("span", {}, one.changes.map((change) => h("code", { class: "line" }, `${change.op} ${change.path}${"value" in change ? ` = ${JSON.stringify(change.value)}` : ""}`))),
        verdict(one.if_replayed_then),
      ]), "Nothing would change."),
      found.changed ? h("button", { type: "button", onclick: async (event) => {
        event.target.disabled = true;
        try {
          const done = await ask(given, false);
          note(`${done.edited} repaired, ${done.refused.length} refused. Replay them now.`, done.refused.length ? "warn" : "good");
          fill(preview);
          dispatchEvent(new Event("console:changed"));
        } catch (problem) {
          note(problem.message, "bad");
        }
      } }, `Store ${found.changed === 1 ? "it" : `all ${found.changed}`}`) : null);
  }), preview);
}
