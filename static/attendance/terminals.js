// Updates the rows of terminals and the open alerts on an open page. What has not changed stays as it is.
const table = document.getElementById("terminals");
const alerts = document.getElementById("open-alerts");
const INTERVAL = 5_000;
const shown = new Map();
let shownAlerts = alerts?.innerHTML;

function update(html) {
  const holder = document.createElement("tbody");
  holder.innerHTML = html;
  const newAlerts = holder.querySelector("template").innerHTML;
  if (newAlerts !== shownAlerts) alerts.innerHTML = shownAlerts = newAlerts;
  const body = table.tBodies[0];
  const ids = new Set();
  for (const row of [...holder.rows]) {
    ids.add(row.id);
    const text = row.outerHTML;
    const old = document.getElementById(row.id);
    if (old && (shown.get(row.id) ?? old.outerHTML) === text) continue;
    shown.set(row.id, text);
    if (!old) {
      body.append(row);
      continue;
    }
    const focused = old.contains(document.activeElement);
    old.replaceWith(row);
    if (focused) row.querySelector("a").focus();
  }
  for (const row of [...body.rows]) if (!ids.has(row.id)) row.remove();
}

async function poll() {
  if (!document.hidden) {
    try {
      const answer = await fetch(table.dataset.address, { signal: AbortSignal.timeout(10_000) });
      if (answer.status === 401 || answer.status === 403 || answer.redirected) return; // signed out: the page stays as it is
      if (answer.ok) update(await answer.text());
    } catch {
      // asked again after the pause
    }
  }
  setTimeout(poll, INTERVAL);
}

if (table) {
  document.getElementById("live").hidden = false;
  setTimeout(poll, INTERVAL);
}
