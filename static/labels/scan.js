// Sends each scan without leaving the page: the field is free at once, and the answer is seen and heard.
"use strict";

(() => {
  const form = document.getElementById("scan");
  const field = form.elements.namedItem("text");
  const said = document.getElementById("said");
  const last = document.getElementById("last");
  const mute = document.getElementById("mute");
  const KEPT = 10;
  let muted = false;
  let sound = null;
  let newest = 0;

  try {
    muted = localStorage.getItem("scan-sound") === "off";
  } catch {
    muted = false; // this browser keeps nothing: the sound is on
  }

  function showMute() {
    mute.setAttribute("aria-pressed", String(muted));
    mute.textContent = muted ? "Sound is off" : "Sound is on";
  }

  mute.hidden = false;
  mute.addEventListener("click", () => {
    muted = !muted;
    try {
      localStorage.setItem("scan-sound", muted ? "off" : "on");
    } catch {
      // it holds until the page is left
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

  function say(good, line, words) {
    said.className = `scan-said ${good ? "is-good" : "is-bad"}`;
    said.querySelector('[data-of="line"]').textContent = line;
    said.querySelector('[data-of="words"]').textContent = words;
    said.dataset.scans = String(Number(said.dataset.scans ?? 0) + 1);
    beep(good);
  }

  function list(good, name, page, note) {
    document.getElementById("none-yet")?.remove();
    if (page) last.querySelector(`a[href="${page}"]`)?.closest("li").remove();
    const row = document.createElement("li");
    if (!good) row.className = "is-bad";
    const title = document.createElement(page ? "a" : "span");
    if (page) title.href = page;
    title.className = "tag-name";
    title.textContent = name.length > 40 ? `${name.slice(0, 40)}…` : name;
    const words = document.createElement("span");
    words.className = "small quiet";
    words.textContent = note;
    row.append(title, " ", words);
    last.prepend(row);
    while (last.children.length > KEPT) last.lastElementChild.remove();
    return words;
  }

  async function tell(answer, number, words) {
    let facts = "";
    try {
      const details = await fetch(answer.details, { headers: { Accept: "application/json" } });
      const asset = await details.json();
      facts = details.ok
        ? [`${asset.manufacturer} ${asset.model}`.trim(), asset.serial && `S/N ${asset.serial}`, asset.holder && `held by ${asset.holder}`].filter(Boolean).join(" · ")
        : `What it is, the directory does not say now: ${asset.error}`;
    } catch {
      facts = "What it is cannot be asked now.";
    }
    words.textContent = [words.textContent, facts].filter(Boolean).join(" · ");
    if (number === newest) said.querySelector('[data-of="words"]').textContent = `Scanned. ${facts}`;
  }

  async function send(text) {
    newest += 1;
    const number = newest;
    const sent = new FormData(form);
    sent.set("text", text);
    let answer = null;
    let problem = "The program cannot be reached. Scan it again.";
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
      say(false, "Not scanned", problem);
      list(false, text, null, `${now} · not scanned`);
      return;
    }
    say(true, answer.name, "Scanned.");
    await tell(answer, number, list(true, answer.name, answer.page, now));
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    field.value = "";
    field.focus();
    if (text) send(text);
  });
})();
