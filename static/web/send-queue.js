// Sends entries to the server one at a time, in order. An entry is stored before it is sent and sent again until it is answered, so the
// server must recognize a repeated one. States: "waiting", "sending", "later" (retried at `retryAt`), and those of the page after an answer.
import { askBeforeClosing } from "web/closing";
import { gettext as _ } from "web/translation";

const UNAVAILABLE = new Set([0, 429, 502, 503, 504]); // no answer, or the answer of a proxy or an overloaded server
const SIGNED_OUT = new Set([401, 403]);

export const isPending = (entry) => ["waiting", "sending", "later"].includes(entry.state);

// The status and body of the answer; status 0 if there was none.
async function post(address, values, csrfToken, timeout) {
  try {
    const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrfToken };
    const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(values), signal: AbortSignal.timeout(timeout) });
    return { status: answer.status, body: await answer.json() };
  } catch {
    return { status: 0, body: {} };
  }
}

// `store.save()` stores `entries`; `pauses` are ms between retries. The page provides:
//   request(entry)                     address and values, or a promise; null if it has handled the entry without the server
//   answered(entry, status, body, was) sets the entry's state, removes it or postpones it; `was`: it had been sent before
//   changed(entry)                     draws the entry
//   signedOut(), unreachable(entry)    inform the user; the latter once per outage
//   rested()                           after a round
export function sendQueue({ entries, store, form, timeout, pauses, request, answered, changed, signedOut, unreachable, rested = () => {} }) {
  let working = false;
  let halted = false;
  let blockedUntil = 0;
  let failures = 0;
  let answers = 0;
  let timer = 0;

  function update(entry, values) {
    Object.assign(entry, values);
    store.save();
    changed(entry);
  }

  // Retries the entry later. With `all`, nothing else is sent before.
  function postpone(entry, problem, { all = false } = {}) {
    const retryAt = Date.now() + pauses[Math.min(entry.attempts, pauses.length) - 1];
    if (all) blockedUntil = retryAt;
    update(entry, { state: "later", retryAt, problem });
  }

  async function send(entry) {
    const asked = await request(entry);
    if (asked === null || !entries.includes(entry)) return; // it may have been removed in the meantime
    const [address, values] = asked;
    const was = entry.sent ?? false;
    update(entry, { state: "sending", sent: true, attempts: (entry.attempts ?? 0) + 1, problem: "" });
    const { status, body } = await post(address, values, form.elements.namedItem("csrf_token").value, timeout);
    if (SIGNED_OUT.has(status)) {
      halted = true;
      update(entry, { state: "waiting", sent: was });
      signedOut();
    } else if (UNAVAILABLE.has(status)) {
      failures += 1;
      postpone(entry, _("The server could not be reached. Retrying automatically."), { all: true });
      if (failures === 1) unreachable(entry);
    } else {
      failures = 0;
      answers += 1;
      await answered(entry, status, body, was);
      store.save();
    }
  }

  function next() {
    const now = Date.now();
    if (halted || blockedUntil > now) return null;
    return entries.find((entry) => entry.state === "waiting" || (entry.state === "later" && entry.retryAt <= now)) ?? null;
  }

  async function work() {
    if (working) return;
    working = true;
    clearTimeout(timer);
    for (let entry = next(); entry; entry = next()) await send(entry);
    working = false;
    rested();
    const open = entries.filter((entry) => entry.state === "waiting" || entry.state === "later");
    if (halted || !open.length) return;
    const due = Math.max(blockedUntil, Math.min(...open.map((entry) => entry.retryAt ?? 0)));
    timer = setTimeout(work, Math.max(0, due - Date.now()) + 20);
  }

  askBeforeClosing(() => entries.some(isPending));

  return {
    update,
    postpone,
    add(entry) {
      entries.push(entry);
      update(entry, { state: "waiting", attempts: 0, sent: false, problem: "" });
      work();
    },
    remove(entry) {
      entries.splice(entries.indexOf(entry), 1);
      store.save();
    },
    // Sends the entry again now, where it is in the queue.
    retry(entry, values = {}) {
      blockedUntil = 0;
      update(entry, { state: "waiting", attempts: 0, retryAt: 0, problem: "", ...values });
      work();
    },
    // After a reload: an entry that was being sent may have arrived, and is sent again.
    resume() {
      for (const entry of entries) {
        if (entry.state === "sending" || entry.state === "later") Object.assign(entry, { state: "waiting", attempts: 0, retryAt: 0 });
      }
      work();
    },
    // The server is reachable again: does not wait for the next retry.
    wake() {
      if (!failures) return;
      blockedUntil = 0;
      for (const entry of entries) if (entry.state === "later") entry.retryAt = 0;
      work();
    },
    isBlocked: () => failures > 0 || halted,
    isOutage: () => failures > 0,
    isWorking: () => working,
    hasPending: () => entries.some(isPending),
    // Data that was requested before the last answer may be stale.
    answers: () => answers,
  };
}
