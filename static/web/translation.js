// Translates the sentences that scripts show. English is the language of the source and needs no catalog. A page in another language embeds
// one as JSON in an element with the id "translations". `sentences`: sentence → translation, or singular → plural forms. `plurals`: the index
// of the plural form for each number below 200; larger numbers have the form of their last two digits.
const embedded = document.getElementById("translations");
const { sentences, plurals } = embedded ? JSON.parse(embedded.textContent) : { sentences: {}, plurals: [] };
const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_match, name) => values[name]);

// Example: `gettext("%(tag)s is available.", { tag })`. `make messages` extracts calls under the name `_` as well.
export const gettext = (sentence, values = {}) => fill(sentences[sentence] ?? sentence, values);

// `%(num)s` in the sentence is the number.
export function ngettext(singular, plural, num, values = {}) {
  const form = sentences[singular]?.[plurals[num < 200 ? num : 100 + (num % 100)]] ?? (num === 1 ? singular : plural);
  return fill(form, { num, ...values });
}
