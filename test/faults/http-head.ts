// Heads of HTTP/1.1 answers as bytes, for a proxy that otherwise knows no HTTP.

/** A whole answer, after which the connection ends. */
export function answerText(answer: {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}): string {
  const body = answer.body ?? '';
  const headers: Readonly<Record<string, string>> = {
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
    ...answer.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${String(answer.status)} Answer\r\n${lines.join('')}\r\n${body}`;
}

/** The answer with other headers; undefined removes one. @returns undefined until all of its head is there */
export function rewrittenHead(
  answer: Buffer,
  headers: Readonly<Record<string, string | undefined>>,
): Buffer | undefined {
  const end = answer.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = answer.toString('latin1', 0, end).split('\r\n');
  const replaced = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const kept = lines.filter((line) => !replaced.has(line.slice(0, line.indexOf(':')).toLowerCase()));
  const added = Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  const head = [statusLine, ...kept, ...added].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), answer.subarray(end + 4)]);
}
