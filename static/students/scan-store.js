// What this tab keeps, so that a reload loses nothing: what was scanned, and who is at the table.
"use strict";

const scanStore = (() => {
  const KEY = "scan-station";
  const empty = { entries: [], chosen: "", mode: "", panel: null };
  let kept = empty;
  try {
    kept = { ...empty, ...JSON.parse(sessionStorage.getItem(KEY)) };
  } catch {
    // this browser keeps nothing, or what it kept is damaged
  }

  return {
    // {id, does, state, code, …} in the order in which they were scanned; `does` is a mode, `undo` or `override`; `state` is `waiting`,
    // `sending`, `failed`, `done`, `chosen` or `undone`.
    entries: kept.entries,
    // The number of the student who gets the devices.
    get chosen() {
      return kept.chosen;
    },
    set chosen(studentId) {
      kept.chosen = studentId;
    },
    get mode() {
      return kept.mode;
    },
    set mode(mode) {
      kept.mode = mode;
    },
    // The student who is shown, as the server told.
    get panel() {
      return kept.panel;
    },
    set panel(student) {
      kept.panel = student;
    },
    save() {
      try {
        sessionStorage.setItem(KEY, JSON.stringify(kept));
      } catch {
        // it holds until the page is left
      }
    },
    // Browsers tell random numbers anywhere, but ready-made ids only where the address is safe.
    id: () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(""),
  };
})();
