// Prints labels automatically, one after another, each in a hidden frame of its own.
import { creationRows } from "assets/create-rows";
import { creationStore } from "assets/create-store";
import { saveSetting, setting } from "web/tab-store";
import { gettext as _ } from "web/translation";

const LOADS = 30_000; // ms until loading a label counts as failed
const PRINTS = 60_000; // ms until printing counts as done in a browser that sends no `afterprint` event
const form = document.getElementById("create");
const size = document.getElementById("size");
const automatic = document.getElementById("print-labels");
const jobs = creationStore.prints;
let busy = false;
let leaving = false; // frames are removed with the page; their labels are printed when the page is opened again

if (size) {
  const stored = setting("label-size");
  if ([...size.options].some((option) => option.value === stored)) size.value = stored;
  size.addEventListener("change", () => saveSetting("label-size", size.value));
  automatic.checked = setting("create-assets-print") !== "off";
  automatic.addEventListener("change", () => saveSetting("create-assets-print", automatic.checked ? "on" : "off"));
}

window.addEventListener("pagehide", () => { leaving = true; });

function address(job) {
  const page = new URL(job.address || `${form.dataset.print}?asset_id=${job.asset}`, location.href);
  if (size.value) page.searchParams.set("size", size.value);
  return page;
}

// Resolves to whether the event is fired in time.
function fires(target, event, within) {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(false), within);
    target.addEventListener(event, () => {
      clearTimeout(late);
      resolve(true);
    }, { once: true });
  });
}

// Resolves to whether the label was sent to the printer.
async function print(job) {
  const frame = document.createElement("iframe");
  Object.assign(frame, { className: "print-frame", title: _("Label of %(tag)s", { tag: job.tag }), tabIndex: -1, src: address(job) });
  frame.ariaHidden = "true";
  const loaded = fires(frame, "load", LOADS);
  document.body.append(frame); // a new one each time: navigating a frame would add to the history
  try {
    const button = (await loaded) && frame.contentDocument?.getElementById("print");
    if (!button || button.disabled) return false;
    const printed = fires(frame.contentWindow, "afterprint", PRINTS);
    button.click();
    await printed;
    return true;
  } finally {
    frame.remove();
  }
}

async function work() {
  if (busy) return;
  busy = true;
  while (jobs.length) {
    const job = jobs[0];
    const printed = await print(job);
    if (leaving) return;
    jobs.shift();
    creationStore.save();
    if (printed) creationRows.label(job.asset, "printed");
    else creationRows.label(job.asset, "failed", _("The asset was created, but its label was not printed. Print it again."));
    document.dispatchEvent(new CustomEvent("label-done", { detail: { printed, tag: job.tag } }));
  }
  busy = false;
}

function add(asset, tag, retry = "") {
  if (jobs.some((job) => job.asset === asset)) return;
  jobs.push({ asset, tag, address: retry });
  creationStore.save();
  creationRows.label(asset, "queued");
  work();
}

export const creationPrints = {
  add,
  // After a creation. `retry` is the address for printing the label again if it could not be rendered.
  after(asset, tag, retry) {
    if (!size) return;
    if (retry) creationRows.label(asset, "failed", _("The label could not be rendered. Choose another label size and print it again."));
    else if (automatic.checked) add(asset, tag);
  },
  resume() {
    if (!size) return;
    for (const job of jobs) creationRows.label(job.asset, "queued");
    work();
  },
};
