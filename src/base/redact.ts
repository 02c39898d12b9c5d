// Keeps secrets out of everything that the plugin writes. Values are registered when they are read; the redactor knows
// each of them in the forms in which they usually leak (raw, per line, base64, URL- and JSON-escaped).

const minRawLength = 4;
const minDerivedLength = 6;
const mask = '********';

/** Replaces registered secrets in text. */
export class Redactor {
  readonly #forms = new Set<string>();
  #pattern: RegExp | undefined;

  /** Registers a secret in all its forms. Values under 4 characters are too common to be masked: returns false for them. */
  register(secret: string): boolean {
    const lines = secret.split(/\r?\n/).filter((line) => line.trim().length >= minRawLength);
    if (secret.length < minRawLength || lines.length === 0) return false;
    for (const raw of [secret, ...lines]) {
      this.#add(raw, minRawLength);
      const bytes = Buffer.from(raw, 'utf8');
      this.#add(bytes.toString('base64'), minDerivedLength);
      this.#add(bytes.toString('base64').replace(/=+$/, ''), minDerivedLength);
      this.#add(bytes.toString('base64url'), minDerivedLength);
      this.#add(encodeURIComponent(raw), minDerivedLength);
      this.#add(JSON.stringify(raw).slice(1, -1), minDerivedLength);
    }
    return true;
  }

  /** Registers `user:password` as it stands in a Basic header, beside the password itself. */
  registerLogin(username: string, password: string): void {
    this.register(password);
    if (password.length >= minRawLength) this.register(`${username}:${password}`);
  }

  /** The text with every known secret masked. */
  redact(text: string): string {
    if (this.#forms.size === 0) return text;
    this.#pattern ??= new RegExp(
      [...this.#forms]
        .sort((a, b) => b.length - a.length)
        .map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`))
        .join('|'),
      'g',
    );
    return text.replace(this.#pattern, mask);
  }

  #add(form: string, minLength: number): void {
    if (form.length < minLength || this.#forms.has(form)) return;
    this.#forms.add(form);
    this.#pattern = undefined;
  }
}
