// The scan station: a field that is always ready, modes by key and by command, and changes at other stations.
import { scanActivity } from "students/scan-activity";
import { scanQueue, scanSignals } from "students/scan-queue";
import { scanStore } from "students/scan-store";
import { scanStudent } from "students/scan-student";
import { isText, scanner } from "web/scanner";
import { gettext as _ } from "web/translation";

const POLL_INTERVAL = 3_000; // ms between polls for changes at other stations
const KEYS = { F2: "assign", F4: "return", F8: "damaged", F9: "lookup" };
const COMMANDS = { "MODE:ASSIGN": "assign", "MODE:RETURN": "return", "MODE:DAMAGED": "damaged", "MODE:LOOKUP": "lookup" };
const READY = {
  assign: _("Scan a student, then the devices."),
  return: _("Scan the returned devices."),
  damaged: _("Scan the damaged devices. They are set to maintenance."),
  lookup: _("Scan a student or a device. Nothing changes."),
};
const WITHOUT = "WITHOUT:";
const TEST = "TEST:Qwazy-M019"; // the server says what is wrong with one that arrives otherwise
const form = document.getElementById("scan");
const field = document.getElementById("code");
const list = document.getElementById("list");
const due = document.getElementById("due");
const ticket = document.getElementById("ticket");
const noDue = document.getElementById("no-due");
const pastDue = document.getElementById("past-due");
const calendar = new Intl.DateTimeFormat("sv-SE", { timeZone: form.dataset.zone, dateStyle: "short" }); // ISO
const radios = [...document.querySelectorAll('input[name="mode"]')];
const accessoryCheckboxes = [...document.querySelectorAll('input[name="accessories"]')];
const mode = () => radios.find((radio) => radio.checked).value;
let after = null;
let polling = false;

function choose(name) {
  const radio = radios.find((other) => other.value === name);
  if (!radio) return;
  const changes = scanStore.mode !== name;
  radio.checked = true;
  scanStore.mode = name;
  if (changes) for (const checkbox of accessoryCheckboxes) checkbox.checked = true;
  scanStore.save();
  scanSignals.plain(radio.dataset.title, READY[name]);
}

function without(name) {
  const checkbox = accessoryCheckboxes.find((other) => other.value.toUpperCase() === name);
  if (!checkbox) return scanSignals.bad(_("Failed"), _("Unknown accessory: %(name)s.", { name }));
  checkbox.checked = false;
  return scanSignals.good(_("Without %(accessory)s", { accessory: checkbox.value }), mode() === "assign" ? _("Until you select its checkbox again.") : _("Applies to the next device."));
}

function test(ending) {
  const words = { Enter: _("It ends with Enter."), Tab: _("It ends with Tab, which is recognized on every page with a scan field.") };
  scanSignals.good(_("Scanner ready"), [_("Letters, digits and the hyphen arrive as printed."), words[ending]].filter(Boolean).join(" "));
}

// Whether the text was a command.
function runCommand(text, ending) {
  const code = text.toUpperCase();
  if (text === TEST) test(ending);
  else if (COMMANDS[code]) choose(COMMANDS[code]);
  else if (code === "DO:UNDO") undo();
  else if (code.startsWith(WITHOUT) && code.length > WITHOUT.length) without(code.slice(WITHOUT.length));
  else return false;
  return true;
}

function undo(target) {
  if (radios.length > 1) scanQueue.add({ does: "undo", code: "", target });
}

// The due date of the form. One in the past has a checkbox that allows it.
function dueDate() {
  pastDue.hidden = !due.value || due.value >= calendar.format(new Date());
  return { due: due.value, allowPastDue: !pastDue.hidden && pastDue.control.checked };
}

function scan(code, ending) {
  if (!code || runCommand(code, ending)) return;
  const does = mode();
  const entry = { does, code, accessories: accessoryCheckboxes.filter((checkbox) => checkbox.checked).map((checkbox) => checkbox.value) };
  if (does === "assign") Object.assign(entry, dueDate());
  if (does === "damaged" && document.getElementById("ticket-wanted").checked) entry.ticket = ticket.value.trim();
  if (does === "return" || does === "damaged") for (const checkbox of accessoryCheckboxes) checkbox.checked = true;
  if (does === "damaged") ticket.value = "";
  scanQueue.add(entry);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  form.ariaBusy = "false"; // ready for the next scan
  const code = field.value.trim();
  field.value = "";
  field.focus();
  scan(code, "Enter");
});

// --- keys

scanner({
  field,
  catchKeys: true,
  scanned(code, { ending }) {
    field.value = "";
    scan(code, ending);
  },
});

document.addEventListener("keydown", (event) => {
  const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
  if (KEYS[event.key] && !hasModifier && radios.some((radio) => radio.value === KEYS[event.key])) {
    event.preventDefault();
    choose(KEYS[event.key]);
    field.focus();
  } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !(isText(event.target) && event.target.value)) {
    event.preventDefault();
    undo();
  } else if (event.key === "Escape" && event.target === field) field.value = "";
  else if (event.key === "Enter" && (event.target === ticket || event.target === due)) {
    event.preventDefault();
    field.focus();
  }
}, true);

// --- pointer

for (const radio of radios) {
  radio.addEventListener("change", () => choose(radio.value));
  radio.addEventListener("click", (event) => { if (event.detail) field.focus(); }); // arrow keys move to the next mode
}
for (const checkbox of accessoryCheckboxes) checkbox.addEventListener("click", (event) => { if (event.detail) field.focus(); });

function correct(entry, name) {
  const accessories = entry.cameBack.filter((other) => other !== name);
  const does = entry.does === "damaged" ? "damaged" : "return";
  scanQueue.add({ does, code: entry.name, name: entry.name, accessories, insteadOf: entry.log, ticket: entry.ticket });
}

list.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  const entry = scanActivity.find(button.closest("li").dataset.id);
  const does = button.dataset.do;
  if (does === "undo") undo(entry.log);
  else if (does === "missing") correct(entry, button.dataset.name);
  else if (does === "again") scanQueue.again(entry, entry.pastDue ? dueDate() : {});
  else {
    scanActivity.remove(entry);
    scanStore.save();
  }
  field.focus();
});

list.addEventListener("submit", (event) => {
  event.preventDefault();
  const entry = scanActivity.find(event.target.closest("li").dataset.id);
  const reason = event.target.elements.namedItem("reason").value.trim();
  if (!reason) return;
  scanQueue.again(entry, { does: "override", reason });
  field.focus();
});

if (due) {
  let byKeys = false; // then the focus stays for further typing
  due.addEventListener("keydown", () => { byKeys = true; });
  due.addEventListener("blur", () => { byKeys = false; });
  due.addEventListener("change", () => {
    noDue.hidden = !due.value;
    pastDue.control.checked = false; // it allows one date only
    dueDate();
    if (!byKeys) field.focus();
  });
  noDue.addEventListener("click", () => {
    due.value = "";
    noDue.hidden = true;
    dueDate();
    field.focus();
  });
  pastDue.addEventListener("click", (event) => { if (event.detail) field.focus(); });
  noDue.hidden = !due.value;
  dueDate();
}

// --- other stations

async function poll() {
  if (polling || document.hidden) return;
  polling = true;
  const shown = scanStore.panel?.student_id ?? "";
  const answers = scanQueue.answers();
  const asked = new URLSearchParams(after === null ? { student_id: shown } : { after, student_id: shown });
  try {
    const answer = await fetch(`${form.dataset.recent}?${asked}`, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(10_000) });
    if (answer.ok) {
      const body = await answer.json();
      body.changes.forEach(scanActivity.addRemote);
      const isFresh = scanQueue.isIdle() && scanQueue.answers() === answers; // answers to this tab's scans are newer
      if (isFresh && shown && !body.student) scanStudent.clear();
      else if (isFresh) scanStudent.renew(body.student);
      after = body.after;
      scanStore.save();
      scanQueue.wake();
    }
  } catch {
    // retried by the next poll
  }
  polling = false;
}

scanQueue.onCommand((code) => runCommand(code));
document.addEventListener("poll", poll);
document.addEventListener("visibilitychange", poll);
setInterval(poll, POLL_INTERVAL);

document.getElementById("sound-label").hidden = false;
document.getElementById("keys")?.removeAttribute("hidden");
if (scanStore.mode && !new URLSearchParams(location.search).has("mode")) {
  const stored = radios.find((radio) => radio.value === scanStore.mode);
  if (stored) stored.checked = true;
}
scanStore.mode = mode();
scanSignals.plain(_("Ready"), READY[mode()]);
scanStudent.draw();
scanActivity.begin();
scanQueue.resume();
poll();
field.focus();
