// Updates the page while jobs run.
import { gettext as _ } from "web/translation";

const table = document.getElementById("jobs");
const INTERVAL = 1500;
const IDLE_INTERVAL = 10000;
const STATES = {
  "never run": [_("never run"), "mark-quiet"],
  running: [_("running"), ""],
  done: [_("done"), "mark-good"],
  failed: [_("failed"), "mark-bad"],
  interrupted: [_("interrupted"), "mark-bad"],
};
const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: table.dataset.zone, dateStyle: "short", timeStyle: "short" });
const opened = Date.now();

function moment(text) {
  return text ? clock.format(new Date(text)) : "";
}

function show(row, job) {
  const cell = (name) => row.querySelector(`[data-of="${name}"]`);
  const mark = cell("state").querySelector(".mark");
  const [words, look] = STATES[job.state];
  if (mark.textContent !== words) Object.assign(mark, { textContent: words, className: `mark ${look}` });
  cell("error").textContent = job.error ?? "";
  cell("started_at").textContent = moment(job.started_at);
  cell("next_at").textContent = moment(job.next_at);
  cell("seconds").textContent = job.seconds === null ? "" : `${job.seconds.toFixed(1)} s`;
  cell("rows").textContent = job.rows;
}

async function poll() {
  let pause = IDLE_INTERVAL;
  if (!document.hidden) {
    try {
      const answer = await fetch(table.dataset.address, { headers: { Accept: "application/json" } });
      if (answer.status === 401 || answer.status === 403) return; // signed out: the page stays as it is
      const { jobs } = await answer.json();
      for (const job of jobs) {
        const row = table.querySelector(`tr[data-job="${CSS.escape(job.name)}"]`);
        if (row) show(row, job);
      }
      if (Date.now() - opened < 15000 || jobs.some((job) => job.state === "running")) pause = INTERVAL;
    } catch {
      pause = IDLE_INTERVAL; // the server restarts, or the network is down
    }
  }
  setTimeout(poll, pause);
}

setTimeout(poll, INTERVAL);
