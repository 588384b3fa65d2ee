// Counts labels as they come. None must be printed before its codes are decoded, its font is there, and the last one has come.
"use strict";

(() => {
  const labels = document.getElementsByClassName("label");
  let shown = -1;

  function count() {
    const progress = document.querySelector("#coming progress");
    if (!progress || labels.length === shown) return; // what is shown is a change of the page too
    shown = labels.length;
    const total = Number(progress.dataset.total);
    if (total) {
      progress.max = total;
      progress.value = Math.min(labels.length, total);
    }
    const here = labels.length.toLocaleString("en");
    document.getElementById("come").textContent = total ? `${here} of ${total.toLocaleString("en")} labels` : `${here} labels so far`;
  }

  async function drawn() {
    await document.fonts.ready;
    await Promise.all([...document.images].map((image) => image.decode().catch(() => undefined)));
  }

  async function print() {
    await drawn();
    window.print();
  }

  function complete() {
    const button = document.getElementById("print"); // it comes last: without it the page has broken off
    button?.addEventListener("click", print);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) button?.click();
    });
    const coming = document.getElementById("come");
    if (!button && coming) coming.textContent = `Broken off after ${labels.length} labels`;
    if (button && "autoprint" in document.body.dataset && labels.length && !document.getElementById("stopped")) print();
  }

  const observer = new MutationObserver(count);
  observer.observe(document.documentElement, { childList: true, subtree: true });
  count();
  const end = () => {
    observer.disconnect();
    complete();
  };
  if (document.readyState === "complete") end();
  else window.addEventListener("load", end);
})();
