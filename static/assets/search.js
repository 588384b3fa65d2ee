// Remembers the label size of this workplace.
"use strict";

(() => {
  const form = document.getElementById("labels");
  if (!form) return;
  const size = form.elements.namedItem("size");

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
})();
