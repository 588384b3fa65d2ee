// The activity list: scans of this tab and changes at other stations, newest first.
import { scanQueue } from "students/scan-queue";
import { scanStore } from "students/scan-store";
import { isPending } from "web/send-queue";
import { gettext as _, ngettext } from "web/translation";

const MAX_ENTRIES = 200;
const form = document.getElementById("scan");
const list = document.getElementById("list");
const template = document.getElementById("entry").content.firstElementChild;
const emptyNote = document.getElementById("none-yet");
const waiting = document.getElementById("waiting");
const STATES = {
  waiting: [_("pending"), "mark-quiet"],
  sending: [_("pending"), "mark-quiet"],
  later: [_("pending"), "mark-quiet"],
  failed: [_("failed"), "mark-bad"],
  undone: [_("undone"), "mark-quiet"],
};
const KINDS = {
  chosen: [_("selected"), "mark-quiet"],
  looked: [_("looked up"), "mark-quiet"],
  unchanged: [_("no change"), "mark-warn"],
  check_in: [_("assigned"), "mark-good"],
  check_out: [_("returned"), ""],
  maintenance: [_("out of service"), "mark-warn"],
  repair: [_("back in service"), "mark-good"],
  override: [_("reassigned"), "mark-warn"],
};
const rows = new Map(); // entry id → its row
const remote = new Map(); // change id → entry of another station's change
const part = (row, name) => row.querySelector(`[data-of="${name}"]`);
const control = (row, name) => row.querySelector(`[data-do="${name}"]`);

function showButton(row, name, isShown, of) {
  const button = control(row, name);
  button.hidden = !isShown;
  button.querySelector("span").textContent = ` ${of}`;
}

function badge(row, entry) {
  const [words, style] = STATES[entry.state] ?? KINDS[entry.kind] ?? ["", ""];
  Object.assign(part(row, "state"), { textContent: words, className: `mark ${style}`, hidden: !words });
}

// Buttons to mark an accessory as missing after the return.
function missing(entry) {
  return (entry.state === "done" ? entry.cameBack ?? [] : []).map((name) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-second btn-small", textContent: _("Mark %(accessory)s missing", { accessory: name }) });
    Object.assign(button.dataset, { do: "missing", name });
    return button;
  });
}

// ISO, in the time zone of the installation.
const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: form.dataset.zone, dateStyle: "short", timeStyle: "short" });
const when = (at) => clock.format(new Date(at));

function render(row, entry) {
  const name = entry.name || entry.code;
  row.dataset.state = entry.state === "later" ? "waiting" : entry.state;
  row.dataset.id = entry.id;
  part(row, "name").textContent = name.length > 60 ? `${name.slice(0, 60)}…` : name;
  if (entry.page) part(row, "name").href = entry.page;
  else part(row, "name").removeAttribute("href");
  part(row, "at").textContent = [when(entry.at), entry.actor].filter(Boolean).join(" · ");
  part(row, "words").textContent = entry.words ?? "";
  badge(row, entry);
  const isUndoable = entry.state === "done" && Boolean(entry.log) && !entry.superseded && form.elements.namedItem("mode").length > 1;
  showButton(row, "undo", isUndoable, name);
  showButton(row, "again", entry.state === "failed", name);
  showButton(row, "drop", entry.state === "failed", name);
  part(row, "missing").replaceChildren(...(isUndoable ? missing(entry) : []));
  part(row, "does").hidden = ![...row.querySelectorAll("[data-do]")].some((button) => !button.hidden);
  const isOverridable = entry.state === "failed" && "mayOverride" in form.dataset && Boolean(entry.overridable && entry.student);
  part(row, "override").hidden = !isOverridable;
  if (isOverridable) part(row, "override-student").textContent = entry.studentName || entry.student;
}

function count() {
  const open = scanStore.entries.filter((entry) => isPending(entry) && entry.state !== "sending").length;
  emptyNote.hidden = list.children.length > 0;
  waiting.hidden = !scanQueue.isOutage() || open === 0;
  const text = ngettext(
    "The server could not be reached. %(num)s scan is pending and will be processed automatically. Keep scanning.",
    "The server could not be reached. %(num)s scans are pending and will be processed automatically. Keep scanning.",
    open,
  );
  if (!waiting.hidden && waiting.textContent !== text) waiting.textContent = text;
}

function insert(row, at) {
  row.dataset.at = at;
  const older = [...list.children].find((other) => Number(other.dataset.at) <= at);
  if (older) older.before(row);
  else list.append(row);
}

function draw(entry) {
  if (entry.does === "undo") return count();
  let row = rows.get(entry.id);
  if (!row) {
    row = template.cloneNode(true);
    rows.set(entry.id, row);
    insert(row, entry.at);
  }
  render(row, entry);
  return count();
}

function remove(entry) {
  rows.get(entry.id)?.remove();
  rows.delete(entry.id);
  remote.delete(entry.log);
  const index = scanStore.entries.indexOf(entry);
  if (index >= 0) scanStore.entries.splice(index, 1);
  count();
}

const every = () => [...scanStore.entries, ...remote.values()];

// Only a device's last change can be undone.
function supersede(change) {
  for (const entry of every()) {
    if (!entry.log || entry.name !== change.asset_tag || entry.log >= change.id) continue;
    if (entry.log === change.undoes_id) entry.state = "undone";
    if (entry.superseded && entry.state !== "undone") continue;
    entry.superseded = true;
    draw(entry);
  }
}

function trim() {
  const old = every().filter((entry) => !isPending(entry) && entry.state !== "failed").sort((one, other) => other.at - one.at);
  old.slice(MAX_ENTRIES).forEach(remove);
}

export const scanActivity = {
  draw,
  remove,
  supersede,
  count,
  begin() {
    list.replaceChildren();
    scanStore.entries.forEach(draw);
  },
  // A change from the server: one of this tab, possibly before its answer, or another station's.
  addRemote(change) {
    const known = every().some((entry) => entry.log === change.id);
    const ours = scanStore.entries.find((entry) => entry.id === change.scan_id);
    supersede(change);
    if (known || ours || change.undoes_id) return;
    const entry = { id: `log-${change.id}`, state: "done", does: "remote", log: change.id, name: change.asset_tag, kind: change.action };
    Object.assign(entry, { words: change.words, actor: change.actor, at: Date.parse(change.timestamp) });
    entry.page = form.dataset.devices.replace("TAG", encodeURIComponent(change.asset_tag));
    remote.set(change.id, entry);
    draw(entry);
    trim();
  },
  find: (id) => every().find((entry) => entry.id === id),
  every,
};
