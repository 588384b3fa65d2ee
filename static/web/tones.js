// One pair of tones for what went well, one for what did not. The box with the id "sound" turns them off at this workplace.
"use strict";

const tones = (() => {
  const KEY = "scan-sound";
  const tick = document.getElementById("sound");
  let sound = null;

  try {
    tick.checked = localStorage.getItem(KEY) !== "off";
  } catch {
    tick.checked = true; // this browser keeps nothing
  }
  tick.addEventListener("change", () => {
    try {
      localStorage.setItem(KEY, tick.checked ? "on" : "off");
    } catch {
      // it holds until the page is left
    }
  });

  return {
    play(good) {
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
    },
  };
})();
