// What a tab stores, so that a reload loses nothing, and settings of this workplace that all its tabs share.

function read(storage, key) {
  try {
    return JSON.parse(storage().getItem(key)) ?? {};
  } catch {
    return {}; // storage is disabled, or its contents are damaged
  }
}

function write(storage, key, text) {
  try {
    storage().setItem(key, text);
  } catch {
    // storage is disabled: the value lasts until the page is left
  }
}

const tab = () => sessionStorage;
const workplace = () => localStorage;

// The stored values, with `empty` for those that are missing. Change them in place, then call `save()`.
export function tabStore(key, empty) {
  const values = { ...empty, ...read(tab, key) };
  Object.defineProperty(values, "save", { value: () => write(tab, key, JSON.stringify(values)) });
  return values;
}

// JSON values of this workplace; `{}` if there are none.
export const workplaceValues = (key) => read(workplace, key);
export const saveWorkplaceValues = (key, values) => write(workplace, key, JSON.stringify(values));

// A setting of this workplace as text, or null.
export function setting(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export const saveSetting = (key, text) => write(workplace, key, text);

// A random id. `crypto.randomUUID` exists only on secure origins.
export const randomId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
