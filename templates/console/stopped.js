// What operators have stopped, and how to stop something and let it go again: the consumers of a queue, one order.

import { get, post } from "./api.js";
import { badge, card, field, fill, form, h, note, table, when } from "./dom.js";

const way = (one, verb) => (one.kind === "consumer" ? `consumers/${encodeURIComponent(one.what)}/${verb[0]}` : `orders/${one.what}/${verb[1]}`);

async function act(one, verb, reason, words) {
  await post(way(one, verb), { reason });
  note(words);
  dispatchEvent(new Event("console:changed"));
}

const why = () => field("Why", { name: "reason", required: true, maxLength: 255 });

export async function stopped(page) {
  const [{ stopped: all }, status] = await Promise.all([get("stopped"), get("status")]);
  const queues = Array.isArray(status.queues) ? status.queues.filter((queue) => queue.consumers > 0).map((queue) => queue.name) : [];
  fill(page,
    h("h1", {}, all.length ? `${all.length} stopped` : "Nothing is stopped"),
    card(null, table(["What", "Since", "By", "Why", "Let it go"], all.map((one) => [
      h("span", {}, badge(one.kind === "consumer" ? "consumers" : "order", "warn"), " ", h("code", {}, one.what)),
      when(one.at), one.by, one.reason,
      form([why()], "Go on", ({ reason }) => act(one, ["resume", "release"], reason, "It goes on.")),
    ]), "Consumers take from all queues, and no order is held.")),
    h("div", { class: "columns" },
      card("Pause the consumers of a queue", h("p", { class: "soft" }, "They finish what they have in hand; messages wait in the queue."), form([
        field("Queue", { name: "what", options: queues.map((name) => [name, name]) }), why(),
      ], "Pause", ({ what, reason }) => act({ kind: "consumer", what }, ["pause", "hold"], reason, `The consumers of ${what} pause.`))),
      card("Hold an order", h("p", { class: "soft" }, "Messages about it are parked, whatever their queue."), form([
        field("Order", { name: "what", required: true, spellcheck: "false" }), why(),
      ], "Hold", ({ what, reason }) => act({ kind: "order", what: what.trim() }, ["pause", "hold"], reason, "It is held.")))),
  );
}
