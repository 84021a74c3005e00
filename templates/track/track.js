// Keeps the tracking page up to date. The page is complete without it; here it follows the order's stream from where the page was
// rendered, and comes back by itself when the connection or the server goes away.
"use strict";

(() => {
  const main = document.querySelector("main[data-events]");
  const indicator = document.querySelector("[data-live]");
  if (!main || !indicator || !window.EventSource) return;

  const SILENCE = 40_000; // ms; the server gives a sign of life every 15 s
  const LONGEST_PAUSE = 30_000;
  const WORDS = { connecting: "Connecting", live: "Live", lost: "Reconnecting…" };

  let after = Number(main.dataset.after);
  let source = null;
  let pause = 1_000;
  let again = 0;
  let watchdog = 0;

  const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

  function setTime(element, machine) {
    const at = new Date(machine);
    element.dateTime = machine;
    element.textContent = day.format(at);
    element.title = full.format(at);
  }

  function shows(state) {
    if (indicator.dataset.live === state && !indicator.hidden) return;
    indicator.hidden = false;
    indicator.dataset.live = state;
    indicator.querySelector("[data-live-text]").textContent = WORDS[state];
  }

  function step(item, state, at) {
    item.dataset.state = state;
    const spoken = item.querySelector(".spoken");
    if (spoken) spoken.textContent = state === "done" ? ": done" : ": not yet";
    const time = item.querySelector("time");
    if (at && !time.dateTime) setTime(time, at);
  }

  function show({ id, at, title, text, stage }) {
    const line = document.getElementById("line").content.firstElementChild.cloneNode(true);
    line.dataset.id = id;
    line.classList.add("new");
    setTime(line.querySelector("time"), at);
    line.querySelector(".what").textContent = title;
    if (text.trim()) line.querySelector(".why").textContent = text.trim();
    else line.querySelector(".why").remove();
    document.getElementById("history").prepend(line);

    document.getElementById("headline").textContent = stage.headline;
    document.getElementById("sentence").textContent = stage.sentence;
    document.title = `${stage.headline} · Order ${main.dataset.short}`;
    main.dataset.tone = stage.tone;
    if (stage.parcel) {
      const parcel = document.getElementById("parcel");
      parcel.querySelector("dd").textContent = stage.parcel;
      parcel.hidden = false;
    }
    const steps = document.querySelector(".steps");
    const stations = [...steps.querySelectorAll('li:not([data-state="ended"])')];
    if (stage.reached !== null) {
      stations.forEach((item, place) => {
        if (place <= stage.reached) step(item, "done", place === stage.reached ? at : null);
        else step(item, place === stage.reached + 1 ? "next" : "open", null);
      });
    }
    steps.dataset.ended = stage.ended ? "yes" : "no";
    if (stage.ended) {
      const ended = steps.querySelector('[data-state="ended"]');
      ended.querySelector(".name").textContent = stage.ended;
      setTime(ended.querySelector("time"), at);
    }
  }

  function alive() {
    pause = 1_000;
    shows("live");
    clearTimeout(watchdog);
    watchdog = setTimeout(reconnect, SILENCE);
  }

  function connect() {
    clearTimeout(again);
    again = 0;
    const mine = new EventSource(`${main.dataset.events}?after=${after}`);
    source = mine;
    mine.addEventListener("heartbeat", alive);
    mine.addEventListener("transition", (event) => {
      alive();
      const id = Number(event.lastEventId);
      if (id <= after) return;
      after = id;
      show(JSON.parse(event.data));
    });
    mine.onerror = () => {
      shows("lost");
      // the browser comes back by itself, unless it was answered with an error
      if (mine.readyState === EventSource.CLOSED && source === mine) reconnect();
    };
  }

  function reconnect() {
    shows("lost");
    clearTimeout(watchdog);
    if (source) source.close();
    source = null;
    if (again) return;
    again = setTimeout(connect, pause * (0.5 + Math.random()));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }

  for (const time of document.querySelectorAll("time[datetime]")) setTime(time, time.dateTime);
  shows("connecting");
  connect();
  addEventListener("online", () => { if (!source) connect(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !source) connect(); });
  // a page that is kept for the way back must not keep its connection
  addEventListener("pagehide", () => { clearTimeout(watchdog); clearTimeout(again); again = 0; if (source) source.close(); source = null; });
  addEventListener("pageshow", (event) => { if (event.persisted && !source) connect(); });
})();
