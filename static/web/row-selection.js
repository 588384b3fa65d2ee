// Selects many rows at once, and counts them: for a form with `data-selects`, the name of its checkboxes.
import { gettext as _, ngettext } from "web/translation";

function selectRows(form) {
  const checkboxes = [...document.querySelectorAll(`input[type="checkbox"][name="${form.dataset.selects}"]`)];
  const all = form.querySelector("[data-select-all]");
  const count = form.querySelector("[data-selected-count]");
  const submits = [...form.querySelectorAll('button[type="submit"]')];
  let last = null;

  function show() {
    const selected = checkboxes.filter((checkbox) => checkbox.checked).length;
    count.textContent = selected ? ngettext("%(num)s selected", "%(num)s selected", selected) : _("None selected");
    for (const submit of submits) {
      submit.disabled = !selected;
      const words = submit.querySelector("[data-selected-text]");
      if (words) words.textContent = selected === 1 ? words.dataset.selectedOne : words.dataset.selectedText.replace("{}", selected || "");
    }
    form.classList.toggle("is-used", selected > 0);
    all.checked = selected === checkboxes.length;
    all.indeterminate = selected > 0 && selected < checkboxes.length;
  }

  for (const checkbox of checkboxes) {
    checkbox.addEventListener("click", (event) => {
      if (event.shiftKey && last) {
        const [from, to] = [checkboxes.indexOf(last), checkboxes.indexOf(checkbox)].sort((a, b) => a - b);
        for (const between of checkboxes.slice(from, to + 1)) between.checked = checkbox.checked;
      }
      last = checkbox;
      show();
    });
    checkbox.addEventListener("change", show);
  }

  all.closest("[hidden]").hidden = false;
  all.addEventListener("change", () => {
    for (const checkbox of checkboxes) checkbox.checked = all.checked;
    show();
  });
  show();
  window.addEventListener("pageshow", show); // the browser restores the checkboxes of a page that the user returns to
}

for (const form of document.querySelectorAll("form[data-selects]")) selectRows(form);
