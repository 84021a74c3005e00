// The causes behind the dead letters, and one of them with everything that can be done about it.

import { get, patch } from "./api.js";
import { badge, card, facts, field, fill, form, h, note, short, state, table, when } from "./dom.js";
import { letterRows, LETTER_HEADS } from "./letters.js";
import { repairForm } from "./repair.js";
import { replayForm } from "./replays.js";

const died = (group) =>
  group.together >= 0.5 && !["bad_message", "refused", "poisonous"].includes(group.reason)
    ? badge("together", "warn") : badge("alone", "idle");

function trend(group) {
  const arrow = group.last_hour > group.hour_before ? " ↑" : group.last_hour < group.hour_before ? " ↓" : "";
  return h("span", { class: "number", title: `the hour before: ${group.hour_before}` }, `${group.last_hour}${arrow}`);
}

export async function causes(page, query) {
  const { groups } = await get("dead-letter-groups", query.all ? { all: "true" } : {});
  const waiting = groups.reduce((sum, group) => sum + group.unresolved, 0);
  fill(page,
    h("h1", {}, waiting ? `${waiting} dead letter${waiting === 1 ? "" : "s"} of ${groups.filter((group) => group.unresolved).length} cause${groups.length === 1 ? "" : "s"}` : "Nothing waits for you"),
    card(null,
      table(["Cause", "Consumer", "Waiting", "Last hour", "Died", "Last seen", "Owner", "State"], groups.map((group) => [
        h("a", { href: `#/causes/${group.id}` }, group.error || group.reason),
        h("code", {}, group.queue || "unknown"),
        h("span", { class: "number" }, `${group.unresolved}`),
        trend(group), died(group), when(group.last_seen), group.owner, state(group.state),
      ]), "No cause has letters that wait for an operator."),
      h("p", { class: "soft" }, query.all
        ? h("a", { href: "#/causes" }, "Only those with letters that wait")
        : h("a", { href: "#/causes?all=1" }, "Also those without"))),
  );
}

export async function cause(page, _query, id) {
  const [group, { dead_letters: letters, next_cursor: more }] = await Promise.all([
    get(`dead-letter-groups/${id}`),
    get("dead-letters", { group_id: id, state: "unresolved", limit: 20 }),
  ]);
  const choice = { filter: { group_id: id } };
  fill(page,
    h("p", { class: "crumbs" }, h("a", { href: "#/causes" }, "Causes"), " / ", short(id)),
    h("h1", {}, group.error || group.reason),
    card(null, facts([
      ["Consumer", h("code", {}, group.queue || "unknown")],
      ["Why", group.reason],
      ["Type", group.kind],
      ["Wait for you", `${group.unresolved}`],
      ["Deaths", `${group.failures}`],
      ["First, last", h("span", {}, when(group.first_seen), ", ", when(group.last_seen))],
      ["Last hour", trend(group)],
      ["Died", died(group)],
      ["State", state(group.state)],
    ])),
    h("div", { class: "columns" },
      card("Replay", group.unresolved
        ? replayForm(choice, group.unresolved)
        : h("p", { class: "soft" }, "No letter of this cause waits.")),
      card("Whose is it?", form([
        field("State", { name: "state", value: group.state, options: [["open", "open"], ["acknowledged", "acknowledged: somebody works on it"], ["resolved", "resolved: the cause is mended"]] }),
        field("Owner", { name: "owner", value: group.owner ?? "", maxLength: 255 }),
        field("Note", { name: "note", value: group.note ?? "", maxLength: 255 }),
      ], "Save", async (given) => {
        await patch(`dead-letter-groups/${id}`, { state: given.state, owner: given.owner || null, note: given.note || null });
        note("Saved.");
      }))),
    card("Letters that wait", table(LETTER_HEADS, letterRows(letters), "None."),
      more ? h("p", {}, h("a", { href: `#/letters?group_id=${id}&state=unresolved` }, "All of them")) : null),
    group.unresolved ? card("Repair all of them", repairForm(choice)) : null,
  );
}
