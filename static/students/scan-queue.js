// Processes scans in order. The id of each makes it idempotent on the server.
import { scanActivity } from "students/scan-activity";
import { scanStore } from "students/scan-store";
import { scanStudent } from "students/scan-student";
import { sendQueue } from "web/send-queue";
import { signals } from "web/signals";
import { randomId } from "web/tab-store";
import { gettext as _ } from "web/translation";

const form = document.getElementById("scan");
const entries = scanStore.entries;
const listeners = { command: () => {} };

export const scanSignals = signals("scan");

const queue = sendQueue({
  entries,
  store: scanStore,
  form,
  timeout: 30_000,
  pauses: [1_000, 2_000, 4_000, 8_000],
  request,
  answered: (entry, status, body) => (status === 200 ? done(entry, body) : failed(entry, body)),
  changed: (entry) => scanActivity.draw(entry),
  signedOut() {
    document.getElementById("signed-out").hidden = false;
    scanSignals.bad(_("Signed out"), _("Sign in again. Your scans are saved in this tab."));
  },
  unreachable: () => scanSignals.bad(_("Server unreachable"), _("The server could not be reached. Keep scanning: your scans are saved and will be processed automatically.")),
  rested: () => scanActivity.count(),
});

// The last change of this tab that can still be undone.
const lastDone = () => entries.filter((entry) => entry.state === "done" && entry.log && !entry.superseded).at(-1);

function request(entry) {
  if (entry.does === "undo") {
    entry.target ??= lastDone()?.log;
    if (!entry.target) return failed(entry, { error: _("Nothing to undo.") });
  }
  const common = { scan_id: entry.id, code: entry.code, accessories: entry.accessories };
  if (entry.does === "assign") {
    entry.student ??= scanStore.chosen;
    if (!entry.studentName && scanStore.panel?.student_id === entry.student) entry.studentName = scanStore.panel.name;
    return [form.dataset.assign, { ...common, student_id: entry.student, due_date: entry.due || null, allow_past_due_date: entry.allowPastDue ?? false }];
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
  queue.remove(entry);
  scanActivity.supersede({ id: body.log_id, asset_tag: body.line, undoes_id: entry.target });
  scanStudent.renew(body.student);
  scanSignals.good(body.line, body.words);
}

function overridden(entry, body) {
  const words = _("Reassigned to %(student)s: %(reason)s", { student: entry.studentName || entry.student, reason: entry.reason });
  queue.update(entry, { state: "done", kind: "override", does: "assign", log: body.log_id, words });
  scanActivity.supersede({ id: body.log_id, asset_tag: body.device });
  scanSignals.good(body.device, words);
  document.dispatchEvent(new Event("poll"));
}

const KINDS = { assigned: "check_in", returned: "check_out", unchanged: "unchanged", student: "chosen", device: "looked" };

function done(entry, body) {
  if (entry.does === "undo") return undone(entry, body);
  if (entry.does === "override") return overridden(entry, body);
  if (body.kind === "card") {
    scanActivity.remove(entry);
    return listeners.command(body.line);
  }
  const isStudent = body.kind === "student";
  const [pattern, name] = isStudent ? [form.dataset.students, body.student.student_id] : [form.dataset.devices, body.line];
  const page = pattern.replace("TAG", encodeURIComponent(name));
  queue.update(entry, { state: "done", name: body.line, kind: KINDS[body.kind], words: body.words, log: body.log_id, cameBack: body.came_back, page });
  if (body.log_id) scanActivity.supersede({ id: body.log_id, asset_tag: body.line });
  if (entry.insteadOf) entries.filter((other) => other.log === entry.insteadOf).forEach(scanActivity.remove);
  if (entry.does !== "assign") scanStore.chosen = "";
  else if (isStudent) scanStore.chosen = body.student.student_id;
  if (entry.does === "assign" && !isStudent) scanStudent.renew(body.student);
  else scanStudent.show(body.student);
  return scanSignals.good(body.line, body.words, body.note);
}

function failed(entry, body) {
  const words = body.reason ?? body.error ?? _("Something went wrong. Try again.");
  if (entry.does === "undo") queue.remove(entry);
  else {
    const isOverridable = entry.does === "assign" && body.code === "device_not_available";
    const pastDue = body.code === "due_date_past";
    queue.update(entry, { state: "failed", words, pastDue, overridable: isOverridable || entry.does === "override", name: body.asset_tag ?? entry.name });
  }
  if (entry.does === "assign" && body.student_stays === false && scanStore.chosen) {
    scanStudent.clear();
    scanSignals.bad(_("Failed"), words, _("No student is selected. Scan the student again."));
  } else scanSignals.bad(entry.does === "undo" ? _("Undo failed") : _("Failed"), words);
  scanActivity.count();
  return null;
}

export const scanQueue = {
  // `values` are {does, code, …}.
  add(values) {
    if (queue.isBlocked()) scanSignals.pending(values.code || _("Undo"), _("Pending. It will be processed when the server is reachable again."));
    queue.add({ id: randomId(), at: Date.now(), ...values });
  },
  // Queues the entry again, behind all pending ones. One that failed without a student gets the student selected now.
  again(entry, values = {}) {
    entries.splice(entries.indexOf(entry), 1);
    entries.push(entry);
    queue.retry(entry, { words: "", student: entry.student || undefined, ...values });
  },
  resume: queue.resume,
  wake: queue.wake,
  onCommand(listener) {
    listeners.command = listener;
  },
  isOutage: queue.isOutage,
  answers: queue.answers,
  isIdle: () => !queue.hasPending(),
};
