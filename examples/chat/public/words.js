// Small pure functions: how names, times and sizes are written.

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const listFormat = new Intl.ListFormat(undefined, { type: "conjunction" });

export const clock = (at) => clockFormat.format(at);

export const list = (names) => listFormat.format(names);

/** "Today", "Yesterday" or the date. */
export function day(at) {
  const days = Math.round((startOfDay(Date.now()) - startOfDay(at)) / 86_400_000);
  return ["Today", "Yesterday"][days] ?? dayFormat.format(at);
}

export const startOfDay = (at) => new Date(at).setHours(0, 0, 0, 0);

export function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export const people = (count) => (count === 1 ? "1 person" : `${count} people`);

/** The letters in an avatar: first and last word, or the first two letters of a single word. */
export function initials(name) {
  const words = name.split(/[\s._-]+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)].map((word) => [...word][0]) : [...name].slice(0, 2);
  return letters.join("").toUpperCase();
}

/** The same name has the same colour on every screen: FNV-1a, spread over the circle by the golden angle. */
export function hue(name) {
  let hash = 0x811c9dc5;
  for (const letter of name) hash = Math.imul(hash ^ letter.codePointAt(0), 0x01000193);
  return Math.round(((hash >>> 0) % 997) * 137.508) % 360;
}

/** What the server accepts as a room's name: letters, digits, `-` and `_`, at most 32. */
export function roomName(text) {
  const name = text.trim().toLowerCase().replace(/\s+/gu, "-").replace(/[^\p{L}\p{N}_-]/gu, "");
  return [...name].slice(0, 32).join("");
}
