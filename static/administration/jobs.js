// Shows what the jobs do without the page being loaded again.
"use strict";

(() => {
  const table = document.getElementById("jobs");
  if (!table) return;
  const SOON = 1500;
  const LATER = 10000;
  const KINDS = { done: "mark-good", failed: "mark-bad", "broken off": "mark-bad", running: "" };
  const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: table.dataset.zone, dateStyle: "short", timeStyle: "short" });
  const opened = Date.now();

  function moment(text) {
    return text ? clock.format(new Date(text)) : "";
  }

  function show(row, job) {
    const cell = (name) => row.querySelector(`[data-of="${name}"]`);
    const mark = cell("state").querySelector(".mark");
    if (mark.textContent !== job.state) {
      mark.textContent = job.state;
      mark.className = `mark ${KINDS[job.state] ?? "mark-quiet"}`;
    }
    cell("error").textContent = job.error ?? "";
    cell("started_at").textContent = moment(job.started_at);
    cell("next_at").textContent = moment(job.next_at);
    cell("seconds").textContent = job.seconds === null ? "" : `${job.seconds.toFixed(1)} s`;
    cell("rows").textContent = job.rows;
  }

  async function look() {
    let pause = LATER;
    if (!document.hidden) {
      try {
        const answer = await fetch(table.dataset.address, { headers: { Accept: "application/json" } });
        if (answer.status === 401 || answer.status === 403) return; // signed out meanwhile: what is shown stays
        const { jobs } = await answer.json();
        for (const job of jobs) {
          const row = table.querySelector(`tr[data-job="${CSS.escape(job.name)}"]`);
          if (row) show(row, job);
        }
        if (Date.now() - opened < 15000 || jobs.some((job) => job.state === "running")) pause = SOON;
      } catch {
        pause = LATER; // the server begins anew, or the network is away
      }
    }
    setTimeout(look, pause);
  }

  setTimeout(look, SOON);
})();
