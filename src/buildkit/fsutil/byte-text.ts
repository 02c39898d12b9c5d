// File names are bytes, mostly but not always UTF-8, and the daemon wants them in byte order. Here a name or path is
// "byte text": a string with one character (0-255) per byte. Comparing two such strings compares their bytes, nothing is
// lost on the way from readdir to the wire, and an ASCII name (nearly every name) is simply itself.

const nonAscii = /[^\0-\x7f]/;
/** What may not be shown as it is: controls, quotes and backslashes, and what the decoder could not read. */
const unprintable = /[\0-\x1f\x7f"\\\ufffd]/;

/** Byte text of ordinary text: its UTF-8 bytes. */
export function bytesOf(text: string): string {
  return nonAscii.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** Ordinary text of byte text, for patterns and people. What is not UTF-8 becomes U+FFFD. */
export function textOf(bytes: string): string {
  return nonAscii.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes;
}

/** Byte text as an argument for node:fs. */
export function fsPath(bytes: string): string | Buffer {
  return nonAscii.test(bytes) ? Buffer.from(bytes, 'latin1') : bytes;
}

/** A path in quotes for a message: bytes that are no UTF-8, controls and quotes are escaped as in C. */
export function quotePath(bytes: string): string {
  const text = textOf(bytes);
  if (!unprintable.test(text)) return `"${text}"`;
  const isUtf8 = !text.includes('\ufffd');
  const escaped = (isUtf8 ? text : bytes).replace(isUtf8 ? /[\0-\x1f\x7f"\\]/g : /[^ !#-[\]-~]/g, (char) =>
    char === '"' || char === '\\' ? `\\${char}` : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `"${escaped}"`;
}

/** A path below a folder; the folder '' is the root. */
export function joinPath(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
