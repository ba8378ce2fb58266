// The newest runs, asked for through the page around this one: it has no cookie and no
// token, and gets what ui.json asks for and who looks may see.
"use strict";
(async () => {
  const state = document.getElementById("state");
  const table = document.getElementById("runs");
  const refresh = document.getElementById("refresh");
  // Which page this is, and the pipeline that is open around it.
  const { item } = await outboard.ready;

  const cell = (row, text, number) => {
    const cell = row.insertCell();
    cell.textContent = text;
    if (number) cell.className = "number";
    return cell;
  };

  // A refusal is an answer, too: it says what is missing.
  const why = (answer) => answer.body?.detail || `the server answered ${answer.status}`;

  async function again(button, pipeline) {
    button.disabled = true;
    try {
      const answer = await outboard.call("POST", `/api/v1/pipelines/${encodeURIComponent(pipeline)}/run`, {});
      await show();
      if (!answer.ok) state.textContent = `${pipeline} was not run: ${why(answer)}.`;
    } catch (error) {
      state.textContent = `${pipeline} was not run: ${error.message}.`;
    } finally {
      button.disabled = false;
    }
  }

  async function show() {
    let answer;
    try {
      answer = await outboard.call("GET", "/api/v1/runs?limit=20");
    } catch (error) {
      state.textContent = `The runs cannot be shown: ${error.message}.`;
      return;
    }
    if (!answer.ok) {
      state.textContent = `The runs cannot be shown: ${why(answer)}.`;
      return;
    }
    const only = item === "pipeline" ? outboard.pipeline : null;
    const runs = answer.body.items.filter((run) => !only || run.pipeline === only);
    const rows = runs.map((run) => {
      const row = document.createElement("tr");
      cell(row, run.status.replaceAll("_", " "));
      cell(row, run.pipeline);
      cell(row, new Date(run.started_at).toLocaleString());
      cell(row, `${Math.round(run.duration_ms)} ms`, true);
      const button = document.createElement("button");
      button.textContent = `Run ${run.pipeline}`;
      button.addEventListener("click", () => again(button, run.pipeline));
      row.insertCell().append(button);
      return row;
    });
    table.tBodies[0].replaceChildren(...rows);
    table.hidden = rows.length === 0;
    state.textContent = rows.length === 0 ? "No pipeline has run yet." : `${rows.length} of the newest runs.`;
  }

  refresh.addEventListener("click", show);
  // Nothing here can be lost: the new page may come at once.
  outboard.onReload(() => outboard.reload());
  await show();
})();
