// Says how it went: in words, by tones, and at the window's edge.
"use strict";

const creationSignals = (() => {
  const SHOWN = 600; // ms
  const said = document.getElementById("said");
  const edge = document.getElementById("edge");
  let fading = 0;

  return {
    // `line` is large, `words` are below it.
    say(good, line, words) {
      said.hidden = false;
      said.className = `created-said ${good ? "is-good" : "is-bad"}`;
      said.querySelector('[data-of="line"]').textContent = line;
      said.querySelector('[data-of="words"]').textContent = words;
      clearTimeout(fading);
      edge.className = `created-edge ${good ? "is-good" : "is-bad"}`;
      fading = setTimeout(() => { edge.className = "created-edge"; }, SHOWN);
      tones.play(good);
    },
  };
})();
