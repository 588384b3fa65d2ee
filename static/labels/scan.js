// Sends each scan without leaving the page: the field is ready for the next scan immediately, and the result is shown and played as a sound.
import { scanner } from "web/scanner";
import { gettext as _ } from "web/translation";

const form = document.getElementById("scan");
const field = form.elements.namedItem("text");
const result = document.getElementById("said");
const last = document.getElementById("last");
const mute = document.getElementById("mute");
const MAX_ROWS = 10;
let muted = false;
let sound = null;
let newest = 0; // the number of the last scan
let shown = 0; // of the scan whose result is the large text

try {
  muted = localStorage.getItem("scan-sound") === "off";
} catch {
  muted = false; // storage is disabled: the sound is on
}

function showMute() {
  mute.setAttribute("aria-pressed", String(muted));
  mute.textContent = muted ? _("Sound is off") : _("Sound is on");
}

mute.hidden = false;
mute.addEventListener("click", () => {
  muted = !muted;
  try {
    localStorage.setItem("scan-sound", muted ? "off" : "on");
  } catch {
    // storage is disabled: the choice lasts until the page is closed
  }
  showMute();
  field.focus();
});
showMute();

function beep(good) {
  if (muted) return;
  sound ??= new AudioContext();
  for (const [at, pitch] of good ? [[0, 1320]] : [[0, 330], [0.18, 220]]) {
    const tone = sound.createOscillator();
    const loud = sound.createGain();
    const begin = sound.currentTime + at;
    tone.type = good ? "sine" : "square";
    tone.frequency.value = pitch;
    loud.gain.setValueAtTime(good ? 0.25 : 0.12, begin);
    loud.gain.exponentialRampToValueAtTime(0.001, begin + 0.15);
    tone.connect(loud).connect(sound.destination);
    tone.start(begin);
    tone.stop(begin + 0.16);
  }
}

// The answers of quick scans may arrive in another order: the large text is that of the newest scan that is answered.
function showResult(number, good, line, words) {
  result.dataset.scans = String(Number(result.dataset.scans ?? 0) + 1);
  beep(good);
  if (number < shown) return;
  shown = number;
  result.className = `scan-said ${good ? "is-good" : "is-bad"}`;
  result.querySelector('[data-of="line"]').textContent = line;
  result.querySelector('[data-of="words"]').textContent = words;
}

// The newest scan is first.
function addRow(number, good, name, page, note) {
  document.getElementById("none-yet")?.remove();
  if (page) last.querySelector(`a[href="${page}"]`)?.closest("li").remove();
  const row = document.createElement("li");
  row.dataset.number = number;
  if (!good) row.className = "is-bad";
  const title = document.createElement(page ? "a" : "span");
  if (page) title.href = page;
  title.className = "tag-name";
  title.textContent = name.length > 40 ? `${name.slice(0, 40)}…` : name;
  const words = document.createElement("span");
  words.className = "small quiet";
  words.textContent = note;
  row.append(title, " ", words);
  last.insertBefore(row, [...last.children].find((other) => Number(other.dataset.number ?? 0) < number) ?? null);
  while (last.children.length > MAX_ROWS) last.lastElementChild.remove();
  return words;
}

async function showDetails(answer, number, words) {
  let facts = "";
  try {
    const details = await fetch(answer.details, { headers: { Accept: "application/json" } });
    const asset = await details.json();
    facts = details.ok
      ? [`${asset.manufacturer} ${asset.model}`.trim(), asset.serial && _("S/N %(serial)s", { serial: asset.serial }), asset.holder && _("assigned to %(holder)s", { holder: asset.holder })].filter(Boolean).join(" · ")
      : _("The asset’s details are not available: %(problem)s", { problem: asset.error });
  } catch {
    facts = _("The asset’s details are not available.");
  }
  words.textContent = [words.textContent, facts].filter(Boolean).join(" · ");
  if (number === shown) result.querySelector('[data-of="words"]').textContent = _("Scanned. %(details)s", { details: facts });
}

async function send(text) {
  newest += 1;
  const number = newest;
  const sent = new FormData(form);
  sent.set("text", text);
  let answer = null;
  let problem = _("The server could not be reached. Scan the label again.");
  try {
    const response = await fetch(form.action, { method: "POST", body: sent, headers: { Accept: "application/json" } });
    const body = await response.json();
    if (response.ok) answer = body;
    else problem = body.error;
  } catch {
    answer = null;
  }
  const now = new Date().toTimeString().slice(0, 5);
  if (answer === null) {
    showResult(number, false, _("Not scanned"), problem);
    addRow(number, false, text, null, _("%(time)s · not scanned", { time: now }));
    return;
  }
  showResult(number, true, answer.name, _("Scanned."));
  await showDetails(answer, number, addRow(number, true, answer.name, answer.page, now));
}

function take(text) {
  field.value = "";
  field.focus();
  if (text) send(text);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  take(field.value.trim());
});
scanner({ field, catchKeys: true, scanned: take });
