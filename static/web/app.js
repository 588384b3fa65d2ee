// Buttons that copy text or show a password, fields for scanners, confirmations, and protection from submitting a form twice.
import { gettext as _ } from "web/translation";

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.querySelector("[data-copy-label]");
  const usual = label.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      label.textContent = _("Copied");
    } catch {
      getSelection().selectAllChildren(source); // no permission or no HTTPS: the user copies the selection
      label.textContent = _("Press Ctrl+C");
    }
    setTimeout(() => { label.textContent = usual; }, 2500);
  });
}

for (const button of document.querySelectorAll("[data-show]")) {
  const target = document.getElementById(button.dataset.show);
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    button.textContent = shown ? _("Hide") : _("Show");
    if (target instanceof HTMLInputElement) target.type = shown ? "text" : "password";
    else target.classList.toggle("is-shown", shown);
  });
}

// The next scan or search replaces the value. One that began before this script is not cut.
for (const field of document.querySelectorAll("input[data-replace]")) {
  if (field === document.activeElement && field.value === field.defaultValue) field.select();
  field.addEventListener("focus", () => field.select());
}

// Scans go to this field wherever the focus is.
const scanField = document.querySelector("[data-scan]");
if (scanField) import("web/scanner").then(({ scanInto }) => scanInto(scanField));

document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); // it may be out of view on a phone

// Asks for confirmation before any other listener runs.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (!question || window.confirm(question)) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

for (const form of document.querySelectorAll('form[method="post"]:not([target])')) {
  form.addEventListener("submit", (event) => {
    if (form.ariaBusy === "true") event.preventDefault();
    form.ariaBusy = "true";
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll('form[aria-busy="true"]')) form.ariaBusy = "false";
});
