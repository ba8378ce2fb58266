// Sends what the forms of the API page say, as whoever is signed in, and shows the answer.
"use strict";
(() => {
  // What is shown of an answer, at most.
  const MOST = 256 * 1024;
  const headersOfPage = () => {
    try {
      return JSON.parse(document.body.getAttribute("hx-headers") || "{}");
    } catch {
      return {};
    }
  };

  // The request that a form describes.
  function requestOf(form) {
    let path = form.dataset.path;
    const query = new URLSearchParams();
    const headers = new Headers(form.dataset.method === "GET" ? {} : headersOfPage());
    let body;
    for (const field of form.querySelectorAll("[data-in]")) {
      const { in: place, name } = field.dataset;
      if (place === "events") {
        if (field.checked) headers.set("Accept", "text/event-stream");
      } else if (field.value === "") {
        continue;
      } else if (place === "path") {
        path = path.replace(`{${name}}`, encodeURIComponent(field.value));
      } else if (place === "query") {
        query.set(name, field.value);
      } else if (place === "header") {
        headers.set(name, field.value);
      } else if (place === "body") {
        body = field.value;
        headers.set("Content-Type", "application/json");
      }
    }
    const url = query.size ? `${path}?${query}` : path;
    return { url, init: { method: form.dataset.method, headers, body, cache: "no-store" } };
  }

  const element = (name, text) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  function indented(text) {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  }

  // The text of an answer as it comes; a stream shows each part at once.
  async function read(response, output, streamed) {
    if (!response.body) return;
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      text += decoder.decode(value, { stream: !done });
      const cut = text.length > MOST;
      if (cut) text = text.slice(0, MOST);
      if (streamed || done || cut) output.textContent = streamed || cut ? text : indented(text);
      if (cut) output.after(element("p", "There is more; this is its beginning."));
      if (done || cut) return cut ? reader.cancel() : undefined;
    }
  }

  async function send(form) {
    const answer = form.querySelector("[data-answer]");
    const stop = form.querySelector("[data-stop]");
    const aborting = new AbortController();
    answer.hidden = false;
    let what;
    try {
      what = requestOf(form);
    } catch (error) {
      answer.replaceChildren(element("p", `This cannot be sent: ${error.message}`));
      return;
    }
    answer.replaceChildren(element("p", `${what.init.method} ${what.url} …`));
    stop.hidden = false;
    stop.onclick = () => aborting.abort();
    const begun = performance.now();
    const output = element("pre");
    try {
      const response = await fetch(what.url, { ...what.init, signal: aborting.signal });
      const kind = response.headers.get("content-type") || "";
      const took = Math.round(performance.now() - begun);
      const told = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
      const more = element("details");
      const head = element("pre", told);
      output.tabIndex = head.tabIndex = 0;
      for (const [part, name] of [[output, "Body of the answer"], [head, "Headers of the answer"]]) {
        part.setAttribute("role", "region");
        part.setAttribute("aria-label", name);
      }
      more.append(element("summary", "Headers"), head);
      const line = element("p");
      line.append(element("strong", `${response.status} ${response.statusText}`));
      line.append(` ${response.ok ? "it worked" : "it did not work"}, after ${took} ms`);
      answer.replaceChildren(line, more, output);
      await read(response, output, kind.startsWith("text/event-stream"));
      if (output.textContent === "") output.replaceWith(element("p", "The answer has no body."));
    } catch (error) {
      const why = error.name === "AbortError" ? "Stopped." : `There was no answer: ${error.message}`;
      answer.append(element("p", why));
    } finally {
      stop.hidden = true;
    }
  }

  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-nowhere]")) event.preventDefault();
    if (!event.target.matches("form[data-call]")) return;
    event.preventDefault();
    send(event.target);
  });

  // A link to an operation opens it.
  const show = () => {
    const chosen = location.hash && document.getElementById(location.hash.slice(1));
    if (chosen instanceof HTMLDetailsElement) chosen.open = true;
  };
  addEventListener("hashchange", show);
  show();
})();
