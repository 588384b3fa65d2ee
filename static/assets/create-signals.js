// Says how it went: in words, by tones, and at the window's edge.
"use strict";

const creationSignals = (() => {
  const SHOWN = 600; // ms
  const said = document.getElementById("said");
  const edge = document.getElementById("edge");
  const tick = document.getElementById("sound");
  let sound = null;
  let fading = 0;

  tick.checked = creationStore.setting("scan-sound") !== "off";
  tick.addEventListener("change", () => creationStore.set("scan-sound", tick.checked ? "on" : "off"));

  function play(good) {
    // Browsers let a page be heard only after somebody has touched it, which a page that was just reloaded may lack.
    if (!tick.checked || navigator.userActivation?.hasBeenActive === false) return;
    sound ??= new AudioContext();
    const now = sound.currentTime;
    for (const [at, pitch] of good ? [[0, 880], [0.09, 1320]] : [[0, 330], [0.18, 220]]) {
      const tone = sound.createOscillator();
      const loud = sound.createGain();
      tone.type = good ? "sine" : "square";
      tone.frequency.value = pitch;
      loud.gain.setValueAtTime(good ? 0.25 : 0.12, now + at);
      loud.gain.exponentialRampToValueAtTime(0.001, now + at + 0.14);
      tone.connect(loud).connect(sound.destination);
      tone.start(now + at);
      tone.stop(now + at + 0.15);
    }
  }

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
      play(good);
    },
  };
})();
