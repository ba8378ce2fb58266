// For pages of UI plugins: <script src="outboard-frame.js"></script> beside index.html.
//
//   const runs = await outboard.call("GET", "/api/v1/runs?limit=10");
//   if (runs.ok) show(runs.body);
//
// The page is in a frame without cookies, storage or a parent that it could touch. What it
// wants of the server it asks the page around it for; `permissions` in ui.json say what.
"use strict";
(() => {
  const MOST = 64;
  const DEADLINE = 35000;
  const pending = new Map();
  const listeners = { reload: [], theme: [] };
  const about = { theme: "light", plugin: "", version: "", item: location.hash.slice(1), pipeline: null };
  let number = 0;
  let welcome;
  const ready = new Promise((resolve) => { welcome = resolve; });

  // Only our own page can have this one in a frame.
  const say = (message) => parent.postMessage({ outboard: 1, ...message }, "*");

  function setTheme(theme) {
    about.theme = theme === "dark" ? "dark" : "light";
    document.documentElement.dataset.theme = about.theme;
    document.documentElement.style.colorScheme = about.theme;
  }

  function call(method, path, body) {
    return new Promise((resolve, reject) => {
      if (pending.size >= MOST) {
        reject(new Error(`${MOST} calls wait already; wait for some of them`));
        return;
      }
      const id = ++number;
      const timer = setTimeout(() => {
        pending.delete(id);
        reject(new Error(`${method} ${path} was not answered within ${DEADLINE / 1000} s`));
      }, DEADLINE);
      pending.set(id, { resolve, timer });
      // Not before the page around listens.
      ready.then(() => say({ type: "call", id, method: String(method), path: String(path), body }))
        .catch((error) => {
          clearTimeout(timer);
          pending.delete(id);
          reject(error);
        });
    });
  }

  function run(callbacks, argument) {
    for (const callback of callbacks) {
      try { callback(argument); } catch (error) { console.error(error); }
    }
  }

  addEventListener("message", (event) => {
    if (event.source !== parent || event.data?.outboard !== 1) return;
    const message = event.data;
    switch (message.type) {
      case "welcome":
        setTheme(message.theme);
        for (const word of ["plugin", "version", "item", "pipeline"]) about[word] = message[word];
        welcome(outboard);
        break;
      case "theme":
        setTheme(message.theme);
        run(listeners.theme, about.theme);
        break;
      case "stale":
        run(listeners.reload);
        break;
      case "answer": {
        const waiting = pending.get(message.id);
        if (!waiting) return;
        pending.delete(message.id);
        clearTimeout(waiting.timer);
        const { status, headers, body } = message;
        waiting.resolve({ ok: status >= 200 && status < 300, status, headers, body });
        break;
      }
    }
  });

  const outboard = Object.freeze({
    // Resolves when the page around has said what this page is.
    ready,
    // A route of the API. Resolves with { ok, status, headers, body }, also when the answer
    // is a failure or a refusal, whose body has `kind` and `detail`. Rejects when there is
    // no answer at all.
    call,
    // The plugin was reloaded, and this is what it was before. Whoever registers here may
    // finish something and then call reload(); the page around offers it in any case.
    onReload(callback) { listeners.reload.push(callback); },
    onTheme(callback) { listeners.theme.push(callback); },
    reload() { say({ type: "reload" }); },
    get theme() { return about.theme; },
    get plugin() { return about.plugin; },
    get version() { return about.version; },
    get item() { return about.item; },
    get pipeline() { return about.pipeline; },
  });
  Object.defineProperty(window, "outboard", { value: outboard });
  say({ type: "hello" });
})();
