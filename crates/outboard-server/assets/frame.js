// The page around the frame of a UI plugin: carries the frame's calls to the server, which
// decides about them, and says when the frame is out of date.
"use strict";
(() => {
  const frame = document.getElementById("plugin-frame");
  if (!frame) return;
  const data = frame.dataset;
  const at = "/ui/frames/" + data.ticket;
  const state = document.getElementById("frame-state");
  const stale = document.getElementById("frame-stale");
  const gone = document.getElementById("frame-gone");
  const why = document.getElementById("frame-why");

  // As many as the server works on at once, and some that wait.
  const AT_ONCE = 16;
  const WAITING = 64;
  const RENEW = 5 * 60 * 1000;

  // The frame has an origin of its own that no address names. What is said to it is only
  // what it asked for.
  const tell = (message) =>
    frame.contentWindow?.postMessage({ outboard: 1, ...message }, "*");

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => tell({ type: "theme", theme: theme() }));

  const post = (path, body) =>
    fetch(at + path, {
      method: "POST",
      credentials: "same-origin",
      cache: "no-store",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": data.csrf },
      body: JSON.stringify(body),
    });

  function lost(text) {
    why.textContent = text;
    gone.hidden = false;
    stale.hidden = true;
  }

  // Once when asked, and once below: either of the two scripts may be there first.
  const welcome = () =>
    tell({
      type: "welcome",
      theme: theme(),
      plugin: data.plugin,
      version: data.version,
      item: data.item,
      pipeline: data.pipeline || null,
    });

  // Calls.
  let working = 0;
  const queue = [];
  const refused = (id, status, kind, detail) =>
    tell({ type: "answer", id, status, headers: {}, body: { status, kind, detail } });

  function take(message) {
    const { id, method, path, body } = message;
    if (typeof id !== "number" || typeof method !== "string" || typeof path !== "string") return;
    if (queue.length >= WAITING) {
      refused(id, 429, "too_many_calls", "too many calls of this page wait already");
      return;
    }
    queue.push({ id, call: body === undefined || body === null ? { method, path } : { method, path, body } });
    next();
  }

  async function next() {
    if (working >= AT_ONCE || queue.length === 0) return;
    working++;
    const { id, call } = queue.shift();
    try {
      const response = await post("/call", call);
      const answer = await response.json();
      if (response.ok) {
        tell({ type: "answer", id, status: answer.status, headers: answer.headers, body: answer.body });
      } else {
        tell({ type: "answer", id, status: response.status, headers: {}, body: answer });
        if (response.status === 410 || response.status === 401) lost(answer.detail || "");
      }
    } catch {
      refused(id, 503, "unreachable", "the server does not answer");
    } finally {
      working--;
      next();
    }
  }

  addEventListener("message", (event) => {
    // Whoever else speaks here is nobody.
    if (event.source !== frame.contentWindow || event.data?.outboard !== 1) return;
    switch (event.data.type) {
      case "hello":
        welcome();
        break;
      case "call":
        take(event.data);
        break;
      case "reload":
        if (!stale.hidden) location.reload();
        break;
    }
  });

  welcome();

  // The ticket lives on while somebody looks at the page.
  async function renew() {
    try {
      const response = await post("/renew", {});
      if (response.ok) {
        const { current } = await response.json();
        gone.hidden = true;
        if (!current && stale.hidden) {
          stale.hidden = false;
          tell({ type: "stale" });
        }
      } else if (response.status < 500 && response.status !== 429) {
        const problem = await response.json().catch(() => ({}));
        lost(problem.detail || "This page cannot be shown any more.");
      }
    } catch {
      // The layout says that the server does not answer.
    }
  }
  setInterval(() => { if (!document.hidden) renew(); }, RENEW);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) renew(); });
  document.body.addEventListener("live:pages", renew);

  for (const button of document.querySelectorAll("[data-frame-reload]")) {
    button.addEventListener("click", () => location.reload());
  }

  const shown = () => { state.hidden = true; };
  frame.addEventListener("load", shown);
  // A page that comes from the browser's memory of pages has an old ticket.
  addEventListener("pageshow", (event) => { if (event.persisted) renew(); });
})();
