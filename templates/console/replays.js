// Replays: asked for with a look at what would happen, and followed to their end.

import { get, post } from "./api.js";
import { card, facts, field, fill, form, h, note, short, state, table, when } from "./dom.js";

/** `letters`: as the API takes a choice; `count` of them wait. */
export function replayForm(letters, count) {
  const preview = h("div", { class: "preview" });
  const look = async () => {
    fill(preview, h("p", { class: "soft" }, "Trying them …"));
    try {
      const found = await post("replays/preview", { letters });
      fill(preview,
        h("p", { class: "soft" }, `${found.rehearsed} of ${found.total} were tried and rolled back; nobody was called.`),
        h("ul", { class: "verdicts" }, found.groups.flatMap((group) => group.verdicts.map((one) =>
          h("li", {}, h("strong", {}, `${one.count} × `), one.example)))));
    } catch (problem) {
      fill(preview, h("p", { class: "fault" }, problem.message));
    }
  };
  return h("div", {},
    h("button", { type: "button", class: "quiet", onclick: look }, "What would happen?"),
    preview,
    form([
      field("Why", { name: "reason", required: true, maxLength: 255 }),
      count > 1 ? h("div", { class: "fields" },
        field("Most per second", { name: "rate", type: "number", value: 500, min: 1, max: 10000 }),
        field("Percent of a cause that may fail again", { name: "limit", type: "number", value: 5, min: 0, max: 100 })) : null,
    ], count > 1 ? `Replay all ${count}` : "Replay", async (given) => {
      const begun = await post("replays", {
        letters, reason: given.reason, rate: Number(given.rate ?? 500), failure_limit: Number(given.limit ?? 5) / 100,
      });
      note(`Replay of ${begun.total} begun.`);
      location.hash = `#/replays/${begun.id}`;
    }));
}

const PARTS = [["applied", "good"], ["skipped", "idle"], ["failed", "bad"], ["unseen", "warn"], ["kept", "warn"], ["sent", "working"]];

/** How far it has come: a part of the bar for each thing that became of its messages. */
function bar(replay) {
  const parts = PARTS.filter(([name]) => replay[name] > 0).map(([name, tone]) => {
    const part = h("span", { "data-tone": tone, title: `${replay[name]} ${name}` });
    part.style.inlineSize = `${(replay[name] / Math.max(1, replay.total)) * 100}%`;
    return part;
  });
  const done = replay.total - waiting(replay) - replay.sent;
  return h("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": replay.total, "aria-valuenow": done }, parts);
}

const waiting = (replay) => replay.total - PARTS.reduce((sum, [name]) => sum + replay[name], 0);

function summary(replay) {
  const parts = [["applied", "applied"], ["failed", "failed again"], ["skipped", "skipped"], ["unseen", "not seen to end"], ["kept", "kept"], ["sent", "on their way"]]
    .filter(([name]) => replay[name] > 0).map(([name, words]) => `${replay[name]} ${words}`);
  if (waiting(replay) > 0) parts.push(`${waiting(replay)} waiting`);
  return `${parts.join(", ") || "nothing to do"} of ${replay.total}`;
}

export async function replays(page, query) {
  const { replays: found, next_cursor: next } = await get("replays", { limit: 50, ...query });
  fill(page,
    h("h1", {}, "Replays"),
    card(null, table(["Replay", "Begun", "By", "What", "How far", "State"], found.map((replay) => [
      h("a", { href: `#/replays/${replay.id}` }, short(replay.id)),
      when(replay.created_at), replay.operator, replay.selection, h("div", {}, bar(replay), summary(replay)), state(replay.state),
    ]), "Nothing has been replayed."),
      next ? h("p", {}, h("a", { href: `#/replays?cursor=${next}` }, "Older ones")) : null),
  );
}

export async function replay(page, _query, id) {
  const { replay, first } = await get(`replays/${id}`);
  const turn = (verb, words) => h("button", { type: "button", class: "quiet", onclick: async (event) => {
    event.target.disabled = true;
    try {
      await post(`replays/${id}/${verb}`);
      note(words);
    } catch (problem) {
      note(problem.message, "bad");
    }
    dispatchEvent(new Event("console:changed"));
  } }, words);
  const turns = {
    running: [turn("pause", "Pause"), turn("cancel", "Cancel")],
    paused: [turn("resume", "Go on"), turn("cancel", "Cancel")],
  };
  fill(page,
    h("p", { class: "crumbs" }, h("a", { href: "#/replays" }, "Replays"), " / ", short(id)),
    h("h1", {}, `Replay: ${replay.selection}`),
    card(null,
      h("p", { id: "replay-state" }, state(replay.state), ` ${summary(replay)}`),
      bar(replay),
      h("div", { class: "row" }, turns[replay.state] ?? null),
      facts([
        ["Because", replay.state_reason],
        ["Asked for by", replay.operator],
        ["Why", replay.reason],
        ["Begun", when(replay.created_at)],
        ["Ended", replay.ended_at && when(replay.ended_at)],
        ["At a time", replay.state === "running" ? `${replay.stage}, at most ${replay.rate} per second` : null],
        ["Followed to the end", replay.watched ? "yes" : "no"],
      ])),
    card("What became of the first", table(["Letter", "State", "Detail"], first.map((item) =>
      [h("a", { href: `#/letters/${item.id}` }, short(item.id)), state(item.state), item.detail]), "Nothing yet.")),
  );
}
