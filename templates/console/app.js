// The console: which page is shown, who looks, and when it is drawn anew. A page is a function of its element, its query and its id.

import { forget, get, remember, token } from "./api.js";
import { cause, causes } from "./causes.js";
import { card, field, fill, form, h } from "./dom.js";
import { fleet } from "./fleet.js";
import { counts, letter, letters } from "./letters.js";
import { replay, replays } from "./replays.js";
import { stopped } from "./stopped.js";

// `live`: drawn anew by itself. Pages with forms are not: nobody's words shall vanish while they write.
const PAGES = {
  "": { draw: fleet, name: "fleet", live: 3000 },
  causes: { draw: causes, one: cause, name: "causes", live: 3000 },
  letters: { draw: letters, one: letter, name: "letters" },
  counts: { draw: (page, query) => counts(page, query, "kind"), one: counts, name: "letters" },
  stopped: { draw: stopped, name: "stopped" },
  replays: { draw: replays, one: replay, name: "replays", live: 1000, liveOne: true },
};

const page = document.getElementById("page");
const health = document.getElementById("health");
const leave = document.getElementById("leave");
let drawing = 0;
let timer;

function where() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name = "", id] = path.split("/");
  return { entry: PAGES[name] ?? PAGES[""], id, query: Object.fromEntries(new URLSearchParams(search)) };
}

async function draw() {
  const turn = ++drawing;
  clearTimeout(timer);
  const { entry, id, query } = where();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.page === entry.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  leave.hidden = !token();
  // drawn beside what is shown, so that an answer that comes too late changes nothing
  const next = h("div", {});
  try {
    await (id ? entry.one : entry.draw)(next, query, id);
    if (turn !== drawing) return;
    fill(page, next);
  } catch (problem) {
    if (turn !== drawing) return;
    if (problem.status === 401 || (problem.status === 403 && !token())) return enter(problem);
    fill(page, card("This cannot be shown", h("p", { class: "fault" }, problem.message)));
    if (problem.status === 0) timer = setTimeout(draw, 3000);
  }
  const live = id ? entry.liveOne && entry.live : entry.live;
  if (live) timer = setTimeout(() => (document.hidden ? (timer = setTimeout(draw, live)) : draw()), live);
}

/** Asks who looks. */
function enter(problem) {
  fill(page, h("section", { class: "card enter" },
    h("h1", {}, "Who are you?"),
    h("p", { class: "soft" }, "A token or an API key of an operator or an admin. It stays in this tab. For development: order-api token --role operator"),
    token() ? h("p", { class: "fault" }, problem.message) : null,
    form([field("Token or API key", { name: "token", type: "password", required: true, autocomplete: "off" })], "Enter", async (given) => {
      remember(given.token);
      await Promise.all([draw(), watch()]);
    })));
}

/** How the fleet is, on every page. */
async function watch() {
  try {
    const status = await get("status");
    health.dataset.tone = status.healthy ? "good" : "bad";
    health.textContent = status.healthy ? "all is well" : `${status.problems.length} to look at`;
  } catch (problem) {
    health.dataset.tone = "idle";
    health.textContent = problem.status === 0 ? "no answer" : "…";
  }
}

leave.addEventListener("click", () => {
  forget();
  draw();
});
addEventListener("hashchange", () => {
  draw();
  scrollTo(0, 0);
});
addEventListener("console:changed", draw);
setInterval(() => document.hidden || watch(), 5000);
draw();
watch();
