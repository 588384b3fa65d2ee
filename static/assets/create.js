// The form of *Create assets*. It accepts the next serial number immediately, even while others are pending.
import { creationCheck } from "assets/create-check";
import { creationPrints } from "assets/create-prints";
import { creationQueue, creationSignals } from "assets/create-queue";
import { creationRows } from "assets/create-rows";
import { cleanSerial } from "assets/create-serial";
import { creationStore, previousValues, rememberValue } from "assets/create-store";
import { scanner } from "web/scanner";
import { gettext as _ } from "web/translation";

const form = document.getElementById("create");
const fields = form.elements;
const serial = fields.namedItem("serial_number");
const name = fields.namedItem("internal_name");
const shared = [...form.querySelectorAll("[data-shared]")]; // fields that keep their value for the next asset
const remembered = [...shared, name];
let incomplete = ""; // the serial number that waits in its field until a missing field is filled in

function saveForm() {
  for (const field of remembered) creationStore.values[field.name] = field.value;
  creationStore.save();
}

function suggest() {
  for (const field of shared.filter((each) => each.list)) {
    field.list.replaceChildren(...previousValues(field.name).map((value) => new Option("", value)));
  }
}

// Shows the error of a field, or removes it without `words`.
function mark(field, words) {
  const id = `${field.id}-error`;
  let text = document.getElementById(id);
  const described = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((other) => other && other !== id);
  if (!words) text?.remove();
  else {
    if (!text) {
      text = Object.assign(document.createElement("p"), { id, className: "field-error" });
      field.after(text);
    }
    text.textContent = words;
    described.unshift(id);
  }
  field.classList.toggle("is-invalid", Boolean(words));
  if (words) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  if (described.length) field.setAttribute("aria-describedby", described.join(" "));
  else field.removeAttribute("aria-describedby");
}

function refuse(field, words) {
  mark(field, words);
  creationSignals.bad(_("Not created"), words);
  field.focus();
  field.select?.();
}

const labelOf = (field) => field.labels[0].textContent.trim();

// `Dell #9` → `Dell #10`; a name without a number is cleared.
function following(text) {
  const number = /\d+$/.exec(text)?.[0];
  return number ? text.slice(0, -number.length) + String(BigInt(number) + 1n).padStart(number.length, "0") : "";
}

// The values, or null if one is missing or invalid, which is shown.
function values() {
  const read = {};
  for (const field of [serial, ...remembered]) {
    read[field.name] = field.value.trim();
    mark(field, "");
  }
  read.serial_number = cleanSerial(read.serial_number);
  incomplete = "";
  const problem = read.serial_number && creationCheck.problemOf(read.serial_number);
  if (problem) return refuse(serial, problem) ?? null;
  const empty = [serial, ...shared].find((field) => field.required && !read[field.name]);
  if (empty) {
    incomplete = empty === serial ? "" : read.serial_number;
    return refuse(empty, _("%(field)s is required.", { field: labelOf(empty) })) ?? null;
  }
  return read;
}

function submit(event) {
  event.preventDefault();
  form.ariaBusy = "false"; // the field is free for the next scan immediately
  creationCheck.stop();
  const read = values();
  if (!read) return;
  for (const field of shared) if (field.list) rememberValue(field.name, read[field.name]);
  suggest();
  serial.value = "";
  name.value = following(read.internal_name);
  saveForm();
  creationQueue.add(read);
  serial.focus();
}

// The scan of a serial number does not replace one that waits for a missing field.
function scanned(code) {
  const missing = shared.find((field) => field.required && !field.value.trim());
  if (!missing || !incomplete || cleanSerial(code) === incomplete) {
    serial.value = code;
    form.requestSubmit();
    return;
  }
  serial.value = incomplete;
  const values = { code, field: labelOf(missing), serial: incomplete };
  refuse(missing, _("%(code)s was not added. Fill in %(field)s for %(serial)s, press Enter, then scan %(code)s again.", values));
}

function failed(entry, body) {
  const field = fields.namedItem(body.field ?? "");
  creationSignals.bad(entry.values.serial_number, body.error);
  if (!field) return;
  const isFree = !serial.value;
  if (field !== serial || isFree) mark(field, field === serial ? _("%(problem)s. Scan the next one.", { problem: body.error }) : body.error);
  if (!isFree) return;
  serial.value = entry.values.serial_number;
  if (name.value === following(entry.values.internal_name)) name.value = entry.values.internal_name;
  saveForm();
  const here = document.activeElement;
  if (field === serial && (here === serial || here === document.body)) {
    serial.focus();
    serial.select(); // the next scan replaces it
  }
}

function created(entry, tag) {
  const { serial_number: number, manufacturer, model } = entry.values;
  creationSignals.good(tag, `${number} · ${manufacturer} ${model}`);
  creationCheck.preview();
}

async function clear() {
  for (const field of remembered) field.value = "";
  fields.namedItem("catalog").value = [...fields.namedItem("catalog").options].find((option) => option.defaultSelected)?.value ?? "";
  serial.value = "";
  for (const field of [serial, ...remembered]) mark(field, "");
  creationCheck.stop();
  saveForm();
  serial.focus();
  creationCheck.preview();
  try {
    await fetch(form.dataset.clear, { method: "POST", headers: { "X-CSRFToken": fields.namedItem("csrf_token").value } });
  } catch {
    // the form is already cleared: the server does not store it
  }
}

function press(does, row, event) {
  const entry = creationQueue.entry(row.dataset.key);
  if (does === "print") {
    event.preventDefault();
    creationPrints.add(Number(row.dataset.asset), row.querySelector('[data-of="tag"], .tag-name').textContent);
  } else if (does === "again") creationQueue.retry(entry);
  else creationQueue.drop(entry);
  serial.focus();
}

for (const field of remembered) {
  const stored = creationStore.values[field.name];
  if (stored !== undefined && !field.value) field.value = stored;
  field.addEventListener("input", () => { mark(field, ""); saveForm(); });
}
const catalog = fields.namedItem("catalog");
if ([...catalog.options].some((option) => option.value === creationStore.values.catalog)) catalog.value = creationStore.values.catalog;
catalog.addEventListener("change", () => { saveForm(); creationCheck.preview(); });

serial.addEventListener("input", () => {
  incomplete = "";
  mark(serial, "");
  creationCheck.typed();
});
serial.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  serial.value = "";
  mark(serial, "");
  creationCheck.stop();
});
form.addEventListener("submit", submit);
scanner({ field: serial, scanned });
document.getElementById("clear").addEventListener("click", clear);
document.getElementById("again-all").addEventListener("click", () => { creationQueue.retryAll(); serial.focus(); });
document.addEventListener("label-done", ({ detail }) => {
  if (!detail.printed) creationSignals.bad(_("%(tag)s: no label", { tag: detail.tag }), _("The asset was created, but its label was not printed. Press Retry print in the list."));
  if (document.activeElement === document.body) serial.focus();
});
creationRows.onPress(press);
creationQueue.on("created", created);
creationQueue.on("failed", failed);

for (const id of ["clear", "settings", "next"]) document.getElementById(id).hidden = false;
suggest();
creationCheck.preview();
creationQueue.resume();
creationPrints.resume();
serial.focus();

const AGAIN = 20_000; // ms until a pending creation is checked again
const isOpen = () => document.querySelector('#list [data-state="unknown"], #list [data-state="sent"], #list [data-state="claimed"]');
let isStale = false;
document.getElementById("unprinted")?.addEventListener("submit", () => { isStale = true; });
async function refreshList() {
  if (!creationQueue.isIdle() || document.hidden) return;
  isStale = false;
  try {
    await creationRows.refresh();
  } catch {
    // the list is refreshed later
  }
}
window.addEventListener("focus", () => { if (isStale) refreshList(); });
setInterval(() => { if (isStale || isOpen()) refreshList(); }, AGAIN);
