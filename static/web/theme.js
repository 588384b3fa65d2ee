// Light or dark: as the system has it, or as this browser's user chose. Loaded before the page is drawn, so that nothing flashes.
"use strict";

(() => {
  const KEY = "theme";
  const TITLES = { auto: "system", light: "light", dark: "dark" };
  const system = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      const kept = localStorage.getItem(KEY);
      return kept in TITLES ? kept : "auto";
    } catch {
      return "auto"; // this browser keeps nothing
    }
  }

  function show() {
    const theme = chosen();
    document.documentElement.dataset.bsTheme = theme === "auto" ? (system.matches ? "dark" : "light") : theme;
    for (const name of document.querySelectorAll("[data-theme-name]")) name.textContent = TITLES[theme];
  }

  show();
  system.addEventListener("change", show);
  window.addEventListener("storage", show);
  document.addEventListener("DOMContentLoaded", () => {
    show();
    for (const button of document.querySelectorAll("[data-theme-next]")) {
      button.hidden = false;
      button.addEventListener("click", () => {
        const themes = Object.keys(TITLES);
        try {
          localStorage.setItem(KEY, themes[(themes.indexOf(chosen()) + 1) % themes.length]);
        } catch {
          button.hidden = true;
        }
        show();
      });
    }
  });
})();
