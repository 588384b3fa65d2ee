// Shows the result of a scan: large text, tones, and the color of the window's edge.
"use strict";

const scanSignals = (() => {
  const SHOWN = 600; // ms
  const said = document.getElementById("said");
  const edge = document.getElementById("edge");
  const piece = (name) => said.querySelector(`[data-of="${name}"]`);
  let fading = 0;

  function show(look, line, words, note) {
    said.className = `scan-said ${look}`;
    piece("line").textContent = line;
    piece("words").textContent = words;
    piece("note").textContent = note;
    piece("note").hidden = !note;
  }

  function say(good, line, words, note = "") {
    const look = good ? "is-good" : "is-bad";
    show(look, line, words, note);
    said.dataset.answers = String(Number(said.dataset.answers ?? 0) + 1);
    clearTimeout(fading);
    edge.className = `scan-edge ${look}`;
    fading = setTimeout(() => { edge.className = "scan-edge"; }, SHOWN);
    tones.play(good);
  }

  return {
    good: (line, words, note) => say(true, line, words, note),
    bad: (line, words, note) => say(false, line, words, note),
    // Pending; scanning can continue.
    kept(line, words) {
      show("is-kept", line, words, "");
      tones.play(true);
    },
    // Without a tone.
    plain: (line, words) => show("", line, words, ""),
  };
})();
