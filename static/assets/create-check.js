// Checks the serial number during typing, and shows the next tag.
import { creationQueue } from "assets/create-queue";
import { cleanSerial } from "assets/create-serial";
import { gettext as _ } from "web/translation";

const PAUSE = 400; // ms without a key press: scanners are faster and end with Enter
const form = document.getElementById("create");
const field = form.elements.namedItem("serial_number");
const said = document.getElementById("serial-check");
const next = document.getElementById("next-tag");
const fit = new RegExp(`^(?:${field.pattern})$`);
const longest = Number(field.dataset.longest);
let timer = 0;
let asking = new AbortController();
let previewing = new AbortController();

function show(words, good, link = null) {
  said.textContent = words;
  said.className = `created-check small ${words ? (good ? "is-good" : "is-bad") : ""}`;
  if (!link) return;
  const to = document.createElement("a");
  Object.assign(to, { href: form.dataset.asset.replace(/0$/, link.id), target: "_blank", rel: "noopener", textContent: link.words });
  said.append(" ", to);
}

// How an error names a character, as `core/text` does on the server: “é” (U+00E9); U+0007 if it cannot be seen; a space.
function nameOf(character) {
  if (character === " ") return _("a space");
  const code = `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  return /[\p{C}\p{Z}\p{M}]/u.test(character) ? code : `“${character}” (${code})`;
}

// Why the serial number cannot be sent; empty if it can.
function problemOf(serial) {
  if (serial.length > longest) return _("A serial number can have at most %(count)s characters. Scan it again.", { count: longest });
  if (!fit.test(serial)) {
    const character = nameOf([...serial].find((each) => !fit.test(each)));
    return _("A serial number can only contain letters, digits and hyphens, not %(character)s. Scan it again.", { character });
  }
  if (creationQueue.has(serial)) return _("%(serial)s is already in the list.", { serial });
  return "";
}

async function ask(serial) {
  asking = new AbortController();
  try {
    const answer = await fetch(`${form.dataset.check}?${new URLSearchParams({ serial_number: serial })}`, {
      headers: { Accept: "application/json" },
      signal: asking.signal,
    });
    const body = await answer.json();
    if (!answer.ok) show(_("Not checked. Press Enter to create the asset if the serial number is free."), false);
    else if (body.valid) show(_("%(serial)s is available.", { serial }), true);
    else if (body.existing_asset_id) show(_("Already used by"), false, { id: body.existing_asset_id, words: body.existing_asset_tag ?? _("asset #%(id)s", { id: body.existing_asset_id }) });
    else show(body.error, false);
  } catch {
    // another key was pressed, or the server did not answer: the server checks the number again when the asset is created
  }
}

function stop() {
  clearTimeout(timer);
  asking.abort();
  show("", true);
}

async function preview() {
  previewing.abort();
  previewing = new AbortController();
  const catalog = form.elements.namedItem("catalog").value;
  try {
    const answer = await fetch(`${form.dataset.preview}?${new URLSearchParams({ catalog })}`, {
      headers: { Accept: "application/json" },
      signal: previewing.signal,
    });
    const body = await answer.json();
    next.textContent = answer.ok ? body.next_tag : _("unknown");
  } catch (error) {
    if (error.name !== "AbortError") next.textContent = _("unknown");
  }
}

export const creationCheck = {
  problemOf,
  stop,
  preview,
  typed() {
    stop();
    const serial = cleanSerial(field.value);
    if (!serial) return;
    const problem = problemOf(serial);
    if (problem) show(problem, false);
    else timer = setTimeout(() => ask(serial), PAUSE);
  },
};
