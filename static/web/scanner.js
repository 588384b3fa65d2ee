// Tells scans from typing, wherever the focus is. A scanner types faster than people and ends with Enter or Tab: such a burst is one scan of
// the page's scan field. What it typed into another field is undone. Times are those of the keys, not of the page's work, so a busy computer
// does not matter. Key repetition, input methods, pasted text and shortcuts are no scan.
import { gettext as _ } from "web/translation";

const MAX_INTERVAL = 60; // ms between two keys of a scanner
const MAX_AVERAGE = 40; // ms between keys of a whole scan: fast typists take 60 to 80
const MAX_END = 150; // ms until the key that ends a scan: some scanners pause before it
const MAX_PAUSE = 2_000; // ms that a computer or a radio link may pause within a scan, after several fast keys
const MAX_FIRST_PAUSE = 300; // ms after the first keys of a scan, whose speed is not known yet; nobody types and scans within that time
const UNCLEAR = 100; // ms on average: a slow scanner or a fast typist
const MIN_LENGTH = 4; // characters; fewer are a scan in the scan field only
const MIN_LENGTH_IN_FIELD = 3;
const SILENT = new Set(["Shift", "CapsLock", "NumLock", "AltGraph"]);
const TEXT = 'input:not([type="checkbox"], [type="radio"], [type="hidden"], [type="button"], [type="submit"], [type="file"]), textarea, select';

export const isText = (element) => element.matches?.(TEXT) ?? false;

const average = (times) => (times.at(-1) - times[0]) / (times.length - 1);

// The state of a control, to restore it.
function snapshot(control) {
  const { value } = control;
  try {
    return { control, value, start: control.selectionStart, end: control.selectionEnd };
  } catch {
    return { control, value }; // no selection, such as in a date
  }
}

// Undoes what was typed since the snapshot. When a text control loses the focus, the browser itself sends a change event if one is due.
function restore({ control, value, start, end }) {
  if (!control.isConnected || control.value === value) return;
  control.value = value;
  control.dispatchEvent(new Event("input", { bubbles: true }));
  if (typeof start === "number") control.setSelectionRange(start, end);
  else control.dispatchEvent(new Event("change", { bubbles: true }));
}

// `scanned(code, { ending, isHere })` gets each scan: `ending` is "Enter" or "Tab", `isHere` whether it was typed into the scan field. With
// `catchKeys`, keys that no control uses go to the scan field. Enter in a field of several lines stays a line break.
export function scanner({ field, scanned, catchKeys = false }) {
  let code = "";
  let times = []; // of the keys since the last pause
  let fast = 0; // how many keys before a pause within the scan were as fast as a scanner
  let paused = false; // within the scan
  let recent = []; // of all keys at any speed
  let before = null; // the focused control before the scan, and the pause before it
  let isFresh = true; // the scan does not follow other keys
  let keyAt = NaN; // of the last key of any kind; a scan may have begun before this script ran
  let endedAt = -Infinity; // of the last scan, unless something was entered since then
  let note = null;
  let unclear = false;

  const isBurst = (keys) => keys.length > 2 && average(keys) <= MAX_AVERAGE;

  function reset() {
    [code, times, fast, paused, recent, before] = ["", [], 0, false, [], null];
  }

  function begin(event, pause) {
    isFresh = !times.length || pause >= MAX_FIRST_PAUSE;
    [code, times, fast, paused] = ["", [], 0, false];
    before = isText(event.target) ? { ...snapshot(event.target), pause } : null;
  }

  function continues(pause) {
    const isFirstPause = isFresh && !paused && times.length < 3;
    return pause < MAX_INTERVAL || (isBurst(times) && pause < MAX_PAUSE) || (isFirstPause && pause < MAX_FIRST_PAUSE);
  }

  function typed(event) {
    const pause = event.timeStamp - keyAt;
    if (!times.length || !continues(pause)) begin(event, pause);
    else if (pause >= MAX_INTERVAL) [paused, fast, times] = [true, isBurst(times) ? fast + times.length : fast, []];
    if (event.timeStamp - (recent.at(-1) ?? 0) > MAX_PAUSE) recent = [];
    times.push(event.timeStamp);
    recent.push(event.timeStamp);
    code += event.key;
    const presses = event.key === " " && event.target.matches("button, a, summary, input");
    if (!catchKeys || isText(event.target) || presses) return;
    field.focus();
    if (unclear) field.select(); // the scan in it was not used: the next one must not be appended to it
  }

  function isScan(event) {
    const length = fast + times.length;
    if (length < MIN_LENGTH) return event.target === field && length >= MIN_LENGTH_IN_FIELD && average([...times, event.timeStamp]) <= MAX_AVERAGE;
    return event.timeStamp - times.at(-1) <= MAX_END && (times.length < 2 || average(times) <= MAX_AVERAGE);
  }

  // In the scan field, its whole text counts, unless a part of it is older: a part of the scan may be missing in `code`.
  function text() {
    const isOld = before?.value && before.pause >= MAX_PAUSE && !(before.start === 0 && before.end === before.value.length);
    return (before?.control === field && !isOld && !(field instanceof HTMLTextAreaElement) ? field.value : code).trim();
  }

  function take(event) {
    const found = text();
    const isHere = event.target === field;
    if (before && before.control !== field) restore(before);
    unclear = false;
    note?.remove();
    field.focus();
    if (found) scanned(found, { ending: event.key, isHere });
  }

  function explain() {
    note ??= Object.assign(document.createElement("p"), { className: "note note-warning scanner-note", role: "status" });
    (field.closest(".with-button") ?? field).after(note);
    note.textContent = _("If this was a scan: your scanner ends with Tab. Set it to end with Enter. To use this code, press Enter in the field.");
    unclear = true;
  }

  function ended(event) {
    const isLine = event.key === "Enter" && event.target === field && field instanceof HTMLTextAreaElement;
    const isSecondEnd = !times.length && event.timeStamp - endedAt < MAX_END; // Tab and Enter, or Enter twice
    const found = times.length > 0 && isScan(event);
    if ((found || isSecondEnd) && !(isLine && found)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
    if (found && !isLine) take(event);
    else if (!isSecondEnd) {
      const all = [...recent, event.timeStamp];
      if (event.key === "Tab" && event.target === field && all.length > MIN_LENGTH && average(all) <= UNCLEAR) explain();
      else if (event.key === "Enter" && event.target === field) [unclear] = [false, note?.remove()];
    }
    if (found || isSecondEnd) endedAt = event.timeStamp;
    reset();
  }

  document.addEventListener("input", () => { endedAt = -Infinity; });
  document.addEventListener("paste", reset, true);
  document.addEventListener("keydown", (event) => {
    if (SILENT.has(event.key)) return;
    const isAltGraph = event.getModifierState("AltGraph"); // Windows reports Ctrl and Alt, too
    const hasModifier = !isAltGraph && (event.ctrlKey || event.metaKey || event.altKey);
    if (event.repeat || event.isComposing || hasModifier) reset();
    else if (event.key === "Enter" || (event.key === "Tab" && !event.shiftKey)) ended(event);
    else if (event.key.length === 1) typed(event);
    else if (event.key !== "Dead") reset();
    keyAt = event.timeStamp;
  }, true);
}

// A field with `data-scan`: the scan becomes a line of a field of several lines, or else replaces the value and submits the form.
export function scanInto(field) {
  const isLines = field instanceof HTMLTextAreaElement;
  function addLine(code, isHere) {
    const at = isHere ? field.selectionEnd : field.value.length;
    const line = isHere ? "\n" : `${field.value && !field.value.endsWith("\n") ? "\n" : ""}${code}\n`;
    field.setRangeText(line, at, at, "end");
    field.scrollTop = field.scrollHeight;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  scanner({
    field,
    scanned(code, { isHere }) {
      if (isLines) return addLine(code, isHere);
      field.value = code;
      return field.form.requestSubmit();
    },
  });
}
