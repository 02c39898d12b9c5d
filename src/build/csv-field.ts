// Lists in attributes of BuildKit are lines of CSV.

/** RFC 4180: a field with a comma, a quote or a line end is quoted. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
