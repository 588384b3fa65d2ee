// What the page *Create assets* stores in the tab, and values that were entered in this browser before.
import { saveWorkplaceValues, tabStore, workplaceValues } from "web/tab-store";

const PREVIOUS = "create-assets-before";
const MAX_PREVIOUS = 30; // for each field
const previous = workplaceValues(PREVIOUS);

// values: field → value of the form. queue: {key, values, known, at, …} of the send queue, the oldest first. prints: labels
// {asset, tag, address} that are still to be printed, in order.
export const creationStore = tabStore("create-assets", { values: {}, queue: [], prints: [] });

// Values of a field that were used before, the most recent first.
export const previousValues = (field) => (Array.isArray(previous[field]) ? previous[field] : []);

export function rememberValue(field, value) {
  if (!value || previousValues(field)[0] === value) return;
  previous[field] = [value, ...previousValues(field).filter((other) => other !== value)].slice(0, MAX_PREVIOUS);
  saveWorkplaceValues(PREVIOUS, previous);
}
