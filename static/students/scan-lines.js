// The list: what was scanned here, and what changed at other tables; the newest first.
"use strict";

const scanLines = (() => {
  const MOST = 200;
  const form = document.getElementById("scan");
  const list = document.getElementById("list");
  const pattern = document.getElementById("line").content.firstElementChild;
  const none = document.getElementById("none-yet");
  const waiting = document.getElementById("waiting");
  const STATES = {
    waiting: ["waiting", "mark-quiet"],
    sending: ["waiting", "mark-quiet"],
    failed: ["not done", "mark-bad"],
    undone: ["undone", "mark-quiet"],
  };
  const KINDS = {
    chosen: ["student", "mark-quiet"],
    looked: ["looked up", "mark-quiet"],
    unchanged: ["no change", "mark-warn"],
    check_in: ["assigned", "mark-good"],
    check_out: ["returned", ""],
    maintenance: ["maintenance", "mark-warn"],
    repair: ["repaired", "mark-good"],
    override: ["reassigned", "mark-warn"],
  };
  const rows = new Map(); // id of the entry → its row
  const strange = new Map(); // change of another table → what the script knows of it
  const piece = (row, name) => row.querySelector(`[data-of="${name}"]`);
  const press = (row, name) => row.querySelector(`[data-do="${name}"]`);

  function offer(row, name, offered, of) {
    const button = press(row, name);
    button.hidden = !offered;
    button.querySelector("span").textContent = ` ${of}`;
  }

  function badge(row, entry) {
    const [words, look] = STATES[entry.state] ?? KINDS[entry.kind] ?? ["", ""];
    Object.assign(piece(row, "state"), { textContent: words, className: `mark ${look}`, hidden: !words });
  }

  // Buttons that say what did not come back after all.
  function missing(entry) {
    return (entry.state === "done" ? entry.cameBack ?? [] : []).map((name) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-second btn-small", textContent: `No ${name}` });
      Object.assign(button.dataset, { do: "missing", name });
      return button;
    });
  }

  function when(at) {
    const then = new Date(at);
    const day = then.toDateString() === new Date().toDateString() ? "" : then.toLocaleDateString();
    return [day, then.toTimeString().slice(0, 5)].filter(Boolean).join(" ");
  }

  function dress(row, entry) {
    const name = entry.name || entry.code;
    row.dataset.state = entry.state;
    row.dataset.id = entry.id;
    piece(row, "name").textContent = name.length > 60 ? `${name.slice(0, 60)}…` : name;
    if (entry.page) piece(row, "name").href = entry.page;
    else piece(row, "name").removeAttribute("href");
    piece(row, "at").textContent = [when(entry.at), entry.actor].filter(Boolean).join(" · ");
    piece(row, "words").textContent = entry.words ?? "";
    badge(row, entry);
    const isUndoable = entry.state === "done" && Boolean(entry.log) && !entry.superseded && form.elements.namedItem("mode").length > 1;
    offer(row, "undo", isUndoable, name);
    offer(row, "again", entry.state === "failed", name);
    offer(row, "drop", entry.state === "failed", name);
    piece(row, "missing").replaceChildren(...(isUndoable ? missing(entry) : []));
    piece(row, "does").hidden = ![...row.querySelectorAll("[data-do]")].some((button) => !button.hidden);
    const isHeld = entry.state === "failed" && "mayOverride" in form.dataset && Boolean(entry.held && entry.student);
    piece(row, "override").hidden = !isHeld;
    if (isHeld) piece(row, "whom").textContent = entry.studentName || entry.student;
  }

  function count() {
    const open = scanStore.entries.filter((entry) => entry.state === "waiting").length;
    none.hidden = list.children.length > 0;
    waiting.hidden = !scanQueue.isHeldUp() || open === 0;
    const words = open === 1 ? "1 scan waits" : `${open} scans wait`;
    const text = `The program cannot be reached. ${words} here and will be done by itself; go on scanning.`;
    if (!waiting.hidden && waiting.textContent !== text) waiting.textContent = text;
  }

  function place(row, at) {
    row.dataset.at = at;
    const older = [...list.children].find((other) => Number(other.dataset.at) <= at);
    if (older) older.before(row);
    else list.append(row);
  }

  function draw(entry) {
    if (entry.does === "undo") return count();
    let row = rows.get(entry.id);
    if (!row) {
      row = pattern.cloneNode(true);
      rows.set(entry.id, row);
      place(row, entry.at);
    }
    dress(row, entry);
    return count();
  }

  function forget(entry) {
    rows.get(entry.id)?.remove();
    rows.delete(entry.id);
    strange.delete(entry.log);
    const index = scanStore.entries.indexOf(entry);
    if (index >= 0) scanStore.entries.splice(index, 1);
    count();
  }

  const every = () => [...scanStore.entries, ...strange.values()];

  // Of a device only the last change can be undone.
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
    const old = every().filter((entry) => !["waiting", "sending", "failed"].includes(entry.state)).sort((one, other) => other.at - one.at);
    old.slice(MOST).forEach(forget);
  }

  return {
    draw,
    forget,
    supersede,
    count,
    begin() {
      list.replaceChildren();
      scanStore.entries.forEach(draw);
    },
    // A change that the server tells of: ours, of which we may not know yet, or another table's.
    learn(change) {
      const known = every().some((entry) => entry.log === change.id);
      const ours = scanStore.entries.find((entry) => entry.id === change.scan_id);
      supersede(change);
      if (known || ours || change.undoes_id) return;
      const entry = { id: `log-${change.id}`, state: "done", does: "seen", log: change.id, name: change.asset_tag, kind: change.action };
      Object.assign(entry, { words: change.words, actor: change.actor, at: Date.parse(change.timestamp) });
      entry.page = form.dataset.devices.replace("TAG", encodeURIComponent(change.asset_tag));
      strange.set(change.id, entry);
      draw(entry);
      trim();
    },
    find: (id) => every().find((entry) => entry.id === id),
    every,
  };
})();
