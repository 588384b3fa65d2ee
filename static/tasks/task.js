// Follows a task until it ends, and shows the whole page anew then.
"use strict";

(() => {
  const panel = document.getElementById("task");
  if (!panel || !("open" in panel.dataset)) return;
  const SOON = 700;
  const LATER = 5000;
  const bar = panel.querySelector("progress");
  const piece = (name) => panel.querySelector(`[data-of="${name}"]`);
  let first = null;

  // How long the rest takes, from what was done since this page was opened.
  function left(task, taken) {
    const now = performance.now();
    first ??= { at: now, taken };
    const steps = taken - first.taken;
    if (task.state !== "running" || task.total === null || steps < 3) return "";
    const seconds = ((task.total - taken) * (now - first.at)) / steps / 1000;
    return seconds < 90 ? `about ${Math.max(1, Math.round(seconds))} s left` : `about ${Math.round(seconds / 60)} min left`;
  }

  function show(task) {
    const taken = task.done + task.failed;
    const mark = piece("state").querySelector(".mark");
    mark.textContent = task.state === "waiting" && task.error ? "held up" : task.state;
    mark.className = `mark ${task.error ? "mark-warn" : task.state === "waiting" ? "mark-quiet" : ""}`;
    piece("count").textContent = task.total === null ? `${taken}` : `${taken} of ${task.total}`;
    piece("left").textContent = [task.failed ? `${task.failed} failed` : "", left(task, taken)].filter(Boolean).join(", ");
    piece("error").textContent = task.error ?? "";
    piece("error").hidden = !task.error;
    if (task.total !== null) {
      bar.max = Math.max(task.total, 1);
      bar.value = taken;
    }
  }

  async function look() {
    let pause = LATER;
    if (!document.hidden) {
      try {
        const answer = await fetch(panel.dataset.address, { headers: { Accept: "application/json" } });
        if (answer.status === 401 || answer.status === 403) return; // signed out meanwhile: what is shown stays
        if (answer.ok) {
          const task = await answer.json();
          if (task.state !== "waiting" && task.state !== "running") {
            location.reload();
            return;
          }
          show(task);
          pause = SOON;
        }
      } catch {
        pause = LATER; // the server begins anew, or the network is away
      }
    }
    setTimeout(look, pause);
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) first = null; });
  look();
})();
