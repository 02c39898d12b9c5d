// Keeps secrets out of everything that the plugin writes. Values are registered when they are read; the redactor knows
// each of them in the forms in which they usually leak (raw, per line, base64, URL- and JSON-escaped). Secrets may be
// whole files of some hundred kB, so that forms are looked up by their first characters: a pattern of them all would be
// too large for a regular expression.

const minRawLength = 4;
const minDerivedLength = 6;
const mask = '********';
/** Shorter secrets equal ordinary words too often to say of a text that it holds one. */
const minTellingLength = 6;
/** Lines of a file may be ordinary text; a long one is not found elsewhere by chance. */
const minTellingLineLength = 16;

/** Where a text was shortened: what stands before may be the start of a secret. */
const cutMarks = /\.\.\.|…| \[\d+ more characters\]/g;

/** Replaces registered secrets in text. */
export class Redactor {
  readonly #forms = new Set<string>();
  /** By their first characters. */
  readonly #formsByStart = new Map<string, string[]>();
  /** 1 for each code unit that a form begins with. */
  readonly #firstUnits = new Uint8Array(0x10000);
  #longestForm = 0;
  /** Values whose presence means that a secret is there. */
  readonly #telling = new Set<string>();

  /** Registers a secret in all its forms. Values under 4 characters are too common to be masked: returns false for them. */
  register(secret: string): boolean {
    const lines = secret.split(/[\r\n]+/).map((line) => line.trim());
    const worthMasking = lines.filter((line) => line.length >= minRawLength);
    if (worthMasking.length === 0) return false;
    this.#rememberTelling(secret.trim(), worthMasking);
    for (const raw of new Set([secret, secret.trim(), ...worthMasking])) {
      this.#add(raw, minRawLength);
      // Control characters do not reach the log.
      this.#add(raw.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, ''), minRawLength);
      for (const form of base64Forms(raw)) this.#add(form, minDerivedLength);
      this.#add(encodeURIComponent(Buffer.from(raw, 'utf8').toString('utf8')), minDerivedLength);
      this.#add(JSON.stringify(raw).slice(1, -1), minDerivedLength);
    }
    return true;
  }

  /** The text with every known secret masked, also the start of one where the text was shortened ("abc..."). */
  redact(text: string): string {
    if (this.#forms.size === 0) return text;
    const cuts = [...text.matchAll(cutMarks)].map(({ index }) => index);
    let shown = '';
    let shownTo = 0;
    let maskedTo = 0;
    for (let at = 0; at + minRawLength <= text.length; at++) {
      if (this.#firstUnits[text.charCodeAt(at)] === 0) continue;
      const end = this.#endOfSecret(text, at, cuts);
      if (end <= Math.max(at, maskedTo)) continue;
      // Secrets may overlap: one mask covers them together.
      if (at >= maskedTo) shown += text.slice(shownTo, at) + mask;
      maskedTo = end;
      shownTo = end;
    }
    return shown + text.slice(shownTo);
  }

  /** Whether a text holds a secret as it is, or in base64. Unlike redact(), it takes no short or common text for one. */
  holdsSecret(text: string): boolean {
    for (const value of this.#telling) if (text.includes(value)) return true;
    return false;
  }

  #rememberTelling(secret: string, lines: readonly string[]): void {
    const whole = secret.length >= minTellingLength ? [secret] : [];
    const isFile = lines.length > 1;
    const parts = isFile
      ? lines.filter((line) => line.length >= minTellingLineLength && !line.startsWith('-----'))
      : [];
    for (const raw of [...whole, ...parts]) {
      this.#telling.add(raw);
      for (const form of base64Forms(raw)) if (form.length >= minTellingLength) this.#telling.add(form);
    }
  }

  /** Where the longest secret that begins at a place ends; the place itself when none does. */
  #endOfSecret(text: string, at: number, cuts: readonly number[]): number {
    const forms = this.#formsByStart.get(text.slice(at, at + minRawLength));
    if (forms === undefined) return at;
    const whole = forms.filter((form) => text.startsWith(form, at));
    const end = whole.reduce((longest, form) => Math.max(longest, at + form.length), at);
    const cut = cuts.find((position) => position >= at + minDerivedLength && position > end);
    if (cut === undefined || cut - at >= this.#longestForm) return end;
    const rest = text.slice(at, cut);
    return forms.some((form) => form.startsWith(rest)) ? cut : end;
  }

  #add(form: string, minLength: number): void {
    if (form.length < minLength || this.#forms.has(form)) return;
    this.#forms.add(form);
    const start = form.slice(0, minRawLength);
    const others = this.#formsByStart.get(start);
    if (others === undefined) this.#formsByStart.set(start, [form]);
    else others.push(form);
    this.#firstUnits[form.charCodeAt(0)] = 1;
    this.#longestForm = Math.max(this.#longestForm, form.length);
  }
}

/** As it stands alone, and what is certain of it inside something longer (`user:password`), at each of three positions. */
function base64Forms(raw: string): readonly string[] {
  const bytes = Buffer.from(raw, 'utf8');
  const inside = [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    return encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
  });
  const alone = bytes.toString('base64');
  return [alone, alone.replace(/=+$/, ''), ...inside].flatMap((form) => [
    form,
    form.replaceAll('+', '-').replaceAll('/', '_'),
  ]);
}
