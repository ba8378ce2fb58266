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
  // What changes while a part is on its way to show an earlier change would be missed: it is
  // told again once nothing is on its way.
  const fetching = new Set();
  const missed = new Set();
  const tell = (topic, detail) => {
    for (const part of fetching) if (!part.isConnected) fetching.delete(part);
    if (fetching.size) missed.add(topic);
    body.dispatchEvent(new CustomEvent("live:" + topic, { detail }));
  };
  body.addEventListener("htmx:beforeRequest", (event) => {
    if (isLive(event.detail)) fetching.add(event.detail.elt);
  });
  body.addEventListener("htmx:afterRequest", (event) => {
    fetching.delete(event.detail.elt);
    if (fetching.size) return;
    const again = [...missed];
    missed.clear();
    setTimeout(() => again.forEach((topic) => tell(topic)));
  });
  const isLive = (detail) =>
    Boolean(detail.requestConfig?.triggeringEvent?.type?.startsWith("live:"));
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
    if (isLive(event.detail) && (busy || part.querySelector("details.confirm[open], dialog[open]"))) {
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

  // What is pressed says what is being waited for, and is not pressed twice.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button?.dataset.busy || event.defaultPrevented) return;
    const before = button.textContent;
    setTimeout(() => { button.textContent = button.dataset.busy; button.disabled = true; });
    // Back from the next page, it is as it was.
    addEventListener("pageshow", () => { button.textContent = before; button.disabled = false; }, { once: true });
  });

  // Logs: new lines come as HTML of the server's, and stay at the end while one looks there.
  const MAX_LINES = 1000;
  const MAX_HELD = 500;
  function follow(list) {
    if (list.dataset.following) return;
    list.dataset.following = "yes";
    const say = (text) => {
      const state = document.getElementById("log-state");
      if (state) state.textContent = text;
    };
    const pause = document.querySelector(`[data-log-pause="${list.id}"]`);
    let held = [];
    let isPaused = false;
    let missed = 0;
    function add(lines) {
      const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 24;
      list.insertAdjacentHTML("beforeend", lines.join(""));
      while (list.childElementCount > MAX_LINES) list.firstElementChild.remove();
      document.getElementById("log-empty")?.remove();
      filterAll();
      if (atEnd) list.scrollTop = list.scrollHeight;
    }
    pause?.addEventListener("click", () => {
      isPaused = !isPaused;
      pause.setAttribute("aria-pressed", String(isPaused));
      pause.textContent = isPaused ? "Go on" : "Pause";
      if (!isPaused) {
        if (held.length) add(held);
        say(missed ? `Live; ${missed} lines were left out meanwhile` : "Live");
        held = [];
        missed = 0;
      } else {
        say("Paused");
      }
    });
    const stream = new EventSource(list.dataset.log);
    stream.addEventListener("open", () => say(isPaused ? "Paused" : "Live"));
    stream.addEventListener("error", () => say("Not connected; trying again"));
    stream.addEventListener("line", (event) => {
      if (!isPaused) return add([event.data]);
      held.push(event.data);
      if (held.length > MAX_HELD) { held.shift(); missed++; }
      say(`Paused; ${held.length} new lines`);
    });
    stream.addEventListener("lost", () => say("Live; some lines came too fast and were left out"));
    addEventListener("pagehide", () => stream.close());
    list.scrollTop = list.scrollHeight;
  }
  const followAll = () => document.querySelectorAll("[data-log]").forEach(follow);
  followAll();
  body.addEventListener("htmx:afterSettle", followAll);
  document.addEventListener("change", (event) => {
    const list = document.getElementById(event.target.dataset?.logLevel || "");
    if (list) list.dataset.level = event.target.value;
  });

  // The server-sent events of an answer, as they come.
  async function* eventsOf(answer) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let unread = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      unread += value;
      let end;
      while ((end = unread.indexOf("\n\n")) >= 0) {
        const lines = unread.slice(0, end).split("\n");
        unread = unread.slice(end + 2);
        const name = lines.find((line) => line.startsWith("event: "))?.slice(7);
        const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5).replace(/^ /, "")).join("\n");
        yield { name, data };
      }
    }
  }

  // Running something: its progress as it comes, then the part of the page that it changed.
  async function run(form) {
    const box = form.querySelector("[data-progress]");
    const stop = form.querySelector("[data-stop]");
    const button = form.querySelector("button:not([type])");
    if (!box || button.disabled) return;
    const [bar, words] = [box.querySelector("progress"), box.querySelector("span")];
    const began = Date.now();
    let last = "Running";
    const clock = () => { words.textContent = `${last}, ${((Date.now() - began) / 1000).toFixed(0)} s`; };
    words.textContent = last;
    bar.removeAttribute("value");
    const shown = setTimeout(() => { box.hidden = false; stop.hidden = false; }, 100);
    const ticking = setInterval(clock, 1000);
    button.disabled = true;
    const abort = new AbortController();
    stop.addEventListener("click", () => abort.abort(), { once: true });
    const ended = (text) => {
      clearTimeout(shown);
      clearInterval(ticking);
      button.disabled = false;
      stop.hidden = true;
      box.hidden = !text;
      words.textContent = text;
      bar.hidden = true;
    };
    bar.hidden = false;
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        headers: { Accept: "text/event-stream" },
        body: new URLSearchParams(new FormData(form)),
        signal: abort.signal,
      });
      if (!answer.headers.get("content-type")?.startsWith("text/event-stream")) {
        const problem = await answer.json().catch(() => ({}));
        return ended(`Not run: ${problem.detail || answer.status}`);
      }
      for await (const { name, data } of eventsOf(answer)) {
        if (name === "progress") {
          const { done, total, text } = JSON.parse(data);
          last = total ? `${done} of ${total}: ${text}` : text || `${done}`;
          if (total) { bar.max = total; bar.value = done; }
          clock();
        } else if (name === "failed") {
          return ended(`Not run: ${data}`);
        } else if (name === "page") {
          return swap(form, data);
        }
      }
      ended("The answer ended too early: the server stopped, or went away");
    } catch (error) {
      ended(error.name === "AbortError" ? "Stopped" : "The server does not answer");
    } finally {
      clearTimeout(shown);
      clearInterval(ticking);
    }
  }
  // What was typed as a secret is not in what the server sends, and stays.
  function swap(form, html) {
    const secrets = [...form.querySelectorAll("input[type=password]")].map((field) => [field.id, field.value]);
    const part = document.getElementById("run");
    part.outerHTML = html;
    for (const [id, value] of secrets) {
      const field = document.getElementById(id);
      if (field) field.value = value;
    }
    const wrong = document.querySelector("#run [aria-invalid=true]");
    const outcome = document.getElementById("outcome");
    (wrong || outcome)?.focus();
    outcome?.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("submit", (event) => {
    if (!event.target.matches?.("form[data-run]")) return;
    event.preventDefault();
    run(event.target);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.target.closest?.("form[data-run]")?.requestSubmit();
  });

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

  // A part that is fetched again keeps what was opened in it.
  let opened = [];
  body.addEventListener("htmx:beforeSwap", (event) => {
    const parts = event.detail.target.querySelectorAll("details[id]");
    opened = [...parts].filter((part) => part.open).map((part) => part.id);
  });
  body.addEventListener("htmx:afterSwap", () => {
    for (const id of opened) {
      const part = document.getElementById(id);
      if (part?.tagName === "DETAILS") part.open = true;
    }
    opened = [];
  });

  // Installing: the form goes to the API as JSON, which tells how far it is.
  const phases = {
    downloading: "Fetching the package",
    verifying: "Verifying program and signature",
    replacing: "Putting it in place",
    done: "Done",
  };
  document.addEventListener("submit", (event) => {
    if (!event.target.dataset?.install || !window.TextDecoderStream) return;
    event.preventDefault();
    install(event.target, event.submitter || event.target.querySelector("button"));
  });
  async function install(form, button) {
    const box = form.querySelector(".progress");
    const [bar, words] = [box.querySelector("progress"), box.querySelector("[role=status]")];
    const sent = {};
    for (const field of form.elements) {
      if (!field.name || field.name === "csrf") continue;
      if (field.type !== "checkbox") sent[field.name] = field.value;
      else if (field.checked) sent[field.name] = true;
    }
    const fail = (text) => {
      words.textContent = text;
      bar.hidden = true;
      button.disabled = false;
    };
    const told = ({ detail, hint }) => fail(`Not done: ${detail}${hint ? `. ${hint}` : ""}`);
    button.disabled = true;
    box.hidden = bar.hidden = false;
    bar.removeAttribute("value");
    words.textContent = "Asking the server";
    try {
      const answer = await fetch(form.dataset.install, {
        method: "POST",
        headers: {
          Accept: "text/event-stream",
          "Content-Type": "application/json",
          "X-CSRF-Token": form.elements.csrf?.value || "",
        },
        body: JSON.stringify(sent),
      });
      if (!answer.headers.get("content-type")?.startsWith("text/event-stream")) {
        return told(await answer.json());
      }
      for await (const { name, data } of eventsOf(answer)) {
        const what = JSON.parse(data);
        if (name === "done") return location.assign(form.dataset.done);
        if (name === "error") return told(what);
        if (name !== "progress") continue;
        const { phase, percent } = what;
        if (percent === null) bar.removeAttribute("value");
        else bar.value = percent;
        words.textContent = (phases[phase] || phase) + (percent === null ? "" : `, ${percent} %`);
      }
      fail("The server went away. What is installed is the old version or the new one, whole.");
    } catch {
      fail("The server does not answer. What is installed is the old version or the new one, whole.");
    }
  }

  // Where there is little room, the menu begins closed.
  const menu = document.querySelector(".menu");
  if (menu && matchMedia("(max-width: 48rem)").matches) menu.open = false;
})();
