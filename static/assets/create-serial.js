// The serial number in a scan: without what scanners and manufacturers add to it.
import { gettext as _ } from "web/translation";

const form = document.getElementById("create");
const HYPHENS = /[\u058a\u2010-\u2015\u2043\u2212\u2796\ufe58\ufe63\uff0d]/g;
const SYMBOLOGY = /^\][A-Za-z][0-9A-Za-z](?=.)/; // the AIM identifier, such as `]C1`
const NAMED = /^(?:S\/N|SN(?=\s*[:#])|SERIAL(?: (?:NUMBER|NO\.?))?(?=\s*[:#]))\s*[:#.]?\s*/i;
const DATA_IDENTIFIER = /^1?S(?=[A-Z0-9-]{5,}$)(?=.*\d)/i; // marks a serial number, but some begin with it
const SERIAL = /^[A-Za-z0-9-]+$/;

// Removes only what no serial number has, as the server does for forms and lists (core/scanned_text.py).
export function cleanSerial(text) {
  const code = text.trim().replace(HYPHENS, "-").replace(SYMBOLOGY, "").replace(NAMED, "");
  return SERIAL.test(code) ? code : text.trim();
}

// Why the serial number is probably one that exists, with the `S` or `1S` of its bar code before it; empty if it is not. If the server does not
// answer, nothing is known.
export async function problemOfPrefix(serial) {
  const rest = serial.replace(DATA_IDENTIFIER, "");
  if (rest === serial) return "";
  try {
    const address = `${form.dataset.check}?${new URLSearchParams({ serial_number: rest })}`;
    const answer = await fetch(address, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(10_000) });
    const body = await answer.json();
    if (!answer.ok || !body.existing_asset_id) return "";
    const values = { serial, rest, prefix: serial.slice(0, -rest.length), tag: body.existing_asset_tag ?? _("asset #%(id)s", { id: body.existing_asset_id }) };
    return _("%(rest)s already exists (%(tag)s). The %(prefix)s before it is probably the manufacturer’s prefix. To create %(serial)s anyway, press Retry.", values);
  } catch {
    return "";
  }
}
