// Random messages, and random ways to cut them into fragments.

/** SEED makes them those of an earlier run. */
export const seed = Number(process.env.SEED ?? Date.now() % 2 ** 32);

export const random = randomFrom(seed);

/** Texts and bytes; many are short, the edges of the frame's length fields and the largest size are among them. */
export function* messages(count, largest) {
  const edges = [0, 1, 125, 126, 127, 65_535, 65_536, largest];
  for (let i = 0; i < count; i += 1) {
    const size = i < 2 * edges.length ? edges[i >> 1] : Math.floor(largest ** random());
    yield i % 2 === 0 ? textOf(size) : bytesOf(size);
  }
}

/** A text of at most so many bytes, of characters of one to four bytes, and some that JSON escapes. */
function textOf(size) {
  const alphabet = ["a", "Z", " ", "é", "世", "😀", "\u2028", "\u0000", '"', "\\", "\n"];
  const word = Array.from({ length: 31 }, () => alphabet[Math.floor(random() * alphabet.length)]).join("");
  const length = Buffer.byteLength(JSON.stringify(word)) - 2;
  return word.repeat(Math.floor(size / length)) + "x".repeat(size % length);
}

function bytesOf(size) {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i += 4) bytes.writeUInt8(Math.floor(random() * 256), i);
  return bytes;
}

/** Up to ten parts, some of them empty, with whether they are the last one. */
export function split(data) {
  const cuts = Array.from({ length: Math.floor(random() * 10) }, () => Math.floor(random() * (data.length + 1)));
  const ends = [...cuts.sort((a, b) => a - b), data.length];
  return ends.map((end, i) => [data.subarray(ends[i - 1] ?? 0, end), i === ends.length - 1]);
}

/** Numbers from 0 to 1 that only depend on the seed: xorshift. */
function randomFrom(seed) {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
