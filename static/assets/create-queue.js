// Creates assets in order. An entry stays in the tab until the server has answered, so that a reload loses nothing.
import { creationPrints } from "assets/create-prints";
import { creationRows } from "assets/create-rows";
import { problemOfPrefix } from "assets/create-serial";
import { creationStore } from "assets/create-store";
import { sendQueue } from "web/send-queue";
import { signals } from "web/signals";
import { gettext as _ } from "web/translation";

const PAUSES = [1_000, 3_000, 9_000, 27_000]; // ms between retries
const form = document.getElementById("create");
const entries = creationStore.queue;
const listeners = { created: () => {}, failed: () => {} };
let added = 0;

export const creationSignals = signals("created");

async function request(entry) {
  const problem = entry.sent || entry.confirmed ? "" : await problemOfPrefix(entry.values.serial_number);
  if (!problem) return [form.dataset.create, entry.values];
  failed(entry, "failed", { error: problem });
  return null;
}

const queue = sendQueue({
  entries,
  store: creationStore,
  form,
  timeout: 90_000,
  pauses: PAUSES,
  request,
  answered,
  changed: (entry) => creationRows.dress(entry),
  signedOut() {
    document.getElementById("signed-out").hidden = false;
    creationSignals.bad(_("Signed out"), _("Pending assets are saved and will be created after you sign in."));
  },
  unreachable: () => creationSignals.bad(_("Server unreachable"), _("The server could not be reached. Retrying automatically.")),
});

function created(entry, asset, tag, { retry = "", isPrinted = false } = {}) {
  queue.remove(entry);
  creationRows.created(entry, asset, tag);
  if (isPrinted) creationRows.label(asset, "printed");
  else creationPrints.after(asset, tag, retry);
  listeners.created(entry, tag);
}

function failed(entry, state, body) {
  queue.update(entry, { state, problem: body.error });
  listeners.failed(entry, body);
}

// The tag of the asset if an earlier request created it and its response was lost; null if another asset has the serial number.
async function createdEarlier(entry, asset) {
  const serial = entry.values.serial_number;
  const known = creationRows.tagOf(asset, serial);
  if (known !== null) return known;
  await creationRows.refresh();
  return creationRows.tagOf(asset, serial);
}

async function recover(entry, body) {
  let tag = null;
  try {
    tag = await createdEarlier(entry, body.existing_asset_id);
  } catch {
    queue.postpone(entry, _("The server could not be reached. Retrying automatically."), { all: true });
    return;
  }
  if (tag === null) failed(entry, "failed", body);
  else created(entry, body.existing_asset_id, tag, { isPrinted: creationRows.isPrinted(body.existing_asset_id) });
}

async function answered(entry, status, body, wasSent) {
  if (status === 201) created(entry, body.asset_id, body.asset_tag, { retry: body.retry_print_url });
  else if (body.existing_asset_id && wasSent && !entry.known) await recover(entry, body);
  else if (body.retry && entry.attempts <= PAUSES.length) {
    queue.postpone(entry, _("%(problem)s Retrying automatically.", { problem: body.error }), { all: status >= 500 });
    if (entry.attempts === 1) creationSignals.bad(_("Not created yet"), body.error);
  } else failed(entry, body.retry ? "stuck" : "failed", body);
}

const sameSerial = (entry, serial) => entry.values.serial_number.toLowerCase() === serial.toLowerCase();

export const creationQueue = {
  // `values` of the form. A failed entry with the same serial number is replaced.
  add(values) {
    for (const old of entries.filter((entry) => entry.state === "failed" && sameSerial(entry, values.serial_number))) this.drop(old);
    added += 1;
    const at = new Date().toTimeString().slice(0, 5);
    const known = creationRows.knows(values.serial_number);
    const entry = { key: `${Date.now()}-${added}`, values, known, at, state: "waiting" };
    creationRows.queued(entry);
    queue.add(entry);
  },
  // Whether this serial number is pending or being created.
  has: (serial) => entries.some((entry) => entry.state !== "failed" && sameSerial(entry, serial)),
  entry: (key) => entries.find((entry) => entry.key === key),
  retry: (entry) => queue.retry(entry, { confirmed: true }),
  retryAll: () => entries.filter((entry) => entry.state === "stuck").forEach((entry) => queue.retry(entry)),
  drop(entry) {
    queue.remove(entry);
    creationRows.drop(entry);
  },
  on(name, listener) {
    listeners[name] = listener;
  },
  resume() {
    entries.forEach(creationRows.queued);
    queue.resume();
    entries.forEach(creationRows.dress);
  },
  isIdle: () => !queue.isWorking(),
};
