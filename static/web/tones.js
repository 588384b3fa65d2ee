// Plays rising tones for success and falling ones for failure. The checkbox with the id "sound" turns them off at this workplace.
import { saveSetting, setting } from "web/tab-store";

const KEY = "scan-sound";
const checkbox = document.getElementById("sound");
let context = null;

checkbox.checked = setting(KEY) !== "off";
checkbox.addEventListener("change", () => saveSetting(KEY, checkbox.checked ? "on" : "off"));

export function playTones(good) {
  // Browsers allow sound only after the user has interacted with the page, which may not have happened after a reload.
  if (!checkbox.checked || navigator.userActivation?.hasBeenActive === false) return;
  context ??= new AudioContext();
  const now = context.currentTime;
  for (const [at, pitch] of good ? [[0, 880], [0.09, 1320]] : [[0, 330], [0.18, 220]]) {
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.type = good ? "sine" : "square";
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(good ? 0.25 : 0.12, now + at);
    volume.gain.exponentialRampToValueAtTime(0.001, now + at + 0.14);
    tone.connect(volume).connect(context.destination);
    tone.start(now + at);
    tone.stop(now + at + 0.15);
  }
}
