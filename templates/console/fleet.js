// The first look: what is wrong, and how queues, processes and breakers stand.

import { get } from "./api.js";
import { badge, card, fill, h, short, span, state, table, when } from "./dom.js";

const known = (part) => (part && !part.error ? part : null);
const list = (part) => (Array.isArray(part) ? part : []);

/** A part of the page, or why it could not be had. */
function part(title, value, draw) {
  return card(title, value?.error ? h("p", { class: "fault" }, value.error) : draw(value));
}

export async function fleet(page) {
  const status = await get("status");
  const troubles = status.problems.map((one) => h("li", {}, h("strong", {}, one.part), ` ${one.detail}`));
  fill(page,
    h("h1", {}, status.healthy ? "All is well" : `${status.problems.length} thing${status.problems.length === 1 ? "" : "s"} to look at`),
    troubles.length ? h("ul", { class: "troubles" }, troubles) : null,
    part("Queues", status.queues, (queues) => table(
      ["Queue", "Waiting", "In hand", "Consumers", "Taken per second", "Oldest", "State"],
      list(queues).map((queue) => [
        h("code", {}, queue.name),
        h("span", { class: "number" }, `${queue.messages}`),
        h("span", { class: "number" }, `${queue.in_hand}`),
        h("span", { class: "number" }, `${queue.consumers}`),
        h("span", { class: "number" }, queue.taken_per_second.toFixed(1)),
        span(queue.management?.head_seconds ?? queue.untaken_seconds ?? queue.oldest_taken_seconds),
        queue.state === "missing" ? badge("missing", "bad") : queue.state,
      ]), "No queues.")),
    part("Processes", status.instances, (instances) => table(
      ["Role", "Where", "State", "Up", "Last heartbeat", "CPU", "Memory", "Version"],
      list(instances).map((one) => [
        one.role,
        `${one.host}:${one.pid}`,
        badge(one.silent ? "silent" : one.state, one.silent ? "bad" : one.state === "running" ? "good" : "warn"),
        span(one.uptime_seconds),
        `${span(one.heartbeat_seconds_ago)} ago`,
        one.cpu_share === null ? "–" : `${(one.cpu_share * 100).toFixed(0)} %`,
        one.rss_bytes === null ? "–" : `${(one.rss_bytes / 1048576).toFixed(0)} MiB`,
        one.version,
      ]), "No process has reported.")),
    part("Causes of dead letters", status.dead_letter_groups, (groups) => table(
      ["Cause", "Consumer", "Waiting", "Last hour", "Since", "Owner"],
      list(groups?.largest).map((one) => [
        h("a", { href: `#/causes/${one.id}` }, one.cause || one.reason), h("code", {}, one.queue || "unknown"),
        h("span", { class: "number" }, `${one.letters}`), h("span", { class: "number" }, `${one.last_hour}`), when(one.since), one.owner,
      ]), "No letter waits for an operator.")),
    part("Replays under way", status.replays, (replays) => table(
      ["What", "By", "How far", "State"],
      list(replays).map((one) => [
        h("a", { href: `#/replays/${one.id}` }, one.selection), one.operator, `${one.ended} of ${one.total}`, state(one.state),
      ]), "None.")),
    part("Stuck orders", status.stuck_orders, (stuck) => table(
      ["Order", "Waits for", "Blocked by", "Since", "What was done last"],
      list(stuck?.oldest).map((one) => [
        h("a", { href: `#/letters?order_id=${one.order_id}` }, short(one.order_id)), one.waits_for, one.blocked_by, span(one.waited_seconds), one.last_done,
      ]),
      "None: every order moves.")),
    part("Breakers", status.breakers, (breakers) => table(
      ["Role", "Calls", "State"],
      list(breakers).map((one) => [`${one.role} on ${one.host}:${one.pid}`, one.dependency,
        badge(one.state, one.state === "closed" ? "good" : "bad")]),
      "No process calls the outside.")),
    part("Outbox", status.outbox, (outbox) => h("p", {}, known(outbox)
      ? `${outbox.messages} messages wait, the oldest for ${span(outbox.oldest_seconds ?? 0)}; ${outbox.parked_messages} are not wanted by the broker.`
      : "Unknown.")),
  );
}
