// The keypad of a count: big keys for a phone, whose own keyboard stays closed.
const field = document.getElementById("counted");
const keypad = document.getElementById("keypad");

if (field && keypad) {
  keypad.hidden = false;
  if (matchMedia("(pointer: coarse)").matches) field.inputMode = "none";
  let isFresh = true; // the first key replaces a number that the page came with
  const set = (text) => {
    field.value = text.slice(0, field.maxLength);
    isFresh = false;
  };
  field.addEventListener("input", () => { isFresh = false; });
  keypad.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("digit" in button.dataset) set((isFresh ? "" : field.value).replace(/^0+/, "") + button.dataset.digit);
    else if ("erase" in button.dataset) set(field.value.slice(0, -1));
    else set(String((Number(field.value) || 0) + 1));
  });
}
