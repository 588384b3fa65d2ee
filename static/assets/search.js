// Remembers the label size of this browser.
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
    const stored = localStorage.getItem("label-size");
    if ([...size.options].some((option) => option.value === stored)) size.value = stored;
    size.addEventListener("change", () => localStorage.setItem("label-size", size.value));
  } catch {
    // storage is disabled: the default size is selected
  }
  size.addEventListener("change", useSize);
  useSize();
})();
