// Adds new punches to an open page.
const table = document.getElementById("punches");
const INTERVAL = 3_000;
let after = table.dataset.after;

function add(html) {
  const holder = document.createElement("tbody");
  holder.innerHTML = html;
  const fresh = [...holder.rows].filter((row) => !document.getElementById(row.id));
  if (!fresh.length) return;
  table.tBodies[0].prepend(...fresh);
  table.parentElement.hidden = false;
  document.getElementById("no-punches")?.remove();
}

async function poll() {
  if (!document.hidden) {
    try {
      const asked = new URL(table.dataset.address, location.href);
      asked.searchParams.set("after", after);
      const answer = await fetch(asked, { signal: AbortSignal.timeout(10_000) });
      if (answer.status === 401 || answer.status === 403) return; // signed out: the page stays as it is
      if (answer.ok && answer.headers.has("X-Settled")) {
        add(await answer.text());
        after = answer.headers.get("X-Settled");
      }
    } catch {
      // asked again after the pause
    }
  }
  setTimeout(poll, INTERVAL);
}

document.getElementById("live").hidden = false;
setTimeout(poll, INTERVAL);
