// Prints labels automatically, one after the other, each in a hidden frame of its own.
"use strict";

const creationPrints = (() => {
  const LOADS = 30_000; // ms until a page of labels counts as failed
  const PRINTS = 60_000; // ms until a browser that does not say when it has printed is believed to have
  const form = document.getElementById("create");
  const size = document.getElementById("size");
  const tick = document.getElementById("print-labels");
  const jobs = creationStore.prints;
  let busy = false;
  let leaving = false; // then frames are torn down, and their labels are printed when the page is back

  if (size) {
    const kept = creationStore.setting("label-size");
    if ([...size.options].some((option) => option.value === kept)) size.value = kept;
    size.addEventListener("change", () => creationStore.set("label-size", size.value));
    tick.checked = creationStore.setting("create-assets-print") !== "off";
    tick.addEventListener("change", () => creationStore.set("create-assets-print", tick.checked ? "on" : "off"));
  }

  window.addEventListener("pagehide", () => { leaving = true; });

  function address(job) {
    const page = new URL(job.address || `${form.dataset.print}?asset_id=${job.asset}`, location.href);
    if (size.value) page.searchParams.set("size", size.value);
    return page;
  }

  // Resolves true when the event comes, false when it does not in time.
  function comes(target, event, within) {
    return new Promise((resolve) => {
      const late = setTimeout(() => resolve(false), within);
      target.addEventListener(event, () => {
        clearTimeout(late);
        resolve(true);
      }, { once: true });
    });
  }

  // Whether the label went to the printer.
  async function print(job) {
    const frame = document.createElement("iframe");
    Object.assign(frame, { className: "print-frame", title: `Label of ${job.tag}`, tabIndex: -1, src: address(job) });
    frame.ariaHidden = "true";
    const loaded = comes(frame, "load", LOADS);
    document.body.append(frame); // a new one each time: a frame that goes on to another page makes a step back in the history
    try {
      const button = (await loaded) && frame.contentDocument?.getElementById("print");
      if (!button || button.disabled) return false;
      const printed = comes(frame.contentWindow, "afterprint", PRINTS);
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
      else creationRows.label(job.asset, "failed", "The label was not printed. The asset was created; print its label again.");
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

  return {
    add,
    // After a creation: `retry` is where the label is printed again, when it could not be drawn at all.
    after(asset, tag, retry) {
      if (!size) return;
      if (retry) creationRows.label(asset, "failed", "The label could not be rendered. Choose another label size and print it again.");
      else if (tick.checked) add(asset, tag);
    },
    resume() {
      if (!size) return;
      for (const job of jobs) creationRows.label(job.asset, "queued");
      work();
    },
  };
})();
