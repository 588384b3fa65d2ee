// State of this tab in session storage, so that a reload loses nothing: scans and the selected student.
"use strict";

const scanStore = (() => {
  const KEY = "scan-station";
  const empty = { entries: [], chosen: "", mode: "", panel: null };
  let kept = empty;
  try {
    kept = { ...empty, ...JSON.parse(sessionStorage.getItem(KEY)) };
  } catch {
    // no session storage, or its content is damaged
  }

  return {
    // {id, does, state, code, …} in scan order; `does` is a mode, `undo` or `override`; `state` is `waiting`,
    // `sending`, `failed`, `done`, `chosen` or `undone`.
    entries: kept.entries,
    // The number of the selected student.
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
    // The student shown, as the server sent it.
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
        // kept until the page is left
      }
    },
    // crypto.randomUUID needs a secure context; getRandomValues does not.
    id: () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(""),
  };
})();
