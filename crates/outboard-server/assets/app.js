// What pages do beyond plain HTML: they stay live, filter as you type, and have keys.
// Everything here is an addition; each page works without it.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const body = document.body;

  // One stream tells which topics changed; parts of the page that asked for a topic with
  // hx-trigger="live:TOPIC from:body" fetch themselves again. A hidden page lets go of it:
  // a browser has few connections to one host.
  let stream = null;
  let wait = 500;
  let retry = 0;
  const banner = document.getElementById("offline");
  const tell = (topic, detail) =>
    body.dispatchEvent(new CustomEvent("live:" + topic, { detail }));
  const topics = ["plugins", "connectors", "runs", "calls", "pages", "stats", "access"];
  function connect() {
    clearTimeout(retry);
    if (stream || !body.dataset.live || document.hidden) return;
    stream = new EventSource(body.dataset.live);
    stream.addEventListener("open", () => {
      wait = 500;
      if (banner && !banner.hidden) {
        banner.hidden = true;
        topics.forEach((topic) => tell(topic));
      }
    });
    stream.addEventListener("error", () => {
      disconnect();
      if (banner) banner.hidden = false;
      retry = setTimeout(connect, wait);
      wait = Math.min(wait * 2, 10000);
    });
    for (const topic of topics) {
      stream.addEventListener(topic, (event) => tell(topic, event.data));
    }
  }
  function disconnect() {
    if (stream) stream.close();
    stream = null;
  }
  if (body.dataset.live) {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return disconnect();
      connect();
      topics.forEach((topic) => tell(topic));
    });
    addEventListener("pagehide", disconnect);
    addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
    connect();
  }

  // A part that is swapped while its field has the focus or a question is open would take
  // both away: it waits for the next change.
  body.addEventListener("htmx:beforeSwap", (event) => {
    const part = event.detail.target;
    const busy = part.contains(document.activeElement)
      && /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    const live = event.detail.requestConfig?.triggeringEvent?.type?.startsWith("live:");
    if (live && (busy || part.querySelector("details.confirm[open], dialog[open]"))) {
      event.detail.shouldSwap = false;
    }
  });
  body.addEventListener("htmx:afterSettle", () => { filterAll(); times(); });

  // Filters: rows whose text has all the words stay.
  function filter(field) {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = document.querySelectorAll(field.dataset.filter);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown++;
    }
    const count = document.getElementById(field.dataset.count || "");
    if (count) count.textContent = words.length ? `${shown} of ${rows.length}` : `${rows.length}`;
  }
  const filterAll = () => document.querySelectorAll("[data-filter]").forEach(filter);
  document.addEventListener("input", (event) => {
    if (event.target.matches?.("[data-filter]")) filter(event.target);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-submit]")) event.target.form.requestSubmit();
  });
  filterAll();

  // Copying: the text of an element, or of the attribute itself.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const from = document.getElementById(button.dataset.copy);
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(from ? from.value ?? from.textContent : button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed: select and copy";
    }
    setTimeout(() => { button.textContent = before; }, 2000);
  });

  // Times go on.
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  function times() {
    for (const time of document.querySelectorAll("time[data-relative]")) {
      const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time.dateTime)) / 1000));
      if (Number.isNaN(seconds)) continue;
      const [unit, size] = units.find(([, size]) => seconds >= size) || ["s", 1];
      time.textContent = seconds < 5 ? "just now" : `${Math.floor(seconds / size)} ${unit} ago`;
    }
  }
  setInterval(times, 15000);

  // Keys.
  const keys = document.getElementById("keys");
  let going = false;
  const typing = (element) =>
    element.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(element.tagName);
  document.querySelector("[data-keys]")?.addEventListener("click", () => keys.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (keys.open) return;
    if (going) {
      going = false;
      const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (event.key === "g") {
      going = true;
      setTimeout(() => { going = false; }, 1500);
    } else if (event.key === "/") {
      const field = document.querySelector("[data-filter], input[type=search]");
      if (field) { event.preventDefault(); field.focus(); field.select(); }
    } else if (event.key === "?") {
      event.preventDefault();
      keys.showModal();
    }
  });

  // Where there is little room, the menu begins closed.
  const menu = document.querySelector(".menu");
  if (menu && matchMedia("(max-width: 48rem)").matches) menu.open = false;
})();
