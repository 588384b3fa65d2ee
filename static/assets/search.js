// Ticking many rows at once, counting them, and remembering the label size of this workplace.
"use strict";

(() => {
  const form = document.getElementById("labels");
  if (!form) return;
  const boxes = [...document.querySelectorAll('input[name="asset_ids"]')];
  const all = document.getElementById("select-all");
  const count = document.getElementById("selected");
  const submits = form.querySelectorAll('button[type="submit"]');
  const size = form.elements.namedItem("size");
  let last = null;

  function show() {
    const ticked = boxes.filter((box) => box.checked).length;
    count.textContent = ticked ? `${ticked} selected` : "None selected";
    for (const submit of submits) submit.disabled = !ticked;
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

  function useSize() {
    for (const link of document.querySelectorAll("a[data-label-size]")) {
      const address = new URL(link.href);
      address.searchParams.set("size", size.value);
      link.href = address;
    }
  }

  try {
    const kept = localStorage.getItem("label-size");
    if ([...size.options].some((option) => option.value === kept)) size.value = kept;
    size.addEventListener("change", () => localStorage.setItem("label-size", size.value));
  } catch {
    // this browser keeps nothing: the installation's size stands
  }
  size.addEventListener("change", useSize);
  useSize();
  show();
  window.addEventListener("pageshow", show); // a page gone back to keeps its ticks
})();
