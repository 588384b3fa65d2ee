// Ticking many rows at once, and counting them: for a form with `data-ticks`, the name of its boxes.
"use strict";

(() => {
  const form = document.querySelector("form[data-ticks]");
  if (!form) return;
  const boxes = [...document.querySelectorAll(`input[type="checkbox"][name="${form.dataset.ticks}"]`)];
  const all = form.querySelector("[data-ticks-all]");
  const count = form.querySelector("[data-ticks-count]");
  const submits = [...form.querySelectorAll('button[type="submit"]')];
  let last = null;

  function show() {
    const ticked = boxes.filter((box) => box.checked).length;
    count.textContent = ticked ? `${ticked} selected` : "None selected";
    for (const submit of submits) {
      submit.disabled = !ticked;
      const words = submit.querySelector("[data-ticks-words]");
      if (words) words.textContent = ticked === 1 ? words.dataset.ticksOne : words.dataset.ticksWords.replace("{}", ticked || "");
    }
    form.classList.toggle("is-used", ticked > 0);
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  }

  for (const box of boxes) {
    box.addEventListener("click", (event) => {
      if (event.shiftKey && last) {
        const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
        for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
      }
      last = box;
      show();
    });
    box.addEventListener("change", show);
  }

  all.closest("[hidden]").hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
  });
  show();
  window.addEventListener("pageshow", show); // a page gone back to keeps its ticks
})();
