// Dead letters: searched, listed, and one of them with everything that is known of it.

import { get, post } from "./api.js";
import { card, facts, field, fill, form, h, note, short, state, table, when } from "./dom.js";
import { repairForm } from "./repair.js";
import { replayForm } from "./replays.js";
import { verdict } from "./verdict.js";

export const LETTER_HEADS = ["Letter", "Last failed", "Consumer", "Why", "Order", "Times", "State", "Error"];

export function letterRows(letters) {
  return letters.map((letter) => [
    h("a", { href: `#/letters/${letter.id}` }, short(letter.id)),
    when(letter.last_failed_at), h("code", {}, letter.queue || "unknown"), letter.reason, short(letter.order_id),
    h("span", { class: "number" }, `${letter.failures}`), state(letter.state), h("span", { class: "error" }, letter.error),
  ]);
}

const FILTERS = [
  ["Consumer", "queue"], ["Why", "reason"], ["Type", "kind"], ["Order", "order_id"], ["Customer", "customer_id"],
  ["Product", "sku"], ["In the error", "text"], ["Cause", "group_id"], ["Since", "since"], ["Until", "until"],
];
const STATES = ["", "unresolved", "replaying", "resolved", "discarded", "parked"];

export async function letters(page, query) {
  const { dead_letters: found, next_cursor: next } = await get("dead-letters", { limit: 50, ...query });
  const search = form([
    h("div", { class: "fields" },
      field("State", { name: "state", value: query.state ?? "", options: STATES.map((one) => [one, one || "any"]) }),
      FILTERS.map(([label, name]) => field(label, { name, value: query[name] ?? "" }))),
  ], "Search", async (given) => {
    const parts = Object.entries(given).filter(([, value]) => value);
    location.hash = `#/letters${parts.length ? `?${new URLSearchParams(parts)}` : ""}`;
  });
  fill(page,
    h("h1", {}, "Dead letters"),
    countLinks(),
    card(null, h("details", { open: Object.keys(query).length > 0 }, h("summary", {}, "Search"), search)),
    card(null, table(LETTER_HEADS, letterRows(found), "No dead letter matches."),
      next ? h("p", {}, h("a", { href: `#/letters?${new URLSearchParams({ ...query, cursor: next })}` }, "Older ones")) : null),
  );
}

// Each way to count, and the filter that shows the letters of one.
const COUNTED = { kind: ["type", "kind"], queue: ["consumer", "queue"], reason: ["reason", "reason"], customer: ["customer", "customer_id"], order: ["order", "order_id"], sku: ["product", "sku"] };

export async function counts(page, query, by) {
  const { counts: found } = await get("dead-letters/counts", { by, limit: 200, ...query });
  const [name, filter] = COUNTED[by] ?? [by, by];
  fill(page,
    h("h1", {}, `Letters that wait, by ${name}`),
    countLinks(),
    card(null, table([name[0].toUpperCase() + name.slice(1), "Letters", "Causes", "First failed", "Last failed"], found.map((one) => [
      h("a", { href: `#/letters?${new URLSearchParams({ state: "unresolved", [filter]: one.key })}` }, one.key || "unknown"),
      h("span", { class: "number" }, `${one.letters}`), h("span", { class: "number" }, `${one.groups}`),
      when(one.first_failed_at), when(one.last_failed_at),
    ]), "None.")),
  );
}

function countLinks() {
  return h("p", { class: "soft" }, "Count by ", Object.entries(COUNTED).flatMap(([by, [name]], place) =>
    [place ? ", " : "", h("a", { href: `#/counts/${by}` }, name)]));
}

function failures(letter) {
  return letter.failures_one_by_one.map((death) => h("li", {},
    when(death.at), ` ${death.reason}${death.replays ? `, after replay ${death.replays}` : ""}`,
    h("ol", {}, death.attempts.map((attempt) => h("li", {}, `${attempt.attempt ?? "–"}: ${attempt.error ?? "?"}`)))));
}

function body(letter) {
  if (letter.payload !== undefined) return JSON.stringify(letter.payload, null, 2);
  return letter.payload_text ?? letter.payload_hex ?? `${letter.payload_bytes} bytes that are no text`;
}

const pretty = (value) => h("pre", {}, JSON.stringify(value, null, 2));

export async function letter(page, _query, id) {
  show(page, id, await get(`dead-letters/${id}`), false);
}

function show(page, id, letter, revealed) {
  const waits = letter.state === "unresolved";
  const choice = { ids: [id] };
  fill(page,
    h("p", { class: "crumbs" }, h("a", { href: "#/letters" }, "Dead letters"), " / ", short(id)),
    h("h1", {}, letter.error),
    h("p", { class: "verdict", id: "verdict" }, h("strong", {}, "Replayed now it "), verdict(letter.if_replayed_now)),
    card(null, facts([
      ["State", h("span", {}, state(letter.state), letter.state_reason ? ` ${letter.state_reason}` : "")],
      ["Failed in", h("code", {}, letter.queue || "unknown")],
      ["Why", letter.reason],
      ["Failures", h("span", {}, `${letter.failures}, first `, when(letter.first_failed_at), ", last ", when(letter.last_failed_at))],
      ["Replays", `${letter.replays}`],
      ["Type", letter.kind],
      ["Message", h("code", {}, letter.message_id)],
      ["Order", letter.order_id && h("a", { href: `#/letters?order_id=${letter.order_id}` }, letter.order_id)],
      ["Customer", letter.customer_id && h("a", { href: `#/letters?customer_id=${encodeURIComponent(letter.customer_id)}` }, letter.customer_id)],
      ["Products", letter.skus?.join(", ")],
      ["Came by", `${letter.exchange || "straight"} / ${letter.routing_key || "–"}`],
      ["A replay goes to", letter.replay_to && `${letter.replay_to.exchange || "straight"} / ${letter.replay_to.routing_key || "–"}`],
      ["Cause", letter.group && h("a", { href: `#/causes/${letter.group.id}` }, `${letter.group.unresolved} wait, ${letter.group.failures} deaths`)],
      ["Died", letter.died_together > 1 ? `with ${letter.died_together - 1} of its cause in that minute` : "alone"],
    ])),
    waits || letter.state === "discarded" ? h("div", { class: "columns" },
      waits ? card("Replay", replayForm(choice, 1)) : null,
      card(waits ? "Give it up" : "Take it back", form(
        [field("Why", { name: "reason", required: true, maxLength: 255 })], waits ? "Discard" : "Restore",
        async ({ reason }) => {
          const { dead_letters: [outcome] } = await post(`dead-letters/${waits ? "discards" : "restorations"}`, { ids: [id], reason });
          note(outcome.detail, outcome.done ? "good" : "bad");
          show(page, id, await get(`dead-letters/${id}`), false);
        }))) : null,
    card("Why it failed each time", h("ol", { class: "failures" }, failures(letter))),
    letter.order ? card(`Its order is ${letter.order.status}`, h("ol", { class: "failures" }, letter.order.timeline.map((entry) =>
      h("li", {}, when(entry.at), ` ${entry.event} (${entry.status})${entry.detail ? `: ${entry.detail}` : ""}`)))) : null,
    card("What it says", h("pre", { id: "body" }, body(letter)), revealed ? null
      : h("button", { type: "button", class: "quiet", onclick: async () => {
        try {
          show(page, id, await post(`dead-letters/${id}/reveal`), true);
          note("The audit log knows that you looked.", "warn");
        } catch (problem) {
          note(problem.message, "bad");
        }
      } }, "Show personal data (admins; the audit log is told)")),
    letter.edits.length ? card("Repaired", h("ol", { class: "failures" }, letter.edits.map((edit) =>
      h("li", {}, when(edit.at), ` by ${edit.actor}: ${edit.reason}`, pretty(edit.patch))))) : null,
    waits ? card("Repair", repairForm(choice)) : null,
    card(null, h("details", {}, h("summary", {}, "Headers, properties, where it travelled"),
      pretty({ headers: letter.headers, properties: letter.properties, "x-death": letter.deaths }))),
  );
}
