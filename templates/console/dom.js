// Elements, times and small words: what every page of the console is made of. Texts are set as texts, never as markup.

/** An element: `h("a", {href: "#/"}, "Home")`. `on…` is a listener, `data-…` and `aria-…` are attributes; null children are left out. */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className = value;
    else if (key in element && !key.includes("-") && key !== "list") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...there(children));
  return element;
}

/** Draws an element's content anew; null children are left out. */
export function fill(element, ...children) {
  element.replaceChildren(...there(children));
}

const there = (children) => children.flat().filter((child) => child !== null && child !== undefined && child !== false);

export function card(title, ...children) {
  return h("section", { class: "card" }, title && h("h2", {}, title), ...children);
}

/** A table; `rows` are lists of cells, each a text or an element. An empty one says so in a sentence. */
export function table(heads, rows, empty) {
  if (rows.length === 0) return h("p", { class: "soft" }, empty);
  const cells = (row) => row.map((cell, place) => h("td", { "data-head": heads[place] }, cell ?? "–"));
  return h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, cells(row))))));
}

/** Pairs of a name and what it is. */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

export function badge(text, tone = "idle") {
  return h("span", { class: "badge", "data-tone": tone }, text);
}

const TONES = {
  unresolved: "bad", replaying: "working", resolved: "good", discarded: "idle", parked: "warn",
  open: "bad", acknowledged: "warn", running: "working", paused: "warn", stopped: "bad", cancelled: "idle", completed: "good",
  applied: "good", failed: "bad", skipped: "idle", kept: "warn", unseen: "warn", sent: "working", waiting: "idle",
};

/** A state with the colour that it has everywhere. */
export function state(text) {
  return badge(text, TONES[text]);
}

/** How long ago, with the moment itself behind it. */
export function when(text) {
  if (!text) return "–";
  const seconds = (Date.now() - Date.parse(text)) / 1000;
  return h("time", { dateTime: text, title: text }, `${span(Math.max(0, seconds))} ago`);
}

/** A time in few characters, as the command line writes it. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

export function short(id) {
  return id ? h("code", { title: id }, id.slice(-12)) : "–";
}

/** Tells what has happened, for some seconds. */
export function note(text, tone = "good") {
  const line = h("p", { "data-tone": tone }, text);
  document.getElementById("notes").append(line);
  setTimeout(() => line.remove(), 8000);
}

/** A form: `submit` gets what was written, by name; a problem is shown beside the fields that it names. */
export function form(fields, label, submit) {
  const fault = h("p", { class: "fault", role: "alert", hidden: true });
  const button = h("button", { type: "submit" }, label);
  const element = h("form", { onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    fault.hidden = true;
    try {
      await submit(Object.fromEntries(new FormData(element)));
    } catch (problem) {
      fault.textContent = problem.message;
      fault.hidden = false;
    } finally {
      button.disabled = false;
    }
  } }, fields, h("div", { class: "row" }, button), fault);
  return element;
}

/** A field with its name; `properties` as of the input, `options` make it a choice, `rows` a text of many lines. */
export function field(label, { name, options, ...properties }) {
  const input = options
    ? h("select", { name, ...properties }, options.map(([value, text]) => h("option", { value, selected: value === properties.value }, text)))
    : h(properties.rows ? "textarea" : "input", { name, ...properties });
  return h("label", {}, h("span", {}, label), input);
}
