// Counts labels as they arrive. Printing waits until the last label has arrived, its codes are decoded and its font is loaded.
"use strict";

(() => {
  const labels = document.getElementsByClassName("label");
  let shown = -1;

  // The page brings the sentences along: importing the translation module would delay the first label.
  function show(sentence, total = 0) {
    const status = document.getElementById("loaded");
    const values = { count: labels.length, total };
    status.textContent = status.dataset[sentence].replace(/\{(\w+)\}/g, (_match, name) => values[name].toLocaleString(document.documentElement.lang));
  }

  function updateCount() {
    const progress = document.querySelector("#loading progress");
    if (!progress || labels.length === shown) return; // updating the count mutates the page too
    shown = labels.length;
    const total = Number(progress.dataset.total);
    if (total) {
      progress.max = total;
      progress.value = Math.min(labels.length, total);
    }
    show(total ? "countOfTotal" : "count", total);
  }

  async function ready() {
    await document.fonts.ready;
    await Promise.all([...document.images].map((image) => image.decode().catch(() => undefined)));
  }

  async function print() {
    await ready();
    window.print();
  }

  function complete() {
    const button = document.getElementById("print"); // the end of the page: without it, the page is incomplete
    button?.addEventListener("click", print);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) button?.click();
    });
    if (!button && document.getElementById("loaded")) show("interrupted");
    if (button && "autoprint" in document.body.dataset && labels.length && !document.getElementById("resume")) print();
  }

  const observer = new MutationObserver(updateCount);
  observer.observe(document.documentElement, { childList: true, subtree: true });
  updateCount();
  const end = () => {
    observer.disconnect();
    complete();
  };
  if (document.readyState === "complete") end();
  else window.addEventListener("load", end);
})();
