// Reads the code of a system, TLS or HTTP parser error without trusting its shape.

/** `ENOENT`, `ECONNREFUSED`, `CERT_HAS_EXPIRED`, ...; undefined when the value carries none. */
export function errorCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  // Several addresses tried at once (localhost as ::1 and 127.0.0.1) fail together; they share their cause.
  if (error instanceof AggregateError) return errorCode(error.errors.at(-1));
  return undefined;
}

/** The text of an error, or a stand-in when it has none (AggregateError). */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? (errorCode(error) ?? error.name) : error.message;
}
