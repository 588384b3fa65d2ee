// The items of a request or of a kit: rows that are added and removed without asking the server.
import { gettext as _ } from "web/translation";

export const COLUMNS = ["cable_type", "cable_length", "quantity", "cable_gauge"];

// `changed` is called after each change of the rows.
export function itemRows(form, changed = () => {}) {
  const list = form.querySelector("#rows");
  const pattern = form.querySelector("#row");
  const status = form.querySelector("#row-status");
  let number = list.children.length;

  const rows = () => [...list.children];
  const control = (row, name) => row.querySelector(`[name="${name}"]`);
  const valueOf = (row, name) => control(row, name).value.trim();
  const isBlank = (row) => !valueOf(row, "cable_type") && !valueOf(row, "cable_length") && !valueOf(row, "cable_gauge");
  const values = (row) => ({ ...Object.fromEntries(COLUMNS.map((name) => [name, control(row, name).value])), chip: row.dataset.of ?? "" });

  function add(given = {}) {
    const row = pattern.content.firstElementChild.cloneNode(true);
    number += 1;
    for (const label of row.querySelectorAll("label")) label.htmlFor = label.htmlFor.replace(/0$/, number);
    for (const name of COLUMNS) {
      const field = control(row, name);
      field.id = field.id.replace(/0$/, number);
      if (name in given) field.value = given[name];
    }
    if (given.chip) row.dataset.of = given.chip;
    row.querySelector("[data-remove]").hidden = false;
    list.append(row);
    return row;
  }

  function remove(row) {
    row.remove();
    if (!list.children.length) add();
  }

  // What is entered now, without blank rows.
  const entered = () => rows().filter((row) => !isBlank(row)).map(values);

  // Replaces all rows.
  function fill(all) {
    list.replaceChildren();
    for (const each of all) add(each);
    if (!all.length) add();
  }

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.matches("[data-add]")) {
      event.preventDefault();
      const blank = rows().find(isBlank);
      control(blank ?? add(), "cable_type").focus();
      if (!blank) status.textContent = _("Item %(number)s was added.", { number: rows().length });
      changed();
    } else if (button?.matches("[data-remove]")) {
      remove(button.closest("[data-row]"));
      control(list.lastElementChild, "cable_type").focus();
      status.textContent = _("The item was removed.");
      changed();
    }
  });
  list.addEventListener("input", (event) => {
    delete event.target.closest("[data-row]").dataset.of; // changed by hand: it no longer goes with its chip
  });
  for (const button of list.querySelectorAll("[data-remove]")) button.hidden = false;
  return { rows, isBlank, values, entered, fill };
}
