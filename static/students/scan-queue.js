// Processes scans one at a time, in order. Each is stored before it is sent; its id makes it idempotent on the server.
"use strict";

const scanQueue = (() => {
  const PAUSES = [1_000, 2_000, 4_000, 8_000]; // ms between retries
  const PATIENCE = 30_000; // ms, timeout of a request
  const AWAY = [0, 429, 502, 503, 504]; // no answer, or an answer of a proxy or an overloaded server
  const form = document.getElementById("scan");
  const entries = scanStore.entries;
  const listeners = { card: () => {} };
  let working = false;
  let halted = false;
  let failures = 0;
  let answers = 0;
  let waking = 0;

  const csrf = () => form.elements.namedItem("csrf_token").value;
  const headers = () => ({ "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrf() });

  // The answer's status and body; status 0 when there was none.
  async function ask(address, values) {
    try {
      const body = JSON.stringify(values);
      const answer = await fetch(address, { method: "POST", headers: headers(), body, signal: AbortSignal.timeout(PATIENCE) });
      return { status: answer.status, body: await answer.json() };
    } catch {
      return { status: 0, body: {} };
    }
  }

  function tell(entry, values) {
    Object.assign(entry, values);
    scanStore.save();
    scanLines.draw(entry);
  }

  // The last change of this tab that can still be undone.
  const lastDone = () => entries.filter((entry) => entry.state === "done" && entry.log && !entry.superseded).at(-1);

  function request(entry) {
    const common = { scan_id: entry.id, code: entry.code, accessories: entry.accessories };
    if (entry.does === "assign") {
      entry.student ??= scanStore.chosen;
      if (!entry.studentName && scanStore.panel?.student_id === entry.student) entry.studentName = scanStore.panel.name;
      return [form.dataset.assign, { ...common, student_id: entry.student, due_date: entry.due || null }];
    }
    if (entry.does === "undo") return [form.dataset.undo, { scan_id: entry.id, log_id: entry.target }];
    if (entry.does === "lookup") return [form.dataset.resolve, { code: entry.code }];
    if (entry.does === "override") {
      return [form.dataset.override.replace("TAG", encodeURIComponent(entry.name)), { student_id: entry.student, reason: entry.reason }];
    }
    const more = { condition: entry.does === "damaged" ? "damaged" : "", ticket: entry.ticket ?? null, instead_of: entry.insteadOf ?? null };
    return [form.dataset.return, { ...common, ...more }];
  }

  function undone(entry, body) {
    entries.splice(entries.indexOf(entry), 1);
    scanLines.supersede({ id: body.log_id, asset_tag: body.line, undoes_id: entry.target });
    scanTable.renew(body.student);
    scanSignals.good(body.line, body.words);
  }

  function overridden(entry, body) {
    const words = `Reassigned to ${entry.studentName || entry.student}: ${entry.reason}`;
    tell(entry, { state: "done", kind: "override", does: "assign", log: body.log_id, words });
    scanLines.supersede({ id: body.log_id, asset_tag: body.device });
    scanSignals.good(body.device, words);
    document.dispatchEvent(new Event("look-again"));
  }

  const KINDS = { assigned: "check_in", returned: "check_out", unchanged: "unchanged", student: "chosen", device: "looked" };

  function done(entry, body) {
    if (entry.does === "undo") return undone(entry, body);
    if (entry.does === "override") return overridden(entry, body);
    if (body.kind === "card") {
      scanLines.forget(entry);
      return listeners.card(body.line);
    }
    const isStudent = body.kind === "student";
    const [pattern, name] = isStudent ? [form.dataset.students, body.student.student_id] : [form.dataset.devices, body.line];
    const page = pattern.replace("TAG", encodeURIComponent(name));
    tell(entry, { state: "done", name: body.line, kind: KINDS[body.kind], words: body.words, log: body.log_id, cameBack: body.came_back, page });
    if (body.log_id) scanLines.supersede({ id: body.log_id, asset_tag: body.line });
    if (entry.insteadOf) entries.filter((other) => other.log === entry.insteadOf).forEach(scanLines.forget);
    if (entry.does !== "assign") scanStore.chosen = "";
    else if (isStudent) scanStore.chosen = body.student.student_id;
    if (entry.does === "assign" && !isStudent) scanTable.renew(body.student);
    else scanTable.show(body.student);
    return scanSignals.good(body.line, body.words, body.note);
  }

  function failed(entry, body) {
    const words = body.reason ?? body.error ?? "Something went wrong. Try again.";
    if (entry.does === "undo") entries.splice(entries.indexOf(entry), 1);
    else {
      const held = entry.does === "assign" && body.code === "device_not_available";
      tell(entry, { state: "failed", words, held: held || entry.does === "override", name: body.asset_tag ?? entry.name });
    }
    if (entry.does === "assign" && body.student_stays === false && scanStore.chosen) {
      scanTable.leave();
      scanSignals.bad("Failed", words, "No student is selected. Scan the student again.");
    } else scanSignals.bad(entry.does === "undo" ? "Undo failed" : "Failed", words);
    scanLines.count();
  }

  async function send(entry) {
    if (entry.does === "undo") {
      entry.target ??= lastDone()?.log;
      if (!entry.target) return failed(entry, { error: "Nothing to undo." });
    }
    const [address, values] = request(entry);
    tell(entry, { state: "sending" });
    const { status, body } = await ask(address, values);
    if (status === 401 || status === 403) {
      halted = true;
      tell(entry, { state: "waiting" });
      document.getElementById("signed-out").hidden = false;
      return scanSignals.bad("Signed out", "Sign in again. Your scans are kept in this tab.");
    }
    if (AWAY.includes(status)) {
      failures += 1;
      tell(entry, { state: "waiting" });
      if (failures === 1) scanSignals.bad("Not reachable", "The server is not reachable. Keep scanning: scans are kept and processed automatically.");
      return null;
    }
    failures = 0;
    answers += 1;
    if (status === 200) done(entry, body);
    else failed(entry, body);
    return scanStore.save();
  }

  async function work() {
    if (working) return;
    working = true;
    clearTimeout(waking);
    for (let entry = entries.find(isOpen); entry && !halted; entry = entries.find(isOpen)) {
      await send(entry);
      if (failures) {
        waking = setTimeout(work, PAUSES[Math.min(failures, PAUSES.length) - 1]);
        break;
      }
    }
    working = false;
    scanLines.count();
  }

  const isOpen = (entry) => entry.state === "waiting" || entry.state === "sending";
  askBeforeClosing(() => entries.some(isOpen));

  return {
    // `values` are {does, code, …}.
    add(values) {
      const entry = { id: scanStore.id(), state: "waiting", at: Date.now(), ...values };
      entries.push(entry);
      scanStore.save();
      scanLines.draw(entry);
      if (failures || halted) scanSignals.kept(entry.code || "Undo", "Pending. It will be processed when the server is reachable.");
      work();
    },
    // Queues the entry again, behind all pending ones. One that failed without a student gets the student selected now.
    again(entry, values = {}) {
      entries.splice(entries.indexOf(entry), 1);
      entries.push(entry);
      tell(entry, { state: "waiting", words: "", student: entry.student || undefined, ...values });
      work();
    },
    resume() {
      for (const entry of entries.filter((other) => other.state === "sending")) entry.state = "waiting";
      work();
    },
    // The server is reachable again: retries immediately.
    wake() {
      if (failures) work();
    },
    onCard(listener) {
      listeners.card = listener;
    },
    isHeldUp: () => failures > 0,
    // The number of answers. Data requested before the last answer may be stale.
    answers: () => answers,
    isIdle: () => !entries.some(isOpen),
  };
})();
