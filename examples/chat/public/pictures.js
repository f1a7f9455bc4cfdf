// From a file that was chosen, pasted or dropped to bytes that fit the server's limit.

import { size } from "./words.js";

/** The server refuses more; see MAX_PICTURE in rooms.rs. */
export const MAX_BYTES = 1 << 20;

const KINDS = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];
const LONGEST_SIDE = 1600;

/** `{ mime, bytes }`: the file's own bytes if they fit, else the picture made smaller. Throws a sentence for the user. */
export async function prepare(file) {
  if (!KINDS.includes(file.type)) throw new Error("Only pictures can be sent: PNG, JPEG, GIF, WebP or AVIF.");
  const blob = file.size > MAX_BYTES ? await shrink(file) : file;
  if (blob.size > MAX_BYTES) throw new Error(`This picture is too large: ${size(file.size)}, and ${size(MAX_BYTES)} is the limit.`);
  return { mime: blob.type, bytes: new Uint8Array(await blob.arrayBuffer()) };
}

export const firstPicture = (transfer) => [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/"));

async function shrink(file) {
  const image = await createImageBitmap(file).catch(() => {
    throw new Error("This file can't be read as a picture.");
  });
  const scale = Math.min(1, LONGEST_SIDE / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(image.width * scale);
  canvas.height = Math.round(image.height * scale);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(blob ?? file), "image/jpeg", 0.85));
}
