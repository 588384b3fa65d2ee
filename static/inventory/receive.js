// Receiving with a scanner: Enter moves to the next field and adds a row, the same cable twice is pointed out, and the draft stays in the tab
// until the server has recorded it.
import { tabStore } from "web/tab-store";
import { gettext as _ } from "web/translation";

const FIELDS = ["vendor", "po_number", "packing_slip", "notes", "request_key"];
const COLUMNS = ["cable_type", "cable_length", "quantity"];
const draft = tabStore("receive-cable", { values: {}, rows: [] });
const form = document.getElementById("receive");
const received = document.getElementById("received");

function forget() {
  Object.assign(draft, { values: {}, rows: [] });
  draft.save();
}

// The delivery of this draft is recorded.
if (received && received.dataset.key === draft.values.request_key) forget();

function receiving() {
  const list = document.getElementById("rows");
  const pattern = document.getElementById("row");
  const status = document.getElementById("row-status");
  let number = list.children.length;

  const rows = () => [...list.children];
  const control = (row, name) => row.querySelector(`[name="${name}"]`);
  const text = (row, name) => control(row, name).value.trim();
  const isEmpty = (row) => !text(row, "cable_type") && !text(row, "cable_length") && !text(row, "quantity");

  function add(values = {}) {
    const row = pattern.content.firstElementChild.cloneNode(true);
    number += 1;
    for (const label of row.querySelectorAll("label")) label.htmlFor = label.htmlFor.replace(/0$/, number);
    for (const name of COLUMNS) {
      const field = control(row, name);
      field.id = field.id.replace(/0$/, number);
      field.value = values[name] ?? "";
    }
    row.querySelector("[data-remove]").hidden = false;
    list.append(row);
    return row;
  }

  function save() {
    for (const name of FIELDS) draft.values[name] = form.elements.namedItem(name).value;
    draft.rows = rows().filter((row) => !isEmpty(row)).map((row) => Object.fromEntries(COLUMNS.map((name) => [name, control(row, name).value])));
    draft.save();
  }

  // Rows of the same cable are added up. Spellings such as "100ft" and "100 ft" are compared by the server.
  function markSame() {
    const first = new Map();
    rows().forEach((row, index) => {
      const key = `${text(row, "cable_type")}\n${text(row, "cable_length")}`.toLowerCase().replace(/\s/g, "");
      let note = row.querySelector(".same");
      const earlier = text(row, "cable_type") && text(row, "cable_length") ? first.get(key) : undefined;
      if (earlier === undefined) {
        note?.remove();
        first.set(key, index);
        return;
      }
      note ??= row.appendChild(Object.assign(document.createElement("p"), { className: "same quiet small" }));
      note.textContent = _("The same cable as in row %(row)s: the pieces are added up.", { row: earlier + 1 });
    });
  }

  function nextRow() {
    const last = list.lastElementChild;
    const row = last && isEmpty(last) ? last : add();
    control(row, "cable_type").focus();
    if (row !== last) status.textContent = _("Row %(row)s was added.", { row: rows().length });
  }

  function advance(field) {
    const fields = [...form.querySelectorAll(".receive-head input, #rows input")];
    const next = fields[fields.indexOf(field) + 1];
    if (field.name === "cable_type" && isEmpty(field.closest("[data-row]"))) return; // nothing was scanned
    if (next) next.focus();
    else nextRow();
  }

  form.addEventListener("keydown", (event) => {
    const field = event.target;
    const isInRows = field.matches("#rows input");
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || !field.matches(".receive-head input, #rows input")) return;
    const endsRow = event.key === "Tab" && isInRows && field.name === "quantity" && !isEmpty(field.closest("[data-row]"));
    if (!event.shiftKey && (event.key === "Enter" || endsRow)) {
      event.preventDefault();
      advance(field);
    }
  });
  form.addEventListener("input", () => { markSame(); save(); });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.matches("[data-add]")) {
      event.preventDefault();
      nextRow();
    } else if (button?.matches("[data-remove]")) {
      button.closest("[data-row]").remove();
      if (!list.children.length) add();
      list.lastElementChild.querySelector("input").focus();
      markSame();
      save();
    } else if (button?.matches("[data-clear]")) {
      forget();
      location.assign(location.pathname);
    }
  });

  if (!("sent" in form.dataset) && draft.values.request_key && (draft.rows.length || FIELDS.some((name) => name !== "request_key" && draft.values[name]))) {
    const given = rows().filter((row) => !isEmpty(row)).map((row) => Object.fromEntries(COLUMNS.map((name) => [name, control(row, name).value])));
    for (const name of FIELDS) form.elements.namedItem(name).value = draft.values[name] ?? "";
    list.replaceChildren();
    [...draft.rows, ...given.filter((row) => !draft.rows.some((one) => one.cable_type === row.cable_type && one.cable_length === row.cable_length))].forEach(add);
    add();
  }
  for (const button of form.querySelectorAll("[data-remove], [data-clear]")) button.hidden = false;
  markSame();
  save();
}

if (form) receiving();
