// Shows the result of a scan: large text in `#said`, tones, and the color of the window's edge (`#edge`).
import { playTones } from "web/tones";

const EDGE_TIME = 600; // ms

// `prefix` starts the class names of the page: `<prefix>-said`, `<prefix>-edge`.
export function signals(prefix) {
  const said = document.getElementById("said");
  const edge = document.getElementById("edge");
  const part = (name) => said.querySelector(`[data-of="${name}"]`);
  let fading = 0;

  function show(look, line, words, note = "") {
    said.hidden = false;
    said.className = `${prefix}-said ${look}`;
    part("line").textContent = line;
    part("words").textContent = words;
    if (part("note")) Object.assign(part("note"), { textContent: note, hidden: !note });
  }

  function signal(good, line, words, note) {
    const look = good ? "is-good" : "is-bad";
    show(look, line, words, note);
    said.dataset.answers = String(Number(said.dataset.answers ?? 0) + 1);
    clearTimeout(fading);
    edge.className = `${prefix}-edge ${look}`;
    fading = setTimeout(() => { edge.className = `${prefix}-edge`; }, EDGE_TIME);
    playTones(good);
  }

  return {
    good: (line, words, note) => signal(true, line, words, note),
    bad: (line, words, note) => signal(false, line, words, note),
    // Stored but not processed yet; scanning can continue.
    pending(line, words) {
      show("is-kept", line, words);
      playTones(true);
    },
    // Without tones: nothing has happened yet.
    plain: (line, words) => show("", line, words),
  };
}
