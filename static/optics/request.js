// The field for another part appears when Other is chosen.
const part = document.getElementById("selected_part");
const other = document.querySelector("[data-with-other]");
const field = other.querySelector("input");
const show = () => {
  other.hidden = part.selectedOptions[0]?.dataset.other === undefined;
  field.disabled = other.hidden; // what was entered before is not sent
};

part.addEventListener("change", () => {
  show();
  if (!other.hidden) field.focus();
});
window.addEventListener("pageshow", show); // the browser may have restored the choice
show();
