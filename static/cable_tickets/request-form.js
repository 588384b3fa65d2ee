// The request form: chips add what they stand for, and the draft stays in the tab until the ticket exists.
import { itemRows } from "cable_tickets/items";
import { tabStore } from "web/tab-store";
import { gettext as _ } from "web/translation";

const FIELDS = ["location", "assigned_to_id", "needed_by", "notes"];
const EMPTY = { request_key: "", values: {}, priority: "", rows: [] };
const draft = tabStore("request-cable", EMPTY);
const form = document.getElementById("ask");
const created = document.getElementById("created");

// The ticket of this draft exists.
if (created && created.dataset.key === draft.request_key) {
  Object.assign(draft, EMPTY);
  draft.save();
}

function start() {
  const key = form.elements.namedItem("request_key");
  const status = document.getElementById("row-status");
  const chips = [...form.querySelectorAll("[data-chip]")];
  const edits = "edits" in form.dataset;
  const field = (name) => form.elements.namedItem(name);
  const items = itemRows(form, changed);

  // A chip is pressed while all its rows are there.
  function markChips() {
    const there = items.rows().map((row) => row.dataset.of);
    for (const chip of chips) chip.setAttribute("aria-pressed", String(there.includes(chip.value)));
  }

  function save() {
    if (edits) return;
    Object.assign(draft, { request_key: key.value, rows: items.entered(), priority: form.elements.priority.value });
    for (const name of FIELDS) draft.values[name] = field(name).value;
    draft.save();
  }

  function changed() {
    markChips();
    save();
  }

  for (const chip of chips) {
    chip.addEventListener("click", (event) => {
      event.preventDefault();
      const { items: added, location } = JSON.parse(chip.dataset.chip);
      const others = items.entered().filter((row) => row.chip !== chip.value);
      const isPressed = chip.getAttribute("aria-pressed") === "true";
      items.fill(isPressed ? others : [...others, ...added.map((each) => ({ ...each, chip: chip.value }))]);
      if (!isPressed && location && !field("location").value) field("location").value = location;
      status.textContent = isPressed ? _("Removed: %(items)s", { items: chip.textContent.trim() }) : _("Added: %(items)s", { items: chip.textContent.trim() });
      changed();
    });
  }
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);

  const isGiven = "given" in form.dataset || edits; // by the address or by the server's answer
  if (draft.request_key && !isGiven) {
    key.value = draft.request_key;
    for (const name of FIELDS) field(name).value = draft.values[name] ?? "";
    if (draft.priority) form.elements.priority.value = draft.priority;
    if (field("assigned_to_id").selectedIndex < 0) field("assigned_to_id").value = ""; // the account was deactivated in the meantime
    if (draft.values.notes) document.getElementById("more").open = true;
    items.fill(draft.rows);
  }
  changed();
}

if (form) start();
