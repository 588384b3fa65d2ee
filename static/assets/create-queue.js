// Works off what was scanned, one by one in order. What was begun is kept before it is sent, so that nothing is lost by a reload.
"use strict";

const creationQueue = (() => {
  const PAUSES = [1_000, 3_000, 9_000, 27_000]; // ms before the same is tried again
  const PATIENCE = 90_000; // ms for one answer
  const AWAY = [0, 429, 502, 503, 504]; // somebody between us and the program says that it is away
  const UNREACHABLE = "The server cannot be reached. Retrying automatically.";
  const form = document.getElementById("create");
  const entries = creationStore.queue;
  const listeners = { created: () => {}, failed: () => {} };
  let working = false;
  let halted = false;
  let heldUntil = 0;
  let waking = 0;
  let made = 0;

  const csrf = () => form.elements.namedItem("csrf_token").value;

  function tell(entry, state, problem = "") {
    Object.assign(entry, { state, problem });
    creationStore.save();
    creationRows.dress(entry);
  }

  function forget(entry) {
    entries.splice(entries.indexOf(entry), 1);
    creationStore.save();
  }

  // The answer's status and body; status 0 when there was none.
  async function ask(values) {
    try {
      const answer = await fetch(form.dataset.create, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrf() },
        body: JSON.stringify(values),
        signal: AbortSignal.timeout(PATIENCE),
      });
      return { status: answer.status, body: await answer.json() };
    } catch {
      return { status: 0, body: {} };
    }
  }

  function created(entry, asset, tag, { retry = "", isPrinted = false } = {}) {
    forget(entry);
    creationRows.created(entry, asset, tag);
    if (isPrinted) creationRows.label(asset, "printed");
    else creationPrints.after(asset, tag, retry);
    listeners.created(entry, tag);
  }

  function failed(entry, state, body) {
    tell(entry, state, body.error);
    listeners.failed(entry, body);
  }

  // Tries it again later; with `all`, nothing else is sent before.
  function postpone(entry, problem, all) {
    const pause = PAUSES[Math.min(entry.attempts, PAUSES.length) - 1];
    entry.due = Date.now() + pause;
    if (all) heldUntil = entry.due;
    tell(entry, "later", problem);
  }

  // The tag of the asset that an earlier request of ours created, of which the answer was lost; null where it is somebody else's.
  async function earlier(entry, asset) {
    const serial = entry.values.serial_number;
    const known = creationRows.tagOf(asset, serial);
    if (known !== null) return known;
    await creationRows.refresh();
    return creationRows.tagOf(asset, serial);
  }

  async function send(entry) {
    const wasSent = entry.sent;
    entry.sent = true;
    entry.attempts += 1;
    tell(entry, "sending");
    const { status, body } = await ask(entry.values);
    if (status === 201) {
      created(entry, body.asset_id, body.asset_tag, { retry: body.retry_print_url });
    } else if (status === 401 || status === 403) {
      entry.sent = wasSent;
      halted = true;
      tell(entry, "waiting");
      document.getElementById("signed-out").hidden = false;
      creationSignals.say(false, "Signed out", "Sign in again. The list is saved and continues afterwards.");
    } else if (AWAY.includes(status)) {
      postpone(entry, UNREACHABLE, true);
      if (entry.attempts === 1) creationSignals.say(false, "Server unreachable", UNREACHABLE);
    } else if (body.existing_asset_id && wasSent && !entry.known) {
      await settle(entry, body);
    } else if (body.retry && entry.attempts <= PAUSES.length) {
      postpone(entry, `${body.error} Retrying automatically.`, status >= 500);
      if (entry.attempts === 1) creationSignals.say(false, "Pending", body.error);
    } else {
      failed(entry, body.retry ? "stuck" : "failed", body);
    }
  }

  async function settle(entry, body) {
    let tag = null;
    try {
      tag = await earlier(entry, body.existing_asset_id);
    } catch {
      postpone(entry, UNREACHABLE, true);
      return;
    }
    if (tag === null) failed(entry, "failed", body);
    else created(entry, body.existing_asset_id, tag, { isPrinted: creationRows.isPrinted(body.existing_asset_id) });
  }

  function following() {
    const now = Date.now();
    if (halted || heldUntil > now) return null;
    return entries.find((entry) => entry.state === "waiting" || (entry.state === "later" && entry.due <= now)) ?? null;
  }

  async function work() {
    if (working) return;
    working = true;
    clearTimeout(waking);
    for (let entry = following(); entry; entry = following()) await send(entry);
    working = false;
    const open = entries.filter((entry) => entry.state === "waiting" || entry.state === "later");
    if (halted || !open.length) return;
    const next = Math.max(heldUntil, Math.min(...open.map((entry) => entry.due ?? 0)));
    waking = setTimeout(work, Math.max(0, next - Date.now()) + 20);
  }

  function again(entry) {
    Object.assign(entry, { attempts: 0, due: 0 });
    heldUntil = 0;
    tell(entry, "waiting");
    work();
  }

  askBeforeClosing(() => entries.some((entry) => ["waiting", "sending", "later"].includes(entry.state)));

  return {
    // Takes values as they stand; what failed of the same serial number before is replaced.
    add(values) {
      const serial = values.serial_number.toLowerCase();
      for (const old of entries.filter((entry) => entry.state === "failed" && entry.values.serial_number.toLowerCase() === serial)) {
        creationRows.drop(old);
        forget(old);
      }
      made += 1;
      const at = new Date().toTimeString().slice(0, 5);
      const known = creationRows.knows(serial);
      const entry = { key: `${Date.now()}-${made}`, values, state: "waiting", attempts: 0, sent: false, known, at, problem: "" };
      entries.push(entry);
      creationStore.save();
      creationRows.queued(entry);
      work();
    },
    // Whether this serial number waits here, is being sent, or is tried again.
    holds: (serial) => entries.some((entry) => entry.state !== "failed" && entry.values.serial_number.toLowerCase() === serial.toLowerCase()),
    entry: (key) => entries.find((entry) => entry.key === key),
    again,
    againAll: () => entries.filter((entry) => entry.state === "stuck").forEach(again),
    drop(entry) {
      forget(entry);
      creationRows.drop(entry);
    },
    on(name, listener) {
      listeners[name] = listener;
    },
    resume() {
      for (const entry of entries) {
        if (entry.state === "sending" || entry.state === "later") Object.assign(entry, { state: "waiting", attempts: 0, due: 0 });
        creationRows.queued(entry);
      }
      work();
    },
    isIdle: () => !working,
  };
})();
