// What this tab and this workplace keep: the form, the queue, the labels to print, what was typed before.
"use strict";

const creationStore = (() => {
  const TAB = "create-assets";
  const BEFORE = "create-assets-before";
  const MOST_BEFORE = 30;

  function read(storage, key, otherwise) {
    try {
      return JSON.parse(storage().getItem(key)) ?? otherwise;
    } catch {
      return otherwise; // this browser keeps nothing, or what it kept is damaged
    }
  }

  function write(storage, key, value) {
    try {
      storage().setItem(key, JSON.stringify(value));
    } catch {
      // it holds until the page is left
    }
  }

  const tab = () => sessionStorage;
  const workplace = () => localStorage;
  const kept = { values: {}, queue: [], prints: [], ...read(tab, TAB, {}) };
  const before = read(workplace, BEFORE, {});

  return {
    // Field → value as the form stands.
    values: kept.values,
    // Entries {key, values, state, attempts, sent, known, problem}, the oldest first. `sent`: a request may have reached the server.
    queue: kept.queue,
    // Labels {asset, tag, address} that are still to be printed by themselves, in order.
    prints: kept.prints,
    save() {
      write(tab, TAB, kept);
    },
    // Values of a field that were used here before, the newest first.
    before(field) {
      return Array.isArray(before[field]) ? before[field] : [];
    },
    remember(field, value) {
      if (!value || this.before(field)[0] === value) return;
      before[field] = [value, ...this.before(field).filter((other) => other !== value)].slice(0, MOST_BEFORE);
      write(workplace, BEFORE, before);
    },
    // A setting that is the text "on" or "off", or a name.
    setting(key) {
      try {
        return localStorage.getItem(key);
      } catch {
        return null;
      }
    },
    set(key, value) {
      try {
        localStorage.setItem(key, value);
      } catch {
        // it holds until the page is left
      }
    },
  };
})();
