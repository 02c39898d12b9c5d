// Tells before the build whether an ignore file fits through the session. The daemon parses it and sends each pattern back
// to us in a header of one request, HPACK-compressed; nghttp2, which Node uses, takes nine frames of 16 KiB for the
// headers of a request and fails the connection at more. https://www.rfc-editor.org/rfc/rfc7541#appendix-B
import { PluginError } from '../base/plugin-error.ts';

const frameBytes = 16_384;
/** One HEADERS and eight CONTINUATION frames, less one for the other headers (paths that COPY needs, tracing). */
const maxHeaderBytes = 8 * frameBytes;
/** nghttp2 takes no longer value (64 KiB, minus what the coding may add). */
const maxPatternBytes = 60_000;

/** A header whose name was sent before costs a byte for it, and one to three for the length of the value. */
const perPatternBytes = 4;

/** Bits of the Huffman code by character; all others have 20 or more. */
const codeLengths: ReadonlyMap<string, number> = new Map(
  (
    [
      [5, '012aceiost'],
      [6, ' %-./3456789=A_bdfghlmnpru'],
      [7, ':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz'],
      [8, '&*,;XZ'],
      [10, '!"()?'],
      [11, "'+|"],
      [12, '#>'],
      [13, '$@[]~'],
      [14, '^}'],
      [15, '<`{'],
      [19, '\\'],
    ] as const
  ).flatMap(([bits, characters]) => characters.split('').map((character) => [character, bits] as const)),
);
const longestCodeBits = 30;

/**
 * Throws PluginError (exit 2) when the patterns of an ignore file are more than the build session can carry.
 * @param text the whole file
 * @param name for the message
 */
export function checkIgnoreFile(text: string, name = '.dockerignore'): void {
  const patterns = readPatterns(text);
  // As soon as one pattern is not ASCII, newer daemons escape all of them.
  const escaped = patterns.some((pattern) => /[^\x20-\x7e]/.test(pattern));
  const sizes = patterns.map((pattern) =>
    Math.max(compressedBytes(pattern), escaped ? compressedBytes(queryEscape(pattern)) : 0),
  );
  const totalBytes = sizes.reduce((sum, size) => sum + size + perPatternBytes, 0);
  const longest = Math.max(0, ...sizes);
  if (totalBytes <= maxHeaderBytes && longest <= maxPatternBytes) return;
  const problem =
    longest > maxPatternBytes
      ? `a pattern of ${String(longest)} bytes; at most ${String(maxPatternBytes)} fit into one header`
      : `${String(patterns.length)} patterns with ${String(totalBytes)} bytes when compressed; the daemon hands them back in headers, which hold at most ${String(maxHeaderBytes)}`;
  throw new PluginError({
    code: 'ignore-file-too-large',
    exitCode: 2,
    message: `the ignore file ${name} has ${problem}`,
    hint: 'name whole folders or use wildcards instead of listing files',
  });
}

/** Lines that count: no comments (only at the very start of a line), nothing empty. */
function readPatterns(text: string): readonly string[] {
  return text
    .replace(/^\ufeff/, '')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** Huffman-coded, or as it is when that is shorter. */
function compressedBytes(value: string): number {
  let bits = 0;
  for (const byte of Buffer.from(value, 'utf8')) bits += codeLengths.get(String.fromCharCode(byte)) ?? longestCodeBits;
  return Math.min(Math.ceil(bits / 8), Buffer.byteLength(value, 'utf8'));
}

/** The text was decoded from UTF-8, so it holds no lone surrogates. */
function queryEscape(value: string): string {
  return encodeURIComponent(value)
    .replaceAll('%20', '+')
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
