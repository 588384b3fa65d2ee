// Polls the progress of a task, and reloads the page once the task has ended.
import { gettext as _ } from "web/translation";

const panel = document.getElementById("task");
const INTERVAL = 700;
const RETRY_INTERVAL = 5000;
const STATES = { waiting: _("pending"), running: _("running") };
const bar = panel.querySelector("progress");
const piece = (name) => panel.querySelector(`[data-of="${name}"]`);
let first = null;

// The remaining time, from what was processed since this page was opened.
function timeLeft(task, processed) {
  const now = performance.now();
  first ??= { at: now, processed };
  const steps = processed - first.processed;
  if (task.state !== "running" || task.total === null || steps < 3) return "";
  const seconds = ((task.total - processed) * (now - first.at)) / steps / 1000;
  return seconds < 90
    ? _("about %(count)s s left", { count: Math.max(1, Math.round(seconds)) })
    : _("about %(count)s min left", { count: Math.round(seconds / 60) });
}

function show(task) {
  const processed = task.done + task.failed;
  const badge = piece("state").querySelector(".mark");
  badge.textContent = task.state === "waiting" && task.error ? _("postponed") : STATES[task.state];
  badge.className = `mark ${task.error ? "mark-warn" : task.state === "waiting" ? "mark-quiet" : ""}`;
  piece("count").textContent = task.total === null ? `${processed}` : _("%(done)s of %(total)s", { done: processed, total: task.total });
  const failed = task.failed ? _("%(count)s failed", { count: task.failed }) : "";
  piece("left").textContent = [failed, timeLeft(task, processed)].filter(Boolean).join(", ");
  piece("error").textContent = task.error ?? "";
  piece("error").hidden = !task.error;
  if (task.total !== null) {
    bar.max = Math.max(task.total, 1);
    bar.value = processed;
  }
}

async function poll() {
  let pause = RETRY_INTERVAL;
  if (!document.hidden) {
    try {
      const answer = await fetch(panel.dataset.address, { headers: { Accept: "application/json" } });
      if (answer.status === 401 || answer.status === 403) return; // signed out: the page stays as it is
      if (answer.ok) {
        const task = await answer.json();
        if (task.state !== "waiting" && task.state !== "running") {
          location.reload();
          return;
        }
        show(task);
        pause = INTERVAL;
      }
    } catch {
      pause = RETRY_INTERVAL; // the server restarts, or the network is down
    }
  }
  setTimeout(poll, pause);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) first = null; });
poll();
