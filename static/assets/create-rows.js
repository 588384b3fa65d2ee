// The list of created assets: what the server knows, with this tab's pending entries on top.
import { creationStore } from "assets/create-store";
import { gettext as _ } from "web/translation";

const form = document.getElementById("create");
const list = document.getElementById("list");
const pattern = document.getElementById("row");
const count = document.getElementById("count");
const unprinted = document.getElementById("unprinted");
const retryAll = document.getElementById("again-all");
const WORDS = {
  waiting: [_("pending"), "mark-quiet"],
  sending: [_("creating"), ""],
  later: [_("retrying soon"), "mark-warn"],
  stuck: [_("not created yet"), "mark-bad"],
  failed: [_("not created"), "mark-bad"],
};
const piece = (row, name) => row.querySelector(`[data-of="${name}"]`);
const clock = (date) => date.toTimeString().slice(0, 5);

function show(element, shown) {
  if (element) element.hidden = !shown;
}

function fresh(serial, description) {
  const row = pattern.content.firstElementChild.cloneNode(true);
  row.dataset.serial = serial.toLowerCase();
  piece(row, "serial").textContent = serial;
  piece(row, "description").textContent = description;
  return row;
}

// Updates the row's text and buttons from the entry.
function dress(row, entry) {
  const [words, look] = WORDS[entry.state];
  row.dataset.state = entry.state;
  piece(row, "state").textContent = words;
  piece(row, "state").className = `mark ${look}`;
  piece(row, "time").textContent = entry.at;
  piece(row, "problem").textContent = entry.problem ?? "";
  show(piece(row, "problem"), entry.problem);
  show(row.querySelector(".created-does"), ["later", "stuck", "failed"].includes(entry.state));
  retryAll.hidden = creationStore.queue.filter((one) => one.state === "stuck").length < 2;
}

function tally() {
  document.getElementById("none-yet").hidden = list.children.length > 0;
  if (!unprinted) return;
  const ids = [...list.querySelectorAll('[data-state="created"]:not([data-printed])')].map((row) => row.dataset.asset);
  unprinted.elements.namedItem("asset_ids").value = ids.join(",");
  unprinted.hidden = ids.length === 0;
}

function rowOf(entry) {
  return list.querySelector(`[data-key="${entry.key}"]`);
}

function ofAsset(id) {
  return list.querySelector(`[data-asset="${id}"]`);
}

function createdRows() {
  return [...list.querySelectorAll('[data-state="created"]')];
}

// Removes other rows with the same serial number that this one replaces.
function dropOthers(serial, row) {
  for (const other of list.querySelectorAll(`[data-serial="${CSS.escape(serial.toLowerCase())}"]`)) {
    if (other !== row && other.dataset.state !== "created") other.remove();
  }
}

function queued(entry) {
  const row = fresh(entry.values.serial_number, `${entry.values.manufacturer} ${entry.values.model}`);
  row.dataset.key = entry.key;
  dropOthers(entry.values.serial_number, row);
  dress(row, entry);
  list.prepend(row);
  tally();
}

function created(entry, id, tag) {
  const row = rowOf(entry);
  const known = ofAsset(id); // the server's row, if the response to an earlier request was lost
  known?.remove();
  const link = piece(row, "tag");
  delete row.dataset.key;
  Object.assign(row.dataset, { state: "created", asset: id });
  Object.assign(link, { href: form.dataset.asset.replace(/0$/, id), textContent: tag, hidden: false });
  piece(row, "state").remove();
  piece(row, "time").textContent = clock(new Date());
  show(piece(row, "problem"), false);
  row.querySelector(".created-does").remove();
  show(row.querySelector(".created-label"), true);
  const print = row.querySelector('[data-do="print"]');
  if (print) {
    print.href = `${form.dataset.print}?asset_id=${id}&autoprint=1`;
    print.querySelector(".visually-hidden").textContent = _(" of %(tag)s", { tag });
  }
  dropOthers(entry.values.serial_number, row);
  if (!known) count.dataset.count = String(Number(count.dataset.count) + 1);
  count.textContent = count.dataset.count;
  tally();
}

export const creationRows = {
  queued,
  created,
  dress: (entry) => dress(rowOf(entry), entry),
  drop(entry) {
    rowOf(entry)?.remove();
    tally();
  },
  // Whether the list has an asset with this serial number.
  knows: (serial) => Boolean(list.querySelector(`[data-state="created"][data-serial="${CSS.escape(serial.toLowerCase())}"]`)),
  // The tag of the asset, if the list has it with this serial number.
  tagOf(id, serial) {
    const row = ofAsset(id);
    return row && row.dataset.serial === serial.toLowerCase() ? piece(row, "tag").textContent : null;
  },
  isPrinted: (id) => "printed" in (ofAsset(id)?.dataset ?? {}),
  // Shows the state of an asset's label: "queued", "printed", or "failed" with a problem.
  label(id, state, problem = "") {
    const row = ofAsset(id);
    if (!row) return;
    if (state === "printed") row.dataset.printed = "";
    show(piece(row, "printed"), state !== "failed" && (state === "printed" || "printed" in row.dataset));
    piece(row, "printed-at").textContent = state === "printed" ? clock(new Date()) : state === "queued" ? _("waiting for the printer") : "";
    show(row.querySelector('[data-do="print"]'), state === "failed");
    piece(row, "print-words").textContent = state === "failed" ? _("Retry print") : _("Print label");
    piece(row, "problem").textContent = problem;
    show(piece(row, "problem"), problem);
    tally();
  },
  // Replaces the list with the server's; pending entries stay on top. What was created or printed since it was requested may be missing in it.
  async refresh() {
    const before = new Set(createdRows().map((row) => row.dataset.asset));
    const printedBefore = new Set(createdRows().filter((row) => "printed" in row.dataset).map((row) => row.dataset.asset));
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const theirs = page.getElementById("list");
    if (!theirs) return false; // signed out
    const newer = page.getElementById("count");
    const since = createdRows().filter((row) => !before.has(row.dataset.asset));
    const printed = createdRows().filter((row) => "printed" in row.dataset && !printedBefore.has(row.dataset.asset));
    list.replaceChildren(...theirs.children);
    const missing = since.filter((row) => !ofAsset(row.dataset.asset));
    list.prepend(...missing);
    count.dataset.count = String(Number(newer.dataset.count) + missing.length);
    count.textContent = count.dataset.count;
    for (const { dataset } of printed) if (!this.isPrinted(dataset.asset)) this.label(dataset.asset, "printed");
    creationStore.queue.forEach(queued);
    creationStore.prints.forEach((one) => { if (!this.isPrinted(one.asset)) this.label(one.asset, "queued"); });
    tally();
    return true;
  },
  onPress(press) {
    list.addEventListener("click", (event) => {
      const pressed = event.target.closest("[data-do]");
      if (pressed) press(pressed.dataset.do, pressed.closest("li"), event);
    });
  },
  tally,
};
